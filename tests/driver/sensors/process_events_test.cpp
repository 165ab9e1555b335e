// What the process sensor makes of a notification.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "driver/host/executive/parts.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

class ProcessEvents : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    }

    std::vector<ProcessEvent> pulled() { return events_in(client_.pull(1 << 20).bytes); }

    ProcessEvent only_event() {
        const std::vector<ProcessEvent> events = pulled();
        EXPECT_EQ(events.size(), 1U);
        return events.empty() ? ProcessEvent{} : events.front();
    }

    // The notification itself, with a name as no source of activity would give it.
    void notify_created(UNICODE_STRING name) {
        PS_CREATE_NOTIFY_INFO info{};
        info.Size = sizeof(info);
        info.FileOpenNameAvailable = 1;
        info.ImageFileName = &name;
        const host::ProcessScope scope(client_.process(), KernelMode);
        host::executive_parts().notify.call_all(
            false, [&](PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine) { routine(IoGetCurrentProcess(), nullptr, &info); },
            [](PCREATE_PROCESS_NOTIFY_ROUTINE) {});
    }

    // A path of this many units, no two neighbours equal.
    static std::u16string path_of(std::size_t units) {
        std::u16string path;
        for (std::size_t i = 0; i < units; ++i) {
            path += static_cast<char16_t>(u'a' + i % 26);
        }
        return path;
    }

    TestHost host_;
    Activity activity_{host_};
    Client client_{host_};
};

TEST_F(ProcessEvents, ACreationCarriesEveryField) {
    EXPECT_EQ(activity_.create(kFirstFreePid, u"\\Device\\HarddiskVolume1\\a.exe", true, 300, 400), STATUS_SUCCESS);
    const ProcessEvent event = only_event();
    EXPECT_EQ(event.header.Type, AEGIS_EVENT_PROCESS_CREATE);
    EXPECT_EQ(event.header.Size, AEGIS_PROCESS_EVENT_SIZE);
    EXPECT_EQ(event.header.Sequence, 2U) << "behind its details";
    EXPECT_EQ(event.header.Timestamp, kActivityTime);
    EXPECT_EQ(event.payload.ProcessId, kFirstFreePid);
    EXPECT_EQ(event.payload.ParentProcessId, 300U);
    EXPECT_EQ(event.payload.CreatingProcessId, 400U);
    EXPECT_EQ(event.path(), u"\\Device\\HarddiskVolume1\\a.exe");
    EXPECT_EQ(event.payload.ImagePathExact, 1);
    EXPECT_EQ(event.payload.ImagePathFlags, 0);
}

TEST_F(ProcessEvents, AnExitCarriesThePidOnly) {
    activity_.create(kFirstFreePid);
    activity_.exit(kFirstFreePid);
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 2U);
    const ProcessEvent& event = events[1];
    EXPECT_EQ(event.header.Type, AEGIS_EVENT_PROCESS_EXIT);
    EXPECT_EQ(event.header.Size, AEGIS_PROCESS_EVENT_SIZE);
    EXPECT_EQ(event.header.Sequence, 4U);
    EXPECT_EQ(event.header.Timestamp, kActivityTime + 1);
    AEGIS_PROCESS_PAYLOAD expected{};
    expected.ProcessId = kFirstFreePid;
    EXPECT_EQ(std::memcmp(&event.payload, &expected, sizeof(expected)), 0);
}

// Both numbers arrive as they are: equal for an ordinary start, different for a brokered or forged one.
TEST_F(ProcessEvents, ParentAndCreatorAreReportedSeparately) {
    activity_.create(kFirstFreePid, u"a", true, 500, 500);
    activity_.create(kFirstFreePid + 1, u"b", true, 4, 500);
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].payload.ParentProcessId, events[0].payload.CreatingProcessId);
    EXPECT_EQ(events[1].payload.ParentProcessId, 4U);
    EXPECT_EQ(events[1].payload.CreatingProcessId, 500U);
}

TEST_F(ProcessEvents, APathUpTo511UnitsIsWhole) {
    for (const std::size_t units : {1U, 2U, 3U, 4U, 255U, 510U, 511U}) {
        const std::u16string path = path_of(units);
        activity_.create(kFirstFreePid, path, true);
        const ProcessEvent event = only_event();
        EXPECT_EQ(event.path(), path) << units;
        EXPECT_EQ(event.payload.ImagePathExact, 1) << units;
        activity_.exit(kFirstFreePid);
        pulled();
    }
}

