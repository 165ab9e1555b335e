// Where process activity comes from, and where it goes.
//
// A source watches processes and threads start and end, and images being loaded, and tells its sink. It knows nothing
// of the driver: the sink turns what it hears into the notify callbacks that NT would make.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::host::sources {

// Times are 100 ns since 1601-01-01 UTC, as NT counts.
using NtTime = std::int64_t;

// As far as the source can tell. A user of Unix by number.
struct ProcessOwner {
    std::uint32_t uid = 0;
    std::uint32_t session = 0;
};

struct ProcessStart {
    std::uint32_t pid = 0;
    std::uint32_t parent = 0;
    std::uint32_t creator = 0;
    std::u16string_view image;  // no terminator; empty when nothing is known; valid during the call
    bool image_exact = false;   // the whole path the process was started from, nothing replaced
    // Its arguments, joined as Windows joins them (windows_command_line); valid during the call.
    std::optional<std::u16string_view> command_line = std::nullopt;
    std::optional<ProcessOwner> owner = std::nullopt;
    NtTime created = 0;  // when the process was made, before it came to run this image; 0: not known
    NtTime time = 0;
};

struct ThreadStart {
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;
    std::uint32_t creator = 0;      // the process whose thread made it
    std::uint32_t creator_tid = 0;  // that thread
    std::optional<std::uint64_t> start_address;
    NtTime time = 0;
};

struct ThreadEnd {
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;
    std::optional<std::int32_t> status;
    NtTime time = 0;
};

struct ImageLoaded {
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;     // the thread that mapped it
    std::u16string_view path;  // no terminator; empty when nothing is known; valid during the call
    bool path_exact = false;   // the name the file has now
    std::uint64_t base = 0;
    std::uint64_t size = 0;  // bytes that are mapped to be run
    NtTime time = 0;
};

// A handle to another process or one of its threads, or what amounts to one: with which rights of NT's.
struct HandleOpened {
    std::uint32_t pid = 0;  // who opens it
    std::uint32_t tid = 0;
    std::uint32_t target = 0;      // the process, or that of the thread
    std::uint32_t target_tid = 0;  // 0: the process
    std::uint32_t access = 0;
    bool made = false;       // there is a handle then; otherwise nobody knows
    bool duplicate = false;  // of a handle of this process, for that one
    std::uint32_t source = 0;
    std::uint32_t destination = 0;
    NtTime time = 0;
};

// A change of a key or a value, or of what stands in for one.
struct RegistryChanged {
    enum class Kind : std::uint8_t { kCreateKey, kSetValue, kDeleteKey, kDeleteValue, kRenameKey };

    std::uint32_t pid = 0;
    std::uint32_t tid = 0;
    Kind kind = Kind::kSetValue;
    std::u16string_view key;   // its whole path; valid during the call, as what follows
    std::u16string_view name;  // of a value, or a key's new one
    std::uint32_t type = 0;    // REG_…, of a value that is set
    std::span<const std::byte> data;
    std::size_t data_bytes = 0;  // of all of the data, of which there may be more than the source knows
    NtTime time = 0;
};

// Receives from one thread at a time, in order: a process's start before its end, and both around those of its threads,
// the images it loads and the handles it opens.
// A second start of a pid that has not ended is the same process running another image.
class ActivitySink {
  public:
    virtual ~ActivitySink() = default;
    virtual void process_started(const ProcessStart& start) = 0;
    // `status`: the exit status of a process that ended by itself, 128 and the signal's number of one that was killed.
    virtual void process_ended(std::uint32_t pid, NtTime time, std::optional<std::int32_t> status) = 0;
    virtual void thread_started(const ThreadStart& start) = 0;
    virtual void thread_ended(const ThreadEnd& end) = 0;
    virtual void image_loaded(const ImageLoaded& image) = 0;
    virtual void handle_opened(const HandleOpened& handle) = 0;
    virtual void registry_changed(const RegistryChanged& change) = 0;
    // So many events, as the source counts them, are missing between what was heard before and what will be; each
    // missing event is told once. What the source cannot know of (see each source) is not among them.
    virtual void events_lost(std::uint64_t count) = 0;
};

// One line for the operator, without a newline. Called from any thread of the source.
using Report = std::function<void(std::string_view line)>;

struct Counter {
    std::string_view name;
    std::uint64_t value = 0;
};

// Why a source cannot work: what is missing and the remedy, one line.
struct SourceError {
    std::string message;
};

// What a source tells of besides processes.
struct Tells {
    bool threads = false;
    bool images = false;
    bool handles = false;
    bool registry = false;
};

class ActivitySource {
  public:
    virtual ~ActivitySource() = default;

    // "connector", "procfs", "synthetic".
    virtual std::string_view name() const = 0;

    // Begins delivery on a thread of the source. On error nothing runs. Called once; the sink outlives
    // the source's stop().
    virtual std::optional<SourceError> start(ActivitySink& sink) = 0;

    // No sink call is running or follows when this returns. Harmless when not started, or twice.
    virtual void stop() = 0;

    // Known once it has started.
    virtual Tells tells() const { return {}; }

    // What was delivered and what was missed, by cause. Any thread, any time.
    virtual std::vector<Counter> counters() const = 0;
};

}  // namespace aegis::host::sources
