#include "windows/driver_benchmarks.hpp"

#include <benchmark/benchmark.h>
#include <windows.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "windows/core_choice.hpp"
#include "windows/driver_client.hpp"
#include "windows/driver_readers.hpp"

namespace aegis::bench {
namespace {

// An event's start and its end make a pair.
constexpr std::uint32_t kEventsPerPair = 2;
// A quarter of the ring at most, so that nothing of a batch is lost.
constexpr std::uint32_t kEventsPerBatch = 1024;
constexpr std::uint32_t kPairsPerBatch = kEventsPerBatch / kEventsPerPair;

// 100 ns since 1601: the clock of the events' timestamps.
std::int64_t system_time() {
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    return static_cast<std::int64_t>(std::uint64_t{now.dwHighDateTime} << 32U | now.dwLowDateTime);
}

// A handle of its own for each side: requests through one handle wait for one another. Only called after the same
// succeeded once, so a failure is the driver going away.
std::unique_ptr<DriverClient> connect(bool attached) {
    std::string why;
    std::unique_ptr<DriverClient> client = DriverClient::open(&why);
    if (client == nullptr || (attached && !client->attach(&why))) {
        std::fprintf(stderr, "AegisBench: the driver does not answer any more: %s\n", why.c_str());
        std::exit(1);
    }
    return client;
}

template <class Reader>
constexpr bool kNeedsRing = std::is_same_v<Reader, RingReader>;

void report(benchmark::State& state, const Seen& seen) {
    if (seen.wrong != 0) {
        state.SkipWithError("an event arrived that the driver did not publish like that");
    }
    const auto lost = static_cast<double>(seen.lost);
    state.SetItemsProcessed(static_cast<std::int64_t>(seen.events));
    state.counters["lost_part"] = lost / std::max(1.0, lost + static_cast<double>(seen.events));
}

// The driver's publish path, many events in one request.
void publish(benchmark::State& state, bool with_sleeper) {
    const auto client = connect(with_sleeper);
    if (with_sleeper) {
        // A doorbell armed for a ticket that is far away: its consumer sleeps through.
        constexpr ring::Ticket kNever = ring::Ticket{1} << 50U;
        client->listener().arm(client->memory(), kNever, 1);
    }
    for ([[maybe_unused]] auto _ : state) {
        client->publish(kPairsPerBatch);
    }
    state.SetItemsProcessed(state.iterations() * kPairsPerBatch * kEventsPerPair);
}

// Reading a batch that is there. What publishes it is not timed.
template <class Reader>
void read_batch(benchmark::State& state) {
    const auto client = connect(kNeedsRing<Reader>);
    Reader reader(*client);
    for ([[maybe_unused]] auto _ : state) {
        state.PauseTiming();
        client->publish(kPairsPerBatch);
        state.ResumeTiming();
        while (reader.read()) {
        }
    }
    report(state, reader.seen());
}

// Publishes without end on a core of its own.
class Flood {
  public:
    explicit Flood(DWORD_PTR core)
        : thread_([this, core] {
              const PinnedThread pinned(core);
              const auto client = connect(false);
              while (!stop_.load(std::memory_order_relaxed)) {
                  client->publish(kPairsPerBatch);
              }
          }) {}
    ~Flood() {
        stop_.store(true, std::memory_order_relaxed);
        thread_.join();
    }
    Flood(const Flood&) = delete;
    Flood& operator=(const Flood&) = delete;

  private:
    std::atomic<bool> stop_ = false;  // relaxed: carries no data
    std::thread thread_;
};

// One iteration is kEvents events that arrived while another core publishes without end.
template <class Reader>
void read_flood(benchmark::State& state) {
    constexpr std::uint64_t kEvents = 4096;
    const std::optional<CoreChoice> cores = choose_cores();
    if (!cores) {
        state.SkipWithError("needs two cores");
        return;
    }
    const PinnedThread pinned(cores->first);
    const auto client = connect(kNeedsRing<Reader>);
    Reader reader(*client);
    const Flood flood(cores->second);
    for ([[maybe_unused]] auto _ : state) {
        const std::uint64_t goal = reader.seen().events + kEvents;
        while (reader.seen().events < goal && reader.seen().wrong == 0) {
            if (!reader.read()) {
                reader.pause();
            }
        }
    }
    report(state, reader.seen());
}

// Publishes one pair at a time, a few milliseconds after it was asked to, when the reader is asleep.
class Publisher {
  public:
    Publisher() : thread_([this] { serve(); }) {}
    ~Publisher() {
        tell([this] { stopping_ = true; });
        thread_.join();
    }
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    void ask() {
        tell([this] { asked_ = true; });
    }

