#include "driver/host/sources/process_tracker.hpp"

#include <ctime>
#include <vector>

#include "driver/host/sources/nt_clock.hpp"

namespace aegis::host::sources {
namespace {

// kthreadd, the parent of all kernel threads in the initial PID namespace, where alone the connector speaks.
constexpr std::uint32_t kKernelThreadDaemon = 2;

}  // namespace

void ProcessTracker::learn_existing() {
    for_each_process([this](std::uint32_t pid, std::uint64_t) {
        if (any_thread_alive(pid)) {
            processes_.try_emplace(pid, existing(pid));
        }
    });
    learned_at_ = clock_nanoseconds(CLOCK_MONOTONIC);
}

ProcessTracker::Process ProcessTracker::existing(std::uint32_t pid) {
    Process process;
    process.image = to_nt_image(read_image(pid));
    process.details = to_nt_details(read_details(pid));
    if (const std::optional<ProcessStat> stat = read_stat(pid)) {
        process.parent = stat->parent;
        process.kernel_thread = stat->is_kernel_thread();
        process.leader_ended = stat->has_ended();
    }
    return process;
}

void ProcessTracker::apply(const KernelEvent& event, const ImageBytes& image, const DetailBytes& details) {
    switch (event.kind) {
        case KernelEventKind::kFork:
            forked(event);
            break;
        case KernelEventKind::kExec:
            executed(event, image, details);
            break;
        case KernelEventKind::kExit:
            thread_ended(event);
            break;
    }
}

void ProcessTracker::forked(const KernelEvent& event) {
    if (event.thread != event.process) {
        const auto process = processes_.find(event.process);
        if (process != processes_.end() && !process->second.threads.empty()) {
            process->second.threads.insert(event.thread);
        }
        return;
    }
    ended_early_.erase(event.process);
    if (const auto old = processes_.find(event.process); old != processes_.end()) {
        // Its pid is in use again, so it ended unheard; unless this very fork is what learn_existing saw.
        const bool learned = old->second.born == 0 && event.monotonic < learned_at_;
        if (learned) {
            processes_.erase(old);
        } else {
            end(event.process, event.monotonic, std::nullopt);
        }
    }
    const auto parent = processes_.try_emplace(event.parent, Process()).first;
    if (!parent->second.image) {
        parent->second = existing(event.parent);
    }
    announce_fork(event.parent, parent->second);

    Process child;
    child.parent = event.parent;
    child.threads = {event.process};
    child.image = parent->second.image;
    child.details = parent->second.details;
    child.born = event.monotonic;
    child.kernel_thread = event.parent == kKernelThreadDaemon;
    child.pending = !child.kernel_thread;
    if (child.pending) {
        pending_.push_back({event.process, event.monotonic});
    }
    processes_.emplace(event.process, std::move(child));
}

void ProcessTracker::executed(const KernelEvent& event, const ImageBytes& image, const DetailBytes& details) {
    ended_early_.erase(event.process);
    Process& process = processes_[event.process];
    if (!process.image) {
        process = existing(event.process);
    }
    // An exec leaves one thread, whichever it was, and that one is the leader from then on.
    process.threads = {event.process};
    process.leader_ended = false;
    process.pending = false;
    process.kernel_thread = false;
    process.image = to_nt_image(image);
    process.details = to_nt_details(details);
    announce(event.process, process, event.monotonic);
}

void ProcessTracker::thread_ended(const KernelEvent& event) {
    const bool is_leader = event.thread == event.process;
    const auto found = processes_.find(event.process);
    if (found == processes_.end()) {
        if (is_leader && ended_early_.erase(event.process) == 0) {
            sink_.process_ended(event.process, nt_time_of(CLOCK_MONOTONIC, event.monotonic),
                                exit_status_of(event.wait_status));
        }
        return;
    }
    // A leader may end long before its process, or because another thread of it runs exec and takes the leader's
    // place. So the last thread's exit is the end. The kernel reports every thread's fork before its exit; but the
    // exit of a thread that an exec has killed may come after the exec, and is then no thread of ours any more.
    Process& process = found->second;
    if (!process.threads.empty()) {
        process.threads.erase(event.thread);
        if (process.threads.empty()) {
            end(event.process, event.monotonic, exit_status_of(event.wait_status));
        }
        return;
    }
    process.leader_ended = process.leader_ended || is_leader;
    if (process.leader_ended && !any_thread_alive(event.process)) {
        end(event.process, event.monotonic, exit_status_of(event.wait_status));
    }
}

void ProcessTracker::announce_fork(std::uint32_t pid, Process& process) {
    if (process.pending) {
        process.pending = false;
        announce(pid, process, process.born);
    }
}

void ProcessTracker::announce(std::uint32_t pid, const Process& process, std::int64_t time) {
    ProcessStart start{.pid = pid,
                       .parent = process.parent,
                       .creator = process.parent,
                       .image = process.image->path,
                       .image_exact = process.image->exact,
                       .time = nt_time_of(CLOCK_MONOTONIC, time)};
    if (process.details) {
        start.command_line = process.details->command_line;
        start.owner = process.details->owner;
        start.created = process.details->created;
    }
    // What is known of its fork is more exact, and true of one that shares its parent's details.
    if (process.born != 0) {
        start.created = start.time - (time - process.born) / kNanosecondsPerTick;
    }
    sink_.process_started(start);
}

void ProcessTracker::end(std::uint32_t pid, std::int64_t time, std::optional<std::int32_t> status) {
    const auto process = processes_.find(pid);
    announce_fork(pid, process->second);
    const bool announced = !process->second.kernel_thread;
    processes_.erase(process);
    if (announced) {
        sink_.process_ended(pid, nt_time_of(CLOCK_MONOTONIC, time), status);
    }
}

bool ProcessTracker::is_pending(const Fork& fork) const {
    const auto process = processes_.find(fork.pid);
    return process != processes_.end() && process->second.pending && process->second.born == fork.born;
}

std::optional<std::int64_t> ProcessTracker::next_deadline() {
    while (!pending_.empty() && !is_pending(pending_.front())) {
        pending_.pop_front();
    }
    return pending_.empty() ? std::nullopt : std::optional(pending_.front().born + kForkGraceNanoseconds);
}

void ProcessTracker::expire(std::int64_t now) {
    for (std::optional<std::int64_t> due = next_deadline(); due && *due <= now; due = next_deadline()) {
        const std::uint32_t pid = pending_.front().pid;
        announce_fork(pid, processes_.at(pid));
    }
}

void ProcessTracker::reconcile(std::int64_t now) {
    std::vector<std::uint32_t> gone;
    for (auto& [pid, process] : processes_) {
        if (!any_thread_alive(pid)) {
            gone.push_back(pid);
        }
        process.threads.clear();
    }
    for (const std::uint32_t pid : gone) {
        end(pid, now, std::nullopt);
        ended_early_.insert(pid);
    }
}

}  // namespace aegis::host::sources