// Catches: the end of a long path, which names the program, lost; a cut path called exact; a cut that looks like a
// partial name.
TEST_F(ProcessEvents, ALongerPathLosesItsMiddleAndKeepsItsName) {
    for (const std::size_t units : {512U, 513U, 1024U, 32767U}) {
        const std::u16string path = path_of(units - 8) + u"\\evil.exe";
        activity_.create(kFirstFreePid, path.substr(1), true);
        const ProcessEvent event = only_event();
        EXPECT_EQ(event.path(), path.substr(1, 128) + u"..." + path.substr(path.size() - 378)) << units;
        EXPECT_TRUE(event.path().ends_with(u"\\evil.exe"));
        EXPECT_EQ(event.header.Size, AEGIS_PROCESS_EVENT_SIZE);
        EXPECT_EQ(event.payload.ImagePathLength, AEGIS_PATH_CUT_MAX);
        EXPECT_EQ(event.payload.ImagePath[AEGIS_PATH_CUT_MAX], 0);
        EXPECT_EQ(event.payload.ImagePath[AEGIS_PATH_CUT_PLACE], 128U);
        EXPECT_EQ(event.payload.ImagePath[AEGIS_PATH_CUT_FULL], units);
        EXPECT_EQ(event.payload.ImagePathExact, 0);
        EXPECT_EQ(event.payload.ImagePathFlags, AEGIS_PATH_CUT | AEGIS_PATH_CUT_EXACT);
        activity_.exit(kFirstFreePid);
        pulled();
    }
    activity_.create(kFirstFreePid, path_of(512), false);
    EXPECT_EQ(only_event().payload.ImagePathFlags, AEGIS_PATH_CUT);
}

// Catches: the last units of a cut path left out of the compact form.
TEST_F(ProcessEvents, ACutPathIsTheSameByRingAndByPull) {
    const SetupResult setup = client_.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    ring::Consumer<> consumer(ring_of(setup.reply), {});
    activity_.create(kFirstFreePid, path_of(600));
    const std::vector<ProcessEvent> events = drain(consumer);
    ASSERT_EQ(events.size(), 1U);
    const ProcessEvent pulled_event = only_event();
    EXPECT_EQ(std::memcmp(&events[0], &pulled_event, sizeof(pulled_event)), 0);
    EXPECT_EQ(events[0].payload.ImagePath[AEGIS_PATH_CUT_FULL], 600U);
}

TEST_F(ProcessEvents, APathIsExactOnlyWhenWindowsSaysSo) {
    activity_.create(kFirstFreePid, u"\\Device\\a.exe", false);
    const ProcessEvent event = only_event();
    EXPECT_EQ(event.path(), u"\\Device\\a.exe");
    EXPECT_EQ(event.payload.ImagePathExact, 0);
}

TEST_F(ProcessEvents, WithoutAnImageNameThePathIsEmptyAndNotExact) {
    activity_.create(kFirstFreePid, std::nullopt, true);
    const ProcessEvent event = only_event();
    EXPECT_EQ(event.payload.ImagePathLength, 0U);
    EXPECT_EQ(event.payload.ImagePathExact, 0);
    EXPECT_EQ(event.payload.ProcessId, kFirstFreePid);
}

// Catches: a name without a buffer called exact.
TEST_F(ProcessEvents, AnImageNameWithoutABufferIsNoName) {
    activity_.create(kFirstFreePid, std::u16string_view{}, true);
    const ProcessEvent event = only_event();
    EXPECT_EQ(event.payload.ImagePathLength, 0U);
    EXPECT_EQ(event.payload.ImagePathExact, 0);
}

TEST_F(ProcessEvents, AnEmptyImageNameIsAnEmptyPath) {
    activity_.create(kFirstFreePid, u"", false);
    const ProcessEvent event = only_event();
    EXPECT_EQ(event.payload.ImagePathLength, 0U);
    EXPECT_EQ(event.payload.ImagePathExact, 0);
}

// UTF-16 as Windows produced it: unpaired surrogates, and a NUL, which a counted string may hold.
TEST_F(ProcessEvents, ThePathIsNotInterpreted) {
    const char16_t units[] = {u'a', 0xD800, u'b', 0xDC00, 0xDC00, 0, 0xFFFF, u'z'};
    const std::u16string path(units, std::size(units));
    activity_.create(kFirstFreePid, path);
    EXPECT_EQ(only_event().path(), path);
}

// The last pages of an address range, and behind them one that nobody can read.
class GuardedPages {
  public:
    GuardedPages() {
        EXPECT_NE(pages_, MAP_FAILED);
        EXPECT_EQ(::mprotect(end(), page_, PROT_NONE), 0);
    }
    ~GuardedPages() { ::munmap(pages_, 2 * page_); }
    GuardedPages(const GuardedPages&) = delete;
    GuardedPages& operator=(const GuardedPages&) = delete;

