#include "driver/host/sources/thread_tracker.hpp"

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <span>
#include <string_view>
#include <utility>

#include "driver/host/sources/nt_clock.hpp"
#include "driver/host/sources/process_files.hpp"
#include "driver/host/sources/sysctl_value.hpp"

namespace aegis::host::sources {
namespace {

// kthreadd, the parent of all kernel threads in the initial PID namespace.
constexpr std::uint32_t kKernelThreadDaemon = 2;

NtTime time_of(const PerfRecord& record) {
    return nt_time_of(CLOCK_MONOTONIC, record.monotonic);
}

}  // namespace

void ThreadTracker::learn_existing() {
    for_each_process([this](std::uint32_t pid, std::uint64_t) {
        const std::optional<ProcessStat> stat = read_stat(pid);
        if (stat && !stat->is_kernel_thread()) {
            learn(pid);
        }
    });
}

void ThreadTracker::learn(std::uint32_t pid) {
    processes_[pid].started = true;
}

void ThreadTracker::apply(const PerfRecord& record) {
    if (record.kind == PerfKind::kLost) {
        for (auto& [pid, process] : processes_) {
            process.all_known = false;
        }
        sink_.events_lost(record.lost);
        return;
    }
    if (record.kind == PerfKind::kFork && record.tid == record.pid) {
        forked(record);
        return;
    }
    auto found = processes_.find(record.pid);
    if (found == processes_.end()) {
        // The end of the process was told already, and with it that of its threads; or it is the kernel's.
        if (record.kind == PerfKind::kExit) {
            return;
        }
        if (record.kind == PerfKind::kSysctl) {
            tell_sysctl(record, time_of(record));
            return;
        }
        // The process's own fork was lost.
        learn(record.pid);
        found = processes_.find(record.pid);
    }
    Process& process = found->second;
    if (process.kernel_thread && record.kind == PerfKind::kExit) {
        processes_.erase(found);
    } else if (record.kind == PerfKind::kExec) {
        executed(process, record);
    } else if (process.started) {
        // Nobody has a handle to a process that has not begun, as NT sees it.
        const auto target =
            record.kind == PerfKind::kHandle ? processes_.find(record.handle.process_id) : processes_.end();
        if (target != processes_.end() && !target->second.started && !target->second.kernel_thread) {
            target->second.waiting.push_back(record);
            return;
        }
        tell(process, record, 0);
    } else {
        process.waiting.push_back(record);
    }
}

void ThreadTracker::forked(const PerfRecord& record) {
    Process process;
    process.since = record.monotonic;
    process.born = time_of(record);
    process.all_known = true;
    process.kernel_thread = record.parent_pid == kKernelThreadDaemon;
    process.waiting = {record};
    if (!process.kernel_thread) {
        waiting_.push_back({record.pid, record.monotonic});
    }
    // One of the same number that is known has ended unheard, or was learned after this fork.
    processes_.insert_or_assign(record.pid, std::move(process));
}

void ThreadTracker::executed(Process& process, const PerfRecord& record) {
    if (process.started) {
        process.started = false;
        process.replaced = true;
        process.since = record.monotonic;
        waiting_.push_back({record.pid, record.monotonic});
        return;
    }
    std::erase_if(process.waiting, [](const PerfRecord& waiting) { return waiting.kind == PerfKind::kImage; });
}

void ThreadTracker::tell(Process& process, const PerfRecord& record, NtTime not_before) {
    const NtTime time = std::max(time_of(record), not_before);
    if (record.kind == PerfKind::kImage) {
        tell_image(record, time);
        return;
    }
    if (record.kind == PerfKind::kHandle) {
        tell_handle(record, time);
        return;
    }
    if (record.kind == PerfKind::kSysctl) {
        tell_sysctl(record, time);
        return;
    }
    if (record.kind == PerfKind::kExit) {
        const bool known = process.threads.erase(record.tid) != 0;
        // Ended by an exec already, which was told first.
        if (known || !process.all_known) {
            tell_end(record.pid, record.tid, time);
        }
        return;
    }
    process.threads.insert(record.tid);
    sink_.thread_started({.pid = record.pid,
                          .tid = record.tid,
                          .creator = record.parent_pid,
                          .creator_tid = record.parent_tid,
                          .start_address = std::nullopt,
                          .time = time});
}

void ThreadTracker::let_go(Process& process, NtTime not_before) {
    process.started = true;
    process.replaced = false;
    process.kernel_thread = false;
    for (const PerfRecord& record : std::exchange(process.waiting, {})) {
        tell(process, record, not_before);
    }
}

void ThreadTracker::tell_image(const PerfRecord& record, NtTime time) {
    // How the kernel ends the path of a file that has no name any more.
    constexpr std::string_view kDeleted = " (deleted)";
    const bool has_name = !record.path.ends_with(kDeleted);
    const std::size_t bytes = record.path.size() - (has_name ? 0 : kDeleted.size());
    const ImagePointer image = to_nt_image({.path = record.path.substr(0, bytes), .exact = has_name && bytes != 0});
    sink_.image_loaded({.pid = record.pid,
                        .tid = record.tid,
                        .path = image->path,
                        .path_exact = image->exact,
                        .base = record.base,
                        .size = record.bytes,
                        .time = time});
}

void ThreadTracker::tell_handle(const PerfRecord& record, NtTime time) {
    HandleOpened opened;
    opened.pid = record.pid;
    opened.tid = record.tid;
    opened.target = record.handle.process_id;
    opened.target_tid = record.handle.of_thread ? record.handle.thread_id : 0;
    opened.access = record.handle.access;
    opened.time = time;
    sink_.handle_opened(opened);
}

void ThreadTracker::tell_sysctl(const PerfRecord& record, NtTime time) {
    const SysctlValue written = sysctl_value(record.path, record.value);
    sink_.registry_changed({.pid = record.pid,
                            .tid = record.tid,
                            .kind = RegistryChanged::Kind::kSetValue,
                            .key = written.key,
                            .name = written.name,
                            .type = SysctlValue::kText,
                            .data = std::as_bytes(std::span(written.data)),
                            // One byte more than is known tells that there was more.
                            .data_bytes = written.data.size() * sizeof(char16_t) + (record.value_cut ? 1 : 0),
                            .time = time});
}

void ThreadTracker::tell_end(std::uint32_t pid, std::uint32_t tid, NtTime time) {
    sink_.thread_ended({.pid = pid, .tid = tid, .status = std::nullopt, .time = time});
}

void ThreadTracker::process_started(const ProcessStart& start) {
    const auto found = processes_.find(start.pid);
    if (found == processes_.end()) {
        // Its fork was lost.
        learn(start.pid);
        return;
    }
    Process& process = found->second;
    if (process.started || process.replaced) {
        end_all_but_one(process, start);
    }
    if (!process.started) {
        let_go(process, start.time);
    }
}

void ThreadTracker::end_all_but_one(Process& process, const ProcessStart& start) {
    // Another image of the same process: of its threads one is left, whichever it was, as the first. What is heard of
    // threads is ahead of this: when none is left here, that one has ended as well.
    if (!process.all_known || process.threads.empty()) {
        return;
    }
    const bool first_goes_on = process.threads.erase(start.pid) != 0;
    for (const std::uint32_t tid : std::exchange(process.threads, {start.pid})) {
        tell_end(start.pid, tid, start.time);
    }
    if (!first_goes_on) {
        sink_.thread_started({.pid = start.pid,
                              .tid = start.pid,
                              .creator = start.pid,
                              .creator_tid = start.pid,
                              .start_address = std::nullopt,
                              .time = start.time});
    }
}

void ThreadTracker::process_ended(std::uint32_t pid, NtTime time) {
    const auto found = processes_.find(pid);
    // That of an earlier process of this number, told late.
    if (found == processes_.end() || found->second.born > time) {
        return;
    }
    Process& process = found->second;
    if (!process.started) {
        let_go(process, 0);
    }
    for (const std::uint32_t tid : std::exchange(process.threads, {})) {
        tell_end(pid, tid, time);
    }
    processes_.erase(found);
}

bool ThreadTracker::waits(const Waiting& entry) const {
    const auto found = processes_.find(entry.pid);
    return found != processes_.end() && !found->second.started && found->second.since == entry.since;
}

std::optional<std::int64_t> ThreadTracker::next_deadline() {
    while (!waiting_.empty() && !waits(waiting_.front())) {
        waiting_.pop_front();
    }
    return waiting_.empty() ? std::nullopt : std::optional(waiting_.front().since + kStartGraceNanoseconds);
}

void ThreadTracker::expire(std::int64_t now) {
    for (std::optional<std::int64_t> due = next_deadline(); due && *due <= now; due = next_deadline()) {
        let_go(processes_.at(waiting_.front().pid), 0);
    }
}

}  // namespace aegis::host::sources
