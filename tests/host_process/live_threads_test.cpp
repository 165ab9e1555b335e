// Real threads and images of this process, from the kernel's perf events.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "driver/host/sources/live_source.hpp"
#include "driver/host/sources/nt_clock.hpp"
#include "driver/host/sources/perf_rings.hpp"
#include "driver/host/unique_fd.hpp"
#include "recording_sink.hpp"

namespace aegis::test {
namespace {

using host::sources::LiveSource;
using host::sources::PerfKind;
using host::sources::PerfRecord;
using host::sources::PerfRecords;
using host::sources::PerfRings;
using host::sources::SourceError;
using host::sources::ThreadEnd;
using host::sources::ThreadStart;

std::uint32_t own_pid() {
    return static_cast<std::uint32_t>(getpid());
}

class LivePerf : public testing::Test {
  protected:
    void SetUp() override {
        if (const std::optional<SourceError> error = rings_.open(PerfRecords::kThreadsAndImages)) {
            GTEST_SKIP() << error->message;
        }
    }

    PerfRings rings_;
};

// Catches: a field read from another one's place; another clock; records of one processor only; an order in which an
// exit comes before its fork.
TEST_F(LivePerf, TellsWhoMadeAThreadAndOfItsEnd) {
    constexpr std::size_t kThreads = 200;
    const std::int64_t begin = host::sources::clock_nanoseconds(CLOCK_MONOTONIC);
    std::set<std::uint32_t> made;
    for (std::size_t i = 0; i < kThreads; ++i) {
        std::uint32_t tid = 0;
        std::thread([&tid] { tid = static_cast<std::uint32_t>(gettid()); }).join();
        made.insert(tid);
    }
    std::vector<PerfRecord> records;
    std::vector<PerfRecord> ours;
    std::set<std::uint32_t> alive;
    std::size_t ended = 0;
    while (ended < kThreads) {
        rings_.take(records);
        std::int64_t before = 0;
        for (const PerfRecord& record : records) {
            EXPECT_GE(record.monotonic, before);
            before = record.monotonic;
            if (record.pid != own_pid() || !made.contains(record.tid)) {
                continue;
            }
            EXPECT_GE(record.monotonic, begin);
            if (record.kind == PerfKind::kFork) {
                EXPECT_EQ(record.parent_pid, own_pid());
                EXPECT_EQ(record.parent_tid, static_cast<std::uint32_t>(gettid()));
                alive.insert(record.tid);
            } else if (record.kind == PerfKind::kExit) {
                EXPECT_EQ(alive.erase(record.tid), 1U) << "an end before its start";
                ++ended;
            }
        }
        std::this_thread::yield();
    }
    EXPECT_TRUE(alive.empty());
}

// Catches: an argument read from another one's place; a caller, or a target, that is another; another clock; calls that
// the kernel wrote to a buffer nobody reads.
TEST_F(LivePerf, TellsWhoGetsAtAnotherProcess) {
    if (const std::optional<SourceError> error = rings_.add_handle_calls()) {
        GTEST_SKIP() << error->message;
    }
    const std::int64_t begin = host::sources::clock_nanoseconds(CLOCK_MONOTONIC);
    const pid_t child = fork();
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
    ASSERT_GT(child, 0);
    char byte = 0;
    iovec here{&byte, 1};
    iovec there{&byte, 1};
    EXPECT_EQ(process_vm_readv(child, &here, 1, &there, 1, 0), 1);
    EXPECT_EQ(process_vm_writev(child, &here, 1, &there, 1, 0), 1);
    EXPECT_EQ(ptrace(PTRACE_SEIZE, child, nullptr, nullptr), 0);
    const host::UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    const host::UniqueFd taken(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), 0, 0)));
    std::vector<PerfRecord> records;
    std::vector<PerfRecord> ours;
    const auto take = [&] {
        rings_.take(records);
        std::copy_if(records.begin(), records.end(), std::back_inserter(ours), [](const PerfRecord& record) {
            return record.kind == PerfKind::kHandle && record.pid == own_pid();
        });
    };
    // Whose descriptor that is, only /proc says, while the process is there.
    take();
    EXPECT_EQ(kill(child, 0), 0);
    EXPECT_EQ(syscall(SYS_tgkill, child, child, SIGCONT), 0);
    EXPECT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    for (bool ended = false; !ended;) {
        take();
        ended = std::any_of(records.begin(), records.end(), [child](const PerfRecord& record) {
            return record.kind == PerfKind::kExit && record.pid == static_cast<std::uint32_t>(child);
        });
        std::this_thread::yield();
    }
    std::vector<std::uint32_t> access;
    for (const PerfRecord& record : ours) {
        EXPECT_EQ(record.tid, static_cast<std::uint32_t>(gettid()));
        EXPECT_EQ(record.handle.process_id, static_cast<std::uint32_t>(child));
        EXPECT_GE(record.monotonic, begin);
        access.push_back(record.handle.access);
    }
    // To read, to write, to attach, by descriptor, one of its descriptors, to let a thread go on, to end it.
    EXPECT_EQ(access, (std::vector<std::uint32_t>{0x10, 0x28, 0x839, 0x101001, 0x40, 0x2, 0x1}));
}

