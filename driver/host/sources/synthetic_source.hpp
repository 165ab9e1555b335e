// Invented activity at a given rate, for load and demonstrations.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <thread>
#include <variant>
#include <vector>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/stop_signal.hpp"
#include "driver/host/sources/synthetic_generator.hpp"
#include "driver/host/sources/synthetic_handles.hpp"
#include "driver/host/sources/synthetic_images.hpp"
#include "driver/host/sources/synthetic_registry.hpp"
#include "driver/host/sources/synthetic_threads.hpp"

namespace aegis::host::sources {

struct SyntheticOptions {
    double rate = 0;          // events a second; 0: as fast as the driver takes them
    std::uint64_t count = 0;  // ends after so many events; 0: never
    std::uint64_t seed = 1;
    bool threads = false;   // of the processes, too
    bool images = false;    // that the processes load, too
    bool handles = false;   // that processes open to each other, too
    bool registry = false;  // that the processes change, too
};

class SyntheticSource final : public ActivitySource {
  public:
    explicit SyntheticSource(const SyntheticOptions& options)
        : options_(options),
          generator_(options.seed),
          threads_(options.seed),
          images_(options.seed),
          handles_(options.seed),
          registry_(options.seed) {}
    ~SyntheticSource() override { stop(); }

    std::string_view name() const override { return "synthetic"; }
    std::optional<SourceError> start(ActivitySink& sink) override;
    void stop() override;
    Tells tells() const override {
        return {.threads = options_.threads,
                .images = options_.images,
                .handles = options_.handles,
                .registry = options_.registry};
    }
    // events: delivered so far, of whatever.
    std::vector<Counter> counters() const override;

  private:
    void run(ActivitySink& sink);
    // How many events are due, `elapsed` nanoseconds after the start.
    std::uint64_t due(std::int64_t elapsed) const;
    // The next event; threads and images that belong to a process's start or end are counted one by one, too.
    void deliver(ActivitySink& sink);
    void deliver_process(const SyntheticEvent& event, ActivitySink& sink);
    void deliver_thread(const SyntheticThread& thread, ActivitySink& sink);
    void deliver_image(const SyntheticImage& image, ActivitySink& sink);
    void deliver_handle(const SyntheticHandle& handle, ActivitySink& sink);
    void deliver_registry(const SyntheticRegistryChange& change, ActivitySink& sink);
    // What is told in place of this one: it and what belongs to it, in order.
    void queue(SyntheticEvent event);

    SyntheticOptions options_;
    SyntheticGenerator generator_;
    SyntheticThreads threads_;
    SyntheticImages images_;
    SyntheticHandles handles_;
    SyntheticRegistry registry_;
    std::deque<std::variant<SyntheticEvent, SyntheticThread, SyntheticImage, SyntheticHandle, SyntheticRegistryChange>>
        next_;  // made and not delivered
    StopSignal stop_;
    std::atomic<std::uint64_t> delivered_{0};  // a statistic, written by the source's thread alone
    std::thread thread_;
};

}  // namespace aegis::host::sources
