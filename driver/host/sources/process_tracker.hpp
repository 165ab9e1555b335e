// Turns forks, execs and exits into starts and ends of processes.
//
// A process in the sense of NT starts with an image. On Linux it is forked first and may load an image
// later, or never:
//
//   fork, exec                 one start, with the exec's image and time
//   fork, exec, exec           two starts of one pid
//   fork, exit                 a start with the image it inherited, at the time of the fork; then the end
//   fork, nothing for 250 ms   that start as soon as the time is over
//   fork, fork by the child    that start as soon as it becomes a parent itself, so that parents come first
//
// The parent and the creator of a process are the parent that the kernel names at the fork; it does not
// name a creator of its own. Threads are no processes; a process ends when its last thread has ended,
// which need not be the first one. Kernel threads are no processes either; a helper program that the
// kernel starts is one from its exec on.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/connector_socket.hpp"
#include "driver/host/sources/process_details.hpp"
#include "driver/host/sources/process_files.hpp"

namespace aegis::host::sources {

// How long a forked process may take to load an image of its own.
inline constexpr std::int64_t kForkGraceNanoseconds = 250'000'000;

// One thread at a time. Times are CLOCK_MONOTONIC, nanoseconds.
class ProcessTracker {
  public:
    explicit ProcessTracker(ActivitySink& sink) : sink_(sink) {}

    // Learns the processes that exist now, without announcing them. Once, after the subscription, so
    // that none falls between.
    void learn_existing();

    // `image` and `details` are meaningful for an exec only.
    void apply(const KernelEvent& event, const ImageBytes& image, const DetailBytes& details = {});

    // Announces forks that have had their time.
    void expire(std::int64_t now);
    // When expire() is due next; none when no fork is pending.
    std::optional<std::int64_t> next_deadline();

    // After events were lost: ends the processes that are gone without having been heard of.
    void reconcile(std::int64_t now);

  private:
    struct Process {
        std::uint32_t parent = 0;
        ImagePointer image;
        DetailsPointer details;      // null: nothing is known
        std::int64_t born = 0;       // 0: existed before us
        bool pending = false;        // forked, not announced yet
        bool kernel_thread = false;  // never announced
        // The threads that are alive, from its birth or last exec on. Empty when not known: the process is older than
        // our view, or events were lost.
        std::unordered_set<std::uint32_t> threads;
        bool leader_ended = false;  // kept while the threads are not known
    };
    struct Fork {
        std::uint32_t pid = 0;
        std::int64_t born = 0;
    };

    void forked(const KernelEvent& event);
    void executed(const KernelEvent& event, const ImageBytes& image, const DetailBytes& details);
    void thread_ended(const KernelEvent& event);
    void announce_fork(std::uint32_t pid, Process& process);
    void announce(std::uint32_t pid, const Process& process, std::int64_t time);
    void end(std::uint32_t pid, std::int64_t time, std::optional<std::int32_t> status);
    bool is_pending(const Fork& fork) const;
    static Process existing(std::uint32_t pid);

    ActivitySink& sink_;
    std::unordered_map<std::uint32_t, Process> processes_;
    std::deque<Fork> pending_;                       // in order of birth; entries may be out of date
    std::unordered_set<std::uint32_t> ended_early_;  // by reconcile(); their exit may still come
    std::int64_t learned_at_ = 0;
};

}  // namespace aegis::host::sources