// Bytes of a file, mapped to be run or not.
class MappedFile {
  public:
    explicit MappedFile(int protection) {
        std::string name = "/tmp/aegis-image-XXXXXX";
        const int file = mkstemp(name.data());
        path_ = name;
        if (file >= 0 && ftruncate(file, kBytes) == 0) {
            address_ = mmap(nullptr, kBytes, protection, MAP_PRIVATE, file, 0);
        }
        close(file);
    }
    ~MappedFile() {
        munmap(address_, kBytes);
        unlink(path_.c_str());
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    static constexpr std::size_t kBytes = 3 * 4096;
    const std::string& path() const { return path_; }
    std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(address_); }
    bool is_there() const { return address_ != MAP_FAILED && address_ != nullptr; }

  private:
    std::string path_;
    void* address_ = nullptr;
};

// Catches: a field read from another one's place; what is only data, or no file, taken for an image.
TEST_F(LivePerf, TellsOfFilesThatAreMappedToBeRun) {
    const MappedFile data(PROT_READ);
    const MappedFile code(PROT_READ | PROT_EXEC);
    void* const made = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(data.is_there());
    if (!code.is_there()) {
        GTEST_SKIP() << "nothing below /tmp may be run here";
    }
    munmap(made, 4096);
    std::thread([] {}).join();
    std::vector<PerfRecord> ours;
    bool end = false;
    while (!end) {
        std::vector<PerfRecord> records;
        rings_.take(records);
        for (PerfRecord& record : records) {
            end = end || (record.kind == PerfKind::kExit && record.pid == own_pid());
            if (record.kind == PerfKind::kImage && record.pid == own_pid()) {
                ours.push_back(std::move(record));
            }
        }
        std::this_thread::yield();
    }
    ASSERT_EQ(ours.size(), 1U);
    EXPECT_EQ(ours[0].path, code.path());
    EXPECT_EQ(ours[0].tid, static_cast<std::uint32_t>(gettid()));
    EXPECT_EQ(ours[0].base, code.address());
    EXPECT_EQ(ours[0].bytes, MappedFile::kBytes);
}

// Catches: images that nobody asked for, which would fill the buffers.
TEST_F(LivePerf, TellsOfThreadsAloneWhenAsked) {
    PerfRings threads_alone;
    ASSERT_FALSE(threads_alone.open(PerfRecords::kThreads));
    const MappedFile code(PROT_READ | PROT_EXEC);
    std::thread([] {}).join();
    std::vector<PerfRecord> records;
    for (bool end = false; !end;) {
        threads_alone.take(records);
        for (const PerfRecord& record : records) {
            end = end || (record.kind == PerfKind::kExit && record.pid == own_pid());
            EXPECT_NE(record.kind, PerfKind::kImage);
            EXPECT_NE(record.kind, PerfKind::kExec);
        }
    }
}