    std::byte* end() const { return static_cast<std::byte*>(pages_) + page_; }

  private:
    const std::size_t page_ = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const pages_ = ::mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
};

// The length is the string's own, in bytes, and may be odd; half a unit is none. Behind it the memory ends.
// Catches: reading up to a terminator, up to the string's room, or up to a whole number of units.
TEST_F(ProcessEvents, NothingBehindTheImageNameIsRead) {
    const GuardedPages pages;
    const std::u16string path = path_of(512);
    for (const std::size_t bytes : {0U, 1U, 2U, 3U, 80U, 81U, 1021U, 1022U, 1023U}) {
        std::byte* text = pages.end() - bytes;
        std::memcpy(text, path.data(), bytes);
        notify_created({static_cast<USHORT>(bytes), 1024, reinterpret_cast<PWCH>(text)});
        EXPECT_EQ(only_event().path(), path.substr(0, bytes / 2)) << bytes;
    }
}

// Catches: the fixed part or the tail of the payload left uninitialised.
TEST_F(ProcessEvents, TheFullFormIsZeroBehindThePath) {
    const std::u16string long_path = path_of(511);
    activity_.create(kFirstFreePid, long_path);
    activity_.exit(kFirstFreePid);
    activity_.create(kFirstFreePid, u"x");
    const std::vector<ProcessEvent> events = pulled();
    ASSERT_EQ(events.size(), 3U);
    for (std::size_t i = 1; i < AEGIS_MAX_PATH; ++i) {
        ASSERT_EQ(events[2].payload.ImagePath[i], 0) << i;
    }
}

// In the ring an event ends where its path ends.
TEST_F(ProcessEvents, TheRingCarriesTheCompactForm) {
    const SetupResult setup = client_.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    ring::Consumer<> consumer(ring_of(setup.reply), {});
    activity_.create(kFirstFreePid, u"abc");
    activity_.create(kFirstFreePid + 1, std::nullopt);
    activity_.exit(kFirstFreePid);
    const std::vector<ProcessEvent> events = drain(consumer);
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0].header.Size, 16U + 16U + 3 * 2);
    EXPECT_EQ(events[0].path(), u"abc");
    EXPECT_EQ(events[1].header.Size, 16U + 16U);
    EXPECT_EQ(events[2].header.Size, 16U + 16U);
}

TEST_F(ProcessEvents, TheSequenceCountsEveryEventInPublishOrder) {
    activity_.come_and_go(200);
    const std::vector<ProcessEvent> events = all_events_in(client_.pull(1 << 20).bytes);
    ASSERT_EQ(events.size(), 800U);
    constexpr std::array kTypes = {AEGIS_EVENT_PROCESS_DETAILS, AEGIS_EVENT_PROCESS_CREATE, AEGIS_EVENT_PROCESS_DETAILS,
                                   AEGIS_EVENT_PROCESS_EXIT};
    for (std::size_t i = 0; i < events.size(); ++i) {
        ASSERT_EQ(events[i].header.Sequence, i + 1);
        ASSERT_EQ(events[i].header.Type, kTypes[i % kTypes.size()]);
    }
}

// Callbacks run on several processors at once; the publish lock makes them one producer.
// Catches: publish() without its lock (events torn or numbered twice).
TEST_F(ProcessEvents, ConcurrentCallbacksLoseAndMixNothing) {
    constexpr std::uint32_t kThreads = 4;
    constexpr std::uint32_t kEach = 200;
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            const std::u16string path = path_of(100 * (t + 1));
            for (std::uint32_t i = 0; i < kEach; ++i) {
                activity_.create(kFirstFreePid + t * kEach + i, path, true, t, t);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const std::vector<ProcessEvent> events = all_events_in(client_.pull(2 << 20).bytes);
    ASSERT_EQ(events.size(), 2 * kThreads * kEach);
    std::vector<std::uint32_t> next(kThreads);
    for (std::size_t i = 0; i < events.size(); ++i) {
        EXPECT_EQ(events[i].header.Sequence, i + 1);
        if (events[i].header.Type == AEGIS_EVENT_PROCESS_DETAILS) {
            continue;
        }
        const AEGIS_PROCESS_PAYLOAD& payload = events[i].payload;
        const std::uint32_t t = payload.ParentProcessId;
        ASSERT_LT(t, kThreads);
        EXPECT_EQ(payload.CreatingProcessId, t);
        EXPECT_EQ(payload.ProcessId, kFirstFreePid + t * kEach + next[t]++);
        EXPECT_EQ(events[i].path(), path_of(100 * (t + 1)));
    }
}

}  // namespace
}  // namespace aegis::test
