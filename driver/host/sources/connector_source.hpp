// Process activity from the kernel's process events connector: every process, however short its life.
//
// Two threads. The reader runs at real-time priority and does nothing but receive and read the image
// path and the arguments of an exec, because /proc/PID is gone as soon as the process is. Where it is late all the
// same, because the machine's processors were taken away, there is the kernel's record of opened programs. The reader
// must never wait for a lock that the driver holds, so another thread, at ordinary priority, calls the sink.
//
// What is lost, in the kernel's buffer or in the queue between the two threads, is told to the sink in its place. It is
// counted in the kernel's events: a fork, an exec and an exit are three, and so is each thread's start and end one.
// Where the record of programs overflows, no event is lost; a start goes without its exact path.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/connector_socket.hpp"
#include "driver/host/sources/exec_recorder.hpp"
#include "driver/host/sources/process_files.hpp"
#include "driver/host/sources/process_tracker.hpp"
#include "driver/host/sources/record_queue.hpp"
#include "driver/host/sources/stop_signal.hpp"

namespace aegis::host::sources {

class ConnectorSource final : public ActivitySource {
  public:
    // read_image of process_files.hpp, or what a test puts in its place.
    using ImageReader = ImageBytes (*)(std::uint32_t pid);

    explicit ConnectorSource(Report report, ImageReader read_image = sources::read_image);
    ~ConnectorSource() override;

    std::string_view name() const override { return "connector"; }
    std::optional<SourceError> start(ActivitySink& sink) override;
    void stop() override;

    // kernel_dropped: events the kernel could not deliver (by their numbers); kernel_overruns: times it
    // said so; queue_dropped: events this process was too slow for; images_unknown: starts without an
    // exact path, because the process was gone or belongs to another user and no record of its program
    // could be kept either.
    std::vector<Counter> counters() const override;

  private:
    void read_events();
    void track();
    // Tells the sink, and whether there was anything to tell.
    bool tell_lost(std::uint64_t events);
    void raise_priority();
    void record_programs();
    // What is known of a process that has just run a program.
    void read_exec(std::uint32_t pid, ActivityRecord& record);
    void report_losses(std::int64_t now);
    std::uint64_t losses() const;

    Report report_;
    ImageReader read_image_;
    ConnectorSocket socket_;
    ExecRecorder recorder_;
    RecordQueue queue_;
    StopSignal stop_;
    ActivitySink* sink_ = nullptr;
    std::unique_ptr<ProcessTracker> tracker_;
    // Statistics: written by the reader, nothing is ordered by them.
    std::atomic<std::uint64_t> kernel_dropped_{0};
    std::atomic<std::uint64_t> kernel_overruns_{0};
    std::atomic<std::uint64_t> images_unknown_{0};
    std::uint64_t losses_reported_ = 0;
    std::int64_t last_report_ = 0;
    std::thread reader_;
    std::thread worker_;
};

}  // namespace aegis::host::sources
