#include "driver/host/sources/perf_rings.hpp"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "driver/host/descriptors.hpp"
#include "driver/host/sources/tracepoints.hpp"

namespace aegis::host::sources {
namespace {

// A power of two. Room for about 18,000 forks and exits of one processor, or 7,000 images.
constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
// More than it takes for the last buffer to be found empty, however busy the machine is.
constexpr int kMostPasses = 64;

constexpr const char* kPerfPrivilege =
    "perf events of a whole processor need CAP_PERFMON: run as root, or add cap_perfmon to what 'setcap' grants "
    "aegismon-host";
constexpr const char* kPerfKernel =
    "this kernel has no perf events (CONFIG_PERF_EVENTS), or a container forbids them (seccomp)";

// Behind every record, because the event asks for the time and for sample_id_all.
struct RecordTime {
    std::uint64_t time;
};

struct TaskRecord {  // PERF_RECORD_FORK, PERF_RECORD_EXIT
    perf_event_header header;
    std::uint32_t pid;
    std::uint32_t parent_pid;
    std::uint32_t tid;
    std::uint32_t parent_tid;
};

struct ImageRecord {  // PERF_RECORD_MMAP2; the file's name follows, and zeros up to a multiple of 8 bytes
    perf_event_header header;
    std::uint32_t pid;
    std::uint32_t tid;
    std::uint64_t address;
    std::uint64_t bytes;
    std::uint64_t offset;
    std::uint64_t file[3];
    std::uint32_t protection;
    std::uint32_t flags;
};

struct NameRecord {  // PERF_RECORD_COMM, after an exec; the name follows
    perf_event_header header;
    std::uint32_t pid;
    std::uint32_t tid;
};

struct CallRecord {  // PERF_RECORD_SAMPLE of a tracepoint of a system call, as it is asked for below
    perf_event_header header;
    std::uint32_t pid;
    std::uint32_t tid;
    std::uint64_t time;
    std::uint32_t raw_bytes;  // the tracepoint's fields follow
};
// What CallRecord has before that.
constexpr std::size_t kCallRecordBytes = offsetof(CallRecord, raw_bytes) + sizeof(CallRecord::raw_bytes);

// A tracepoint's fields, of every sys_enter_….
struct CallFields {
    std::uint64_t common;
    std::int32_t number;
    std::uint32_t padding;
    std::array<std::uint64_t, 3> arguments;  // as many as all of them have
};

struct LostRecord {
    perf_event_header header;
    std::uint64_t id;
    std::uint64_t lost;
};

int open_event(int cpu, PerfRecords wanted) {
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.size = sizeof(attributes);
    attributes.config = PERF_COUNT_SW_DUMMY;
    attributes.sample_type = PERF_SAMPLE_TIME;
    attributes.sample_id_all = 1;
    attributes.task = 1;
    if (wanted == PerfRecords::kThreadsAndImages) {
        attributes.mmap = 1;
        attributes.mmap2 = 1;
        attributes.comm = 1;
        attributes.comm_exec = 1;
    }
    attributes.watermark = 1;
    attributes.wakeup_watermark = 1;
    attributes.use_clockid = 1;
    attributes.clockid = CLOCK_MONOTONIC;
    return static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
}

int open_tracepoint(int cpu, std::uint64_t id) {
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.size = sizeof(attributes);
    attributes.config = id;
    attributes.sample_period = 1;
    attributes.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW;
    // So that the time is at the end of what is no sample, as in the other records.
    attributes.sample_id_all = 1;
    attributes.use_clockid = 1;
    attributes.clockid = CLOCK_MONOTONIC;
    return static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
}

SourceError open_error(int error) {
    const bool denied = error == EACCES || error == EPERM;
    const bool missing = error == ENOSYS || error == ENOENT || error == EOPNOTSUPP;
    return {fmt::format("cannot open a perf event: {}{}{}", std::strerror(error), denied || missing ? "; " : "",
                        denied    ? kPerfPrivilege
                        : missing ? kPerfKernel
                                  : "")};
}

std::size_t page_bytes() {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// A record of this kind at the beginning of the bytes, as far as they reach.
template <typename Record>
std::optional<Record> begins_with(std::span<const std::byte> record) {
    if (record.size() < sizeof(Record)) {
        return std::nullopt;
    }
    Record read;
    std::memcpy(&read, record.data(), sizeof(read));
    return read;
}

bool decode_task(std::span<const std::byte> record, PerfRecord& decoded) {
    const auto task = begins_with<TaskRecord>(record);
    if (!task) {
        return false;
    }
    decoded.kind = task->header.type == PERF_RECORD_FORK ? PerfKind::kFork : PerfKind::kExit;
    decoded.pid = task->pid;
    decoded.tid = task->tid;
    decoded.parent_pid = task->parent_pid;
    decoded.parent_tid = task->parent_tid;
    return true;
}

// What is mapped to be run and is no file, such as code that is made at run time, is no image.
bool decode_image(std::span<const std::byte> record, PerfRecord& decoded) {
    // What the kernel says in place of a path that it cannot make.
    constexpr std::string_view kNoPath[] = {"//toolong", "//enomem"};
    const auto image = begins_with<ImageRecord>(record);
    if (!image || (image->header.misc & PERF_RECORD_MISC_MMAP_DATA) != 0 || (image->protection & PROT_EXEC) == 0) {
        return false;
    }
    const auto* const name = reinterpret_cast<const char*>(record.data()) + sizeof(*image);
    const std::string_view path(name, strnlen(name, record.size() - sizeof(*image)));
    decoded.kind = PerfKind::kImage;
    decoded.pid = image->pid;
    decoded.tid = image->tid;
    decoded.base = image->address;
    decoded.bytes = image->bytes;
    if (std::find(std::begin(kNoPath), std::end(kNoPath), path) != std::end(kNoPath)) {
        return true;
    }
    decoded.path = path;
    return path.starts_with('/') && !path.starts_with("//");
}

bool decode_exec(std::span<const std::byte> record, PerfRecord& decoded) {
    const auto name = begins_with<NameRecord>(record);
    // Any thread may give itself another name.
    if (!name || (name->header.misc & PERF_RECORD_MISC_COMM_EXEC) == 0) {
        return false;
    }
    decoded.kind = PerfKind::kExec;
    decoded.pid = name->pid;
    decoded.tid = name->tid;
    return true;
}

std::optional<HandleCall> call_of_number(std::int32_t number) {
    // In the order of HandleCall.
    constexpr std::array<std::int32_t, kHandleCalls.size()> kNumbers = {
        SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_open, SYS_pidfd_getfd, SYS_kill, SYS_tgkill,
        SYS_tkill,
    };
    const auto* const found = std::find(kNumbers.begin(), kNumbers.end(), number);
    return found != kNumbers.end() ? std::optional(static_cast<HandleCall>(found - kNumbers.begin())) : std::nullopt;
}

bool decode_call(std::span<const std::byte> record, PerfRecord& decoded) {
    CallRecord call{};
    CallFields fields{};
    if (record.size() < kCallRecordBytes) {
        return false;
    }
    std::memcpy(&call, record.data(), kCallRecordBytes);
    const std::span<const std::byte> raw = record.subspan(kCallRecordBytes);
    std::memcpy(&fields, raw.data(), std::min({raw.size(), std::size_t{call.raw_bytes}, sizeof(fields)}));
    const std::optional<HandleCall> known = call_of_number(fields.number);
    const std::optional<HandleAccess> access = known ? handle_access(*known, fields.arguments) : std::nullopt;
    if (!access) {
        return false;
    }
    decoded.kind = PerfKind::kHandle;
    decoded.monotonic = static_cast<std::int64_t>(call.time);
    decoded.pid = call.pid;
    decoded.tid = call.tid;
    decoded.handle = *access;
    if (access->descriptor >= 0) {
        decoded.handle.process_id = process_of_pidfd(call.pid, access->descriptor).value_or(0);
    } else if (access->process_id == 0) {
        decoded.handle.process_id = process_of_thread(access->thread_id);
    }
    if (decoded.handle.process_id == 0) {
        // The caller has closed it, or ended, since: nobody knows any more whom it got at.
        decoded.kind = PerfKind::kLost;
        decoded.lost = 1;
    }
    return true;
}

bool decode_lost(std::span<const std::byte> record, PerfRecord& decoded) {
    const auto lost = begins_with<LostRecord>(record);
    decoded.kind = PerfKind::kLost;
    decoded.lost = lost ? lost->lost : 0;
    return lost.has_value();
}

void decode(std::span<const std::byte> record, std::vector<PerfRecord>& records) {
    perf_event_header header;
    RecordTime time;
    std::memcpy(&header, record.data(), sizeof(header));
    if (record.size() < sizeof(header) + sizeof(time)) {
        return;
    }
    const std::span<const std::byte> body = record.first(record.size() - sizeof(time));
    std::memcpy(&time, body.data() + body.size(), sizeof(time));
    PerfRecord decoded;
    decoded.monotonic = static_cast<std::int64_t>(time.time);
    bool wanted = false;
    if (header.type == PERF_RECORD_SAMPLE) {
        // Has its time elsewhere.
        if (decode_call(record, decoded)) {
            records.push_back(std::move(decoded));
        }
        return;
    }
    switch (header.type) {
        case PERF_RECORD_FORK:
        case PERF_RECORD_EXIT:
            wanted = decode_task(body, decoded);
            break;
        case PERF_RECORD_MMAP2:
            wanted = decode_image(body, decoded);
            break;
        case PERF_RECORD_COMM:
            wanted = decode_exec(body, decoded);
            break;
        case PERF_RECORD_LOST:
            wanted = decode_lost(body, decoded);
            break;
        default:
            break;
    }
    if (wanted) {
        records.push_back(std::move(decoded));
    }
}

}  // namespace

PerfRing::PerfRing(UniqueFd event, void* mapping, std::size_t bytes)
    : event_(std::move(event)), mapping_(static_cast<std::byte*>(mapping)), bytes_(bytes) {}

PerfRing::~PerfRing() {
    if (mapping_ != nullptr) {
        munmap(mapping_, bytes_);
    }
}

PerfRing::PerfRing(PerfRing&& other) noexcept
    : event_(std::move(other.event_)), mapping_(std::exchange(other.mapping_, nullptr)), bytes_(other.bytes_) {}

bool PerfRing::read(std::vector<PerfRecord>& records) {
    auto* const page = reinterpret_cast<perf_event_mmap_page*>(mapping_);
    const std::byte* const data = mapping_ + page_bytes();
    // Acquire: pairs with the kernel's barrier between the records and the new head.
    const std::uint64_t head = std::atomic_ref(page->data_head).load(std::memory_order_acquire);
    std::uint64_t tail = page->data_tail;
    const bool any = head != tail;
    while (tail != head) {
        const std::size_t at = tail % kBufferBytes;
        perf_event_header header;
        // Records are multiples of 8 bytes, and so is the header.
        std::memcpy(&header, data + at, sizeof(header));
        if (header.size < sizeof(header)) {
            // The kernel writes no such record. Whatever this is, it must not be read for ever.
            tail = head;
            break;
        }
        const std::size_t before_the_end = std::min<std::size_t>(header.size, kBufferBytes - at);
        joined_.assign(data + at, data + at + before_the_end);
        joined_.insert(joined_.end(), data, data + header.size - before_the_end);
        decode(joined_, records);
        tail += header.size;
    }
    // Release: pairs with the kernel's reading of the tail; the records have been copied.
    std::atomic_ref(page->data_tail).store(tail, std::memory_order_release);
    return any;
}

std::optional<SourceError> PerfRings::open(PerfRecords wanted) {
    const int processors = get_nprocs_conf();
    if (!descriptors_left(static_cast<std::size_t>(processors) + 1 + kDescriptorsToStart)) {
        return SourceError{
            fmt::format("{} processors need as many file descriptors; raise the limit ('ulimit -n')", processors)};
    }
    ready_.reset(epoll_create1(EPOLL_CLOEXEC));
    std::optional<SourceError> error;
    for (int cpu = 0; cpu < processors && !error; ++cpu) {
        error = open_processor(cpu, wanted);
    }
    if (error) {
        rings_.clear();
        ready_.reset();
    }
    return error;
}

std::optional<SourceError> PerfRings::add_handle_calls() {
    if (!descriptors_left(rings_.size() * kHandleCalls.size() + kDescriptorsToStart)) {
        return SourceError{fmt::format("{} processors need {} file descriptors more; raise the limit ('ulimit -n')",
                                       rings_.size(), rings_.size() * kHandleCalls.size())};
    }
    Tracepoints all;
    if (!all.open()) {
        return SourceError{fmt::format("cannot read the kernel's tracepoints: {}; run as root", std::strerror(errno))};
    }
    for (const std::string_view call : kHandleCalls) {
        const std::optional<std::uint64_t> id = all.beginning_of(call);
        if (!id) {
            tracepoints_.clear();
            return SourceError{
                fmt::format("this kernel has no tracepoint of {}, or this process may not read it: run as root, on a "
                            "kernel that has "
                            "CONFIG_FTRACE_SYSCALLS",
                            call)};
        }
        for (std::size_t i = 0; i < rings_.size(); ++i) {
            UniqueFd tracepoint(open_tracepoint(processors_[i], *id));
            if (!tracepoint || ioctl(tracepoint.get(), PERF_EVENT_IOC_SET_OUTPUT, rings_[i].descriptor()) != 0) {
                const int error = errno;
                tracepoints_.clear();
                return open_error(error);
            }
            tracepoints_.push_back(std::move(tracepoint));
        }
    }
    return std::nullopt;
}

std::optional<SourceError> PerfRings::open_processor(int cpu, PerfRecords wanted) {
    UniqueFd event(open_event(cpu, wanted));
    if (!event) {
        // A processor that is off has no events.
        return errno == ENODEV ? std::nullopt : std::optional(open_error(errno));
    }
    const std::size_t bytes = page_bytes() + kBufferBytes;
    void* const mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
    if (mapping == MAP_FAILED) {
        return SourceError{fmt::format("cannot map the buffer of a perf event: {}; raise kernel.perf_event_mlock_kb",
                                       std::strerror(errno))};
    }
    epoll_event interest{};
    interest.events = EPOLLIN;
    const int descriptor = event.get();
    rings_.emplace_back(std::move(event), mapping, bytes);
    processors_.push_back(cpu);
    if (epoll_ctl(ready_.get(), EPOLL_CTL_ADD, descriptor, &interest) != 0) {
        return SourceError{fmt::format("cannot wait for perf events: {}", std::strerror(errno))};
    }
    return std::nullopt;
}

void PerfRings::take(std::vector<PerfRecord>& records) {
    records.clear();
    // What precedes a record was written before it, perhaps to a buffer that has just been read. So all are read again
    // until none has anything.
    bool any = true;
    for (int pass = 0; any && pass < kMostPasses; ++pass) {
        any = false;
        for (PerfRing& ring : rings_) {
            any = ring.read(records) || any;
        }
    }
    std::stable_sort(records.begin(), records.end(),
                     [](const PerfRecord& left, const PerfRecord& right) { return left.monotonic < right.monotonic; });
}

}  // namespace aegis::host::sources
