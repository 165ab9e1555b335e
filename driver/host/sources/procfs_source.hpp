// Process activity from scans of /proc: needs no privilege and works in a container.
//
// A process that starts and ends between two scans is missed, and so is an exec after a process was
// announced. A process that ended is noticed when its parent has reaped it. The parent is the one that
// /proc shows at the first scan; it stands in for the creator, which /proc does not know. Nor does it know with what a
// process ended.
//
// So what it misses it cannot know: the kernel counts forks, but threads among them and those of other namespaces.
// It never tells the sink of a loss.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <unordered_map>
#include <vector>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/process_details.hpp"
#include "driver/host/sources/process_files.hpp"
#include "driver/host/sources/stop_signal.hpp"

namespace aegis::host::sources {

class ProcfsSource final : public ActivitySource {
  public:
    ProcfsSource() = default;
    ~ProcfsSource() override { stop(); }

    std::string_view name() const override { return "procfs"; }
    std::optional<SourceError> start(ActivitySink& sink) override;
    void stop() override;
    // scans; images_unknown: starts without an exact path.
    std::vector<Counter> counters() const override;

  private:
    struct Process {
        std::uint64_t inode = 0;
        std::uint64_t start_time = 0;  // clock ticks since boot
        std::uint64_t scan = 0;        // the last one that saw it
        std::uint32_t parent = 0;
        ImagePointer image;
        DetailsPointer details;  // null: not looked at
        bool announced = true;
        bool kernel_thread = false;
    };

    void run(ActivitySink& sink);
    void scan(ActivitySink* sink);
    void look_at(std::uint32_t pid, Process& process, const ProcessStat& stat, ActivitySink* sink);
    void watch_young(std::uint32_t pid, Process& process, ActivitySink& sink);
    void announce(std::uint32_t pid, Process& process, ActivitySink& sink);
    static void end(std::uint32_t pid, const Process& process, ActivitySink& sink);

    StopSignal stop_;
    std::unordered_map<std::uint32_t, Process> processes_;
    // Statistics: written by the scanning thread, nothing is ordered by them.
    std::atomic<std::uint64_t> scans_{0};
    std::atomic<std::uint64_t> images_unknown_{0};
    std::thread thread_;
};

}  // namespace aegis::host::sources