  private:
    template <class Change>
    void tell(const Change& change) {
        {
            const std::lock_guard lock(mutex_);
            change();
        }
        changed_.notify_one();
    }

    // Waits until it is asked; false: it never will be again.
    bool is_asked() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return asked_ || stopping_; });
        asked_ = false;
        return !stopping_;
    }

    void serve() {
        constexpr DWORD kBeforeMilliseconds = 3;
        const auto client = connect(false);
        while (is_asked()) {
            Sleep(kBeforeMilliseconds);
            client->publish(1);
        }
    }

    std::mutex mutex_;  // protects the members below
    std::condition_variable changed_;
    bool asked_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

// From the driver's timestamp of an event to its reader, which passes the time with idle(reader).
template <class Reader, class Idle>
void read_one(benchmark::State& state, const Idle& idle) {
    const auto client = connect(kNeedsRing<Reader>);
    Reader reader(*client);
    Publisher publisher;
    std::vector<double> microseconds;
    for ([[maybe_unused]] auto _ : state) {
        const std::uint64_t first = reader.seen().events;
        publisher.ask();
        while (reader.seen().events == first) {
            if (!reader.read()) {
                idle(reader);
            }
        }
        const std::int64_t taken = std::max<std::int64_t>(0, system_time() - reader.seen().last_time);
        state.SetIterationTime(static_cast<double>(taken) / 1e7);
        microseconds.push_back(static_cast<double>(taken) / 10);
        while (reader.seen().events < first + kEventsPerPair) {
            if (!reader.read()) {
                idle(reader);
            }
        }
    }
    std::sort(microseconds.begin(), microseconds.end());
    state.counters["p50_us"] = microseconds[microseconds.size() / 2];
    state.counters["p99_us"] = microseconds[microseconds.size() * 99 / 100];
}

template <class Reader, class Idle>
void add_latency(const char* name, std::int64_t iterations, const Idle& idle) {
    benchmark::RegisterBenchmark(name, [idle](benchmark::State& state) { read_one<Reader>(state, idle); })
        ->UseManualTime()
        ->Iterations(iterations)
        ->Unit(benchmark::kMicrosecond);
}

template <class Reader>
void add_reading(const std::string& name) {
    benchmark::RegisterBenchmark((name + " read").c_str(), read_batch<Reader>)->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark((name + " flood").c_str(), read_flood<Reader>)
        ->UseRealTime()
        ->MeasureProcessCPUTime()
        ->Unit(benchmark::kMicrosecond);
}

template <DWORD kMilliseconds>
void add_polling_latency(const char* name, std::int64_t iterations) {
    add_latency<PullReader>(name, iterations, [](PullReader&) { Sleep(kMilliseconds); });
}

}  // namespace

void add_driver_benchmarks() {
    std::string why;
    const std::unique_ptr<DriverClient> client = DriverClient::open(&why);
    if (client == nullptr) {
        std::fprintf(stderr, "AegisBench: the driver's benchmarks are left out: %s\n", why.c_str());
        return;
    }
    // Four batches, of events that take two cells each on average at most.
    constexpr std::uint32_t kCellsNeeded = 4 * 2 * kEventsPerBatch;
    if (client->query().CellCount < kCellsNeeded) {
        std::fprintf(stderr, "AegisBench: the driver's benchmarks are left out: its ring has %u cells, they need %u\n",
                     client->query().CellCount, kCellsNeeded);
        return;
    }
    benchmark::RegisterBenchmark("driver/publish", publish, false)->Unit(benchmark::kMicrosecond);
    add_reading<PullReader>("driver/pull");
    add_polling_latency<1>("driver/pull 1 ms latency", 200);
    add_polling_latency<200>("driver/pull 200 ms latency", 10);

    if (!client->attach(&why)) {
        std::fprintf(stderr, "AegisBench: the benchmarks of the driver's ring are left out: it cannot be mapped: %s\n",
                     why.c_str());
        return;
    }
    benchmark::RegisterBenchmark("driver/publish, one consumer asleep", publish, true)->Unit(benchmark::kMicrosecond);
    add_reading<RingReader>("driver/ring");
    add_latency<RingReader>("driver/ring spinning latency", 500, [](RingReader& reader) { reader.pause(); });
    add_latency<RingReader>("driver/ring doorbell latency", 500, [](RingReader& reader) { reader.sleep(); });
}

}  // namespace aegis::bench