// More than a buffer holds, and nobody reads. Catches: a loss that is not noticed, or counted wrongly.
TEST_F(LivePerf, SaysHowMuchTheKernelHadNoRoomFor) {
    // Of this processor alone, so that one buffer takes it all.
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(sched_getcpu(), &only);
    cpu_set_t before;
    sched_getaffinity(0, sizeof(before), &before);
    ASSERT_EQ(sched_setaffinity(0, sizeof(only), &only), 0);
    constexpr int kThreads = 20'000;
    for (int i = 0; i < kThreads; ++i) {
        std::thread([] {}).join();
    }
    std::vector<PerfRecord> records;
    rings_.take(records);
    // The count of what was lost comes with the next record that there is room for.
    std::thread([] {}).join();
    std::vector<PerfRecord> next;
    rings_.take(next);
    sched_setaffinity(0, sizeof(before), &before);
    records.insert(records.end(), next.begin(), next.end());
    std::uint64_t seen = 0;
    std::uint64_t lost = 0;
    for (const PerfRecord& record : records) {
        seen += record.kind != PerfKind::kLost && record.pid == own_pid() ? 1 : 0;
        lost += record.lost;
    }
    EXPECT_GT(lost, 0U);
    EXPECT_GE(seen + lost, 2U * kThreads);
}

class LiveThreads : public testing::Test {
  protected:
    void SetUp() override {
        {
            PerfRings rings;
            if (const std::optional<SourceError> error = rings.open(PerfRecords::kThreadsAndImages)) {
                GTEST_SKIP() << error->message;
            }
        }
        if (const std::optional<SourceError> error = source_.start(sink_)) {
            GTEST_SKIP() << error->message;
        }
    }

    RecordingSink sink_;
    std::vector<std::string> lines_;
    LiveSource source_{[this](std::string_view line) { lines_.emplace_back(line); }, {.threads = true, .images = true}};
};

// Catches: a first thread before its process, or that never comes; a process that ends before its threads have.
TEST_F(LiveThreads, StandBetweenTheStartAndTheEndOfTheirProcess) {
    for (int round = 0; round < 20; ++round) {
        const pid_t child = fork();
        if (child == 0) {
            execl("/bin/true", "true", static_cast<char*>(nullptr));
            _exit(1);
        }
        waitpid(child, nullptr, 0);
        ASSERT_TRUE(sink_.wait_for_end_of(child));
        const std::vector<std::string> order = sink_.order_of(static_cast<std::uint32_t>(child));
        // On a slow machine the fork has had its time before the exec, which then is a second start.
        ASSERT_GE(order.size(), 4U);
        EXPECT_EQ(order[0], "process");
        EXPECT_EQ(order[1], "thread");
        EXPECT_EQ(std::count(order.begin(), order.end(), "thread end"), 1);
        EXPECT_EQ(order.back(), "process end");
        const std::vector<ThreadStart> threads = sink_.thread_starts_of(static_cast<std::uint32_t>(child));
        ASSERT_EQ(threads.size(), 1U);
        EXPECT_EQ(threads[0].tid, static_cast<std::uint32_t>(child));
        EXPECT_EQ(threads[0].creator, own_pid());
        EXPECT_EQ(threads[0].creator_tid, static_cast<std::uint32_t>(gettid()));
        // Its own program and, at least, the one that loads libraries.
        const std::vector<RecordedImage> images = sink_.images_of(static_cast<std::uint32_t>(child));
        ASSERT_GE(images.size(), 2U);
        const std::vector<RecordedActivity> told = sink_.of(child);
        const auto start =
            std::find_if(told.rbegin(), told.rend(), [](const RecordedActivity& one) { return one.is_start; });
        ASSERT_NE(start, told.rend());
        EXPECT_EQ(std::count_if(images.begin(), images.end(),
                                [&](const RecordedImage& image) { return image.path == start->image; }),
                  1);
    }
    source_.stop();
    EXPECT_EQ(sink_.lost(), 0U);
    EXPECT_TRUE(lines_.empty());
}

}  // namespace
}  // namespace aegis::test
