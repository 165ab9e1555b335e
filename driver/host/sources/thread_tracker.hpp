// Puts the threads and images that one source sees between the starts and ends of processes that another one sees.
//
// On Linux a process is forked, with its first thread, before it loads an image; its start is told when it has one. So
// its threads wait for that:
//
//   fork                       the first thread of a new process: waits for the process's start, and follows it at once
//   clone                      a thread; waits as long as its process does
//   exec                       ends all threads but one, which goes on as the first; what comes behind it belongs to
//   the
//                              next start of the process, and waits for that
//   image                      waits as long as its process does; what was loaded before an exec that is the process's
//                              start is none of its images
//   handle                     waits as long as the process that opens it does, and the one that is opened
//   sysctl                     a write, as a change of the registry; waits as long as its process does
//   exit                       the end of a thread; that of a process ends those that nobody told of
//
// Kernel threads are no threads of a process. A process whose start is not told within two seconds (its source lost
// it) is not waited for any longer. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/perf_rings.hpp"

namespace aegis::host::sources {

// How long the threads of a new process wait for its start. Much longer than a fork may take to load an image.
inline constexpr std::int64_t kStartGraceNanoseconds = 2'000'000'000;

// Times are CLOCK_MONOTONIC, nanoseconds, unless they are NtTime.
class ThreadTracker {
  public:
    explicit ThreadTracker(ActivitySink& sink) : sink_(sink) {}

    // Learns the processes that exist now: their threads wait for nothing. Once, after the records have begun.
    void learn_existing();
    void learn(std::uint32_t pid);

    void apply(const PerfRecord& record);

    // Behind the process's own start, and before its end, as the sink hears them.
    void process_started(const ProcessStart& start);
    void process_ended(std::uint32_t pid, NtTime time);

    // Lets go what has waited long enough.
    void expire(std::int64_t now);
    // When expire() is due next; none when nothing waits.
    std::optional<std::int64_t> next_deadline();

  private:
    struct Process {
        std::int64_t since = 0;                     // when it was forked, or replaced: it waits from then on
        NtTime born = 0;                            // 0: it existed before us
        bool started = false;                       // its start was told, and no exec came behind it
        bool replaced = false;                      // its start was told, and an exec came behind it
        bool kernel_thread = false;                 // nothing is told of it until it loads a program
        bool all_known = false;                     // `threads` has every thread that it has
        std::vector<PerfRecord> waiting;            // behind the fork, or the exec
        std::unordered_set<std::uint32_t> threads;  // told and not ended
    };
    struct Waiting {
        std::uint32_t pid = 0;
        std::int64_t since = 0;
    };

    void forked(const PerfRecord& record);
    void executed(Process& process, const PerfRecord& record);
    // Of the threads of a process that loads another image one is left.
    void end_all_but_one(Process& process, const ProcessStart& start);
    // What happened to a thread before its process began, as NT sees it, is told at the time of that: `not_before`.
    void tell(Process& process, const PerfRecord& record, NtTime not_before);
    void let_go(Process& process, NtTime not_before);
    void tell_image(const PerfRecord& record, NtTime time);
    void tell_handle(const PerfRecord& record, NtTime time);
    void tell_sysctl(const PerfRecord& record, NtTime time);
    void tell_end(std::uint32_t pid, std::uint32_t tid, NtTime time);
    bool waits(const Waiting& entry) const;

    ActivitySink& sink_;
    std::unordered_map<std::uint32_t, Process> processes_;
    std::deque<Waiting> waiting_;  // in order of birth; entries may be out of date
};

}  // namespace aegis::host::sources
