#include "driver/host/sources/procfs_source.hpp"

#include <unistd.h>

#include <ctime>
#include <iterator>

#include "driver/host/sources/nt_clock.hpp"
#include "driver/host/sources/process_tracker.hpp"

namespace aegis::host::sources {
namespace {

constexpr std::int64_t kScanIntervalNanoseconds = 10'000'000;

std::int64_t boot_time_nanoseconds(std::uint64_t ticks) {
    return static_cast<std::int64_t>(ticks) * (kNanosecondsPerSecond / sysconf(_SC_CLK_TCK));
}

}  // namespace

std::optional<SourceError> ProcfsSource::start(ActivitySink& sink) {
    if (!read_stat(static_cast<std::uint32_t>(getpid()))) {
        return SourceError{
            "/proc is not mounted or hides processes; the procfs source needs it: mount -t proc proc /proc"};
    }
    scan(nullptr);
    thread_ = std::thread([this, &sink] { run(sink); });
    return std::nullopt;
}

void ProcfsSource::stop() {
    stop_.set();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void ProcfsSource::run(ActivitySink& sink) {
    while (stop_.keep_going(-1, kScanIntervalNanoseconds)) {
        scan(&sink);
    }
}

// Without a sink: learns what exists, announces nothing.
void ProcfsSource::scan(ActivitySink* sink) {
    const std::uint64_t number = scans_.fetch_add(1, std::memory_order_relaxed) + 1;
    const bool read = for_each_process([&](std::uint32_t pid, std::uint64_t inode) {
        Process& process = processes_[pid];
        // An unchanged inode spares reading the start time of every process at every scan.
        if (process.scan == 0 || process.inode != inode) {
            const std::optional<ProcessStat> stat = read_stat(pid);
            if (!stat) {
                return;
            }
            look_at(pid, process, *stat, sink);
            process.inode = inode;
        }
        process.scan = number;
        if (!process.announced && sink != nullptr) {
            watch_young(pid, process, *sink);
        }
    });
    if (!read) {
        // Out of descriptors, say. Who was not seen has not ended for that.
        return;
    }
    for (auto entry = processes_.begin(); entry != processes_.end();) {
        const bool gone = entry->second.scan != number;
        if (gone && entry->second.scan != 0 && sink != nullptr) {
            if (!entry->second.announced) {
                announce(entry->first, entry->second, *sink);
            }
            end(entry->first, entry->second, *sink);
        }
        entry = gone ? processes_.erase(entry) : std::next(entry);
    }
}

// Sees whether the pid stands for another process than at the scan before.
void ProcfsSource::look_at(std::uint32_t pid, Process& process, const ProcessStat& stat, ActivitySink* sink) {
    if (process.scan != 0 && process.start_time == stat.start_time) {
        return;
    }
    if (process.scan != 0 && sink != nullptr) {
        if (!process.announced) {
            announce(pid, process, *sink);
        }
        end(pid, process, *sink);
    }
    process.start_time = stat.start_time;
    process.parent = stat.parent;
    process.kernel_thread = stat.is_kernel_thread();
    process.announced = sink == nullptr || process.kernel_thread;
    process.image = to_nt_image(read_image(pid));
    process.details = process.announced ? nullptr : to_nt_details(read_details(pid));
}

// A process seen between its fork and its exec still runs its parent's image: give the exec time.
void ProcfsSource::watch_young(std::uint32_t pid, Process& process, ActivitySink& sink) {
    const std::int64_t age = clock_nanoseconds(CLOCK_BOOTTIME) - boot_time_nanoseconds(process.start_time);
    const auto parent = processes_.find(process.parent);
    const bool image_is_parents =
        parent != processes_.end() && parent->second.image && parent->second.image->path == process.image->path;
    if (image_is_parents && age < kForkGraceNanoseconds) {
        const ImageBytes bytes = read_image(pid);
        if (!bytes.path.empty()) {
            process.image = to_nt_image(bytes);
            process.details = to_nt_details(read_details(pid));
        }
        return;
    }
    announce(pid, process, sink);
}

void ProcfsSource::announce(std::uint32_t pid, Process& process, ActivitySink& sink) {
    process.announced = true;
    images_unknown_.fetch_add(process.image->exact ? 0 : 1, std::memory_order_relaxed);
    const NtTime created = time_of_ticks(process.start_time);
    ProcessStart start{.pid = pid,
                       .parent = process.parent,
                       .creator = process.parent,
                       .image = process.image->path,
                       .image_exact = process.image->exact,
                       .created = created,
                       .time = created};
    if (process.details) {
        start.command_line = process.details->command_line;
        start.owner = process.details->owner;
    }
    sink.process_started(start);
}

void ProcfsSource::end(std::uint32_t pid, const Process& process, ActivitySink& sink) {
    if (!process.kernel_thread) {
        sink.process_ended(pid, nt_now(), std::nullopt);
    }
}

std::vector<Counter> ProcfsSource::counters() const {
    return {{"scans", scans_.load(std::memory_order_relaxed)},
            {"images_unknown", images_unknown_.load(std::memory_order_relaxed)}};
}

}  // namespace aegis::host::sources
