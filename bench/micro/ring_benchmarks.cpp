// What one thread pays, by Google Benchmark: the same on Linux and Windows.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"
#include "support/message.hpp"

namespace {

using namespace aegis;
using bench::kMessageType;
using bench::Message;
using bench::MessageSource;

// Some 4000 events of the largest size.
constexpr std::uint32_t kEvents = 4096;
constexpr std::uint32_t kCells = kEvents * AEGIS_EVENT_CELLS_MAX;

struct FreePages {
    void operator()(std::byte* pages) const { ::operator delete[](pages, std::align_val_t{AEGIS_PAGE}); }
};

// A ring that nobody else touches.
class PrivateRing {
  public:
    PrivateRing()
        : pages_(new (std::align_val_t{AEGIS_PAGE}) std::byte[ring::region_bytes(kCells)]()),
          memory_(ring::format_region(pages_.get(), kCells, kSession)),
          producer_(memory_) {}

    template <std::size_t kBytes>
    void publish(const Message<kBytes>& message) {
        producer_.publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                          Message<kBytes>::kPayloadBytes);
    }

    const ring::RingMemory<>& memory() const { return memory_; }
    std::uint64_t published() const { return producer_.published(); }

  private:
    static constexpr std::uint8_t kSession[16] = {};

    std::unique_ptr<std::byte[], FreePages> pages_;
    ring::RingMemory<> memory_;
    ring::Producer<> producer_;
};

template <std::size_t kBytes>
void publish(benchmark::State& state) {
    PrivateRing ring;
    MessageSource<kBytes> source;
    for ([[maybe_unused]] auto _ : state) {
        ring.publish(source.next());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(publish<48>);
BENCHMARK(publish<160>);
BENCHMARK(publish<320>);
BENCHMARK(publish<1056>);

// With doorbells registered whose consumers are awake.
void publish_with_bells(benchmark::State& state) {
    constexpr std::size_t kMost = 8;
    struct alignas(AEGIS_CACHE_LINE) Line {
        std::atomic<std::uint64_t> word = AEGIS_WAKE_NEVER;
    };
    PrivateRing ring;
    Line wake_at[kMost];
    ring::DoorbellRinger<int, kMost> bells;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        bells.add(&wake_at[i].word, 0);
    }
    MessageSource<160> source;
    for ([[maybe_unused]] auto _ : state) {
        ring.publish(source.next());
        benchmark::DoNotOptimize(bells.ring(ring.published(), [](int) {}));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(publish_with_bells)->Arg(0)->Arg(1)->Arg(8);

// One read of an event that is there. What fills the ring again is not timed.
template <std::size_t kBytes>
void read(benchmark::State& state) {
    PrivateRing ring;
    MessageSource<kBytes> source;
    ring::Consumer<> consumer(ring.memory(), {});
    ring::EventBuffer event;
    for ([[maybe_unused]] auto _ : state) {
        if (consumer.cursor() == ring.published()) {
            state.PauseTiming();
            for (std::uint32_t i = 0; i < kEvents; ++i) {
                ring.publish(source.next());
            }
            state.ResumeTiming();
        }
        benchmark::DoNotOptimize(consumer.read(event));
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read<48>);
BENCHMARK(read<160>);
BENCHMARK(read<320>);
BENCHMARK(read<1056>);

void read_nothing(benchmark::State& state) {
    PrivateRing ring;
    ring::Consumer<> consumer(ring.memory(), {});
    ring::EventBuffer event;
    for ([[maybe_unused]] auto _ : state) {
        benchmark::DoNotOptimize(consumer.read(event));
    }
}
BENCHMARK(read_nothing);

constexpr std::size_t cells_for_bytes(std::size_t bytes) {
    return (bytes + AEGIS_CELL_DATA_BYTES - 1) / AEGIS_CELL_DATA_BYTES;
}

// The limit on one core: the same bytes copied in and out again through as much memory.
template <std::size_t kBytes>
void copy_in_and_out(benchmark::State& state) {
    PrivateRing ring;
    MessageSource<kBytes> source;
    Message<kBytes> copy;
    constexpr std::size_t kStride = cells_for_bytes(kBytes) * AEGIS_CELL_BYTES;
    std::size_t next = 0;
    ring::RingMemory<> memory = ring.memory();
    auto* const area = reinterpret_cast<std::byte*>(memory.data_words(memory.place_of(0)));
    for ([[maybe_unused]] auto _ : state) {
        std::byte* const place = area + next;
        next = next + 2 * kStride > std::size_t{kCells} * AEGIS_CELL_BYTES ? 0 : next + kStride;
        std::memcpy(place, source.next().words.data(), kBytes);
        benchmark::ClobberMemory();
        std::memcpy(copy.words.data(), place, kBytes);
        benchmark::DoNotOptimize(copy);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(copy_in_and_out<48>);
BENCHMARK(copy_in_and_out<160>);
BENCHMARK(copy_in_and_out<320>);
BENCHMARK(copy_in_and_out<1056>);

// Publish and read of the same event: what copy_in_and_out becomes with the ring.
template <std::size_t kBytes>
void publish_and_read(benchmark::State& state) {
    PrivateRing ring;
    MessageSource<kBytes> source;
    ring::Consumer<> consumer(ring.memory(), {});
    ring::EventBuffer event;
    for ([[maybe_unused]] auto _ : state) {
        ring.publish(source.next());
        benchmark::DoNotOptimize(consumer.read(event));
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(publish_and_read<48>);
BENCHMARK(publish_and_read<160>);
BENCHMARK(publish_and_read<320>);
BENCHMARK(publish_and_read<1056>);

void arm_and_disarm(benchmark::State& state) {
    PrivateRing ring;
    std::atomic<std::uint64_t> wake_at = AEGIS_WAKE_NEVER;
    std::atomic<std::uint64_t> cursor = 0;
    ring::DoorbellListener<> listener(&wake_at, &cursor);
    for ([[maybe_unused]] auto _ : state) {
        benchmark::DoNotOptimize(listener.arm(ring.memory(), 0, 1));
        listener.disarm();
    }
}
BENCHMARK(arm_and_disarm);

}  // namespace
