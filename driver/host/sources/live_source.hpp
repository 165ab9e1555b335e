// The live activity of this machine: processes from the connector, their threads, the images they load and the handles
// they open from the kernel's perf events, and writes to its sysctls, as changes of the registry, from a BPF program.
//
// The connector tells of a process when it has loaded its image; what the perf events tell of its threads and images is
// put in between (thread_tracker.hpp). Where perf events cannot be had, processes are told all the same, and where the
// program cannot, everything else; a line says what is missing and what it takes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/connector_source.hpp"
#include "driver/host/sources/perf_rings.hpp"
#include "driver/host/sources/stop_signal.hpp"
#include "driver/host/sources/sysctl_writes.hpp"
#include "driver/host/sources/thread_tracker.hpp"

namespace aegis::host::sources {

class LiveSource final : public ActivitySource, private ActivitySink {
  public:
    // `wanted`: one of them at least.
    LiveSource(const Report& report, Tells wanted) : report_(report), wanted_(wanted), connector_(report) {}
    ~LiveSource() override { stop(); }

    std::string_view name() const override { return "connector"; }
    // Fails where the connector does.
    std::optional<SourceError> start(ActivitySink& sink) override;
    void stop() override;
    // Nothing where perf events cannot be had; no handles where their tracepoints cannot.
    Tells tells() const override { return tracker_ ? wanted_ : Tells(); }
    // The connector's, and perf_dropped: records of threads, images and handles that the kernel had no room for.
    std::vector<Counter> counters() const override;

  private:
    void process_started(const ProcessStart& start) override;
    void process_ended(std::uint32_t pid, NtTime time, std::optional<std::int32_t> status) override;
    void thread_started(const ThreadStart& start) override;
    void thread_ended(const ThreadEnd& end) override;
    void image_loaded(const ImageLoaded& image) override;
    void handle_opened(const HandleOpened& handle) override;
    void registry_changed(const RegistryChanged& change) override;
    void events_lost(std::uint64_t count) override;

    void follow_threads();
    void open_sysctls();
    // What the kernel has recorded by now. The caller holds mutex_.
    void take_records();

    Report report_;
    Tells wanted_;
    ConnectorSource connector_;
    StopSignal stop_;
    std::thread follower_;
    std::atomic<std::uint64_t> dropped_{0};  // a statistic: nothing is ordered by it
    // Makes the connector's thread and the follower one teller. Guards everything below.
    std::mutex mutex_;
    PerfRings rings_;
    SysctlWrites sysctls_;
    UniqueFd ready_;  // readable when either has something
    std::vector<PerfRecord> records_;
    std::unique_ptr<ActivitySink> sink_;  // behind which only what was asked for passes
    std::unique_ptr<ThreadTracker> tracker_;
};

}  // namespace aegis::host::sources
