// Two cores: a sender that never rests and a receiver that checks every message, for the contenders that need no Linux.
#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>
#include <thread>

#include "channels/block_handoff.hpp"
#include "channels/event_list.hpp"
#include "channels/moodycamel_channels.hpp"
#include "channels/mutex_deque_channel.hpp"
#include "channels/ring_channel.hpp"
#include "channels/unvalidated_ring.hpp"
#include "windows/core_choice.hpp"

namespace aegis::bench {
namespace {

// Sends until told to stop, on a core of its own.
template <std::size_t kBytes, class Channel>
class Sender {
  public:
    Sender(Channel& channel, DWORD_PTR core) : thread_([this, &channel, core] { send(channel, core); }) {}
    ~Sender() {
        stop_.store(true, std::memory_order_relaxed);
        thread_.join();
    }
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

  private:
    bool stopped() const { return stop_.load(std::memory_order_relaxed); }

    void send(Channel& channel, DWORD_PTR core) {
        const PinnedThread pinned(core);
        MessageSource<kBytes> source;
        while (!stopped()) {
            const Message<kBytes>& message = source.next();
            while (!channel.send(message) && !stopped()) {
                ring::pause_after_empty_poll();
            }
        }
    }

    std::atomic<bool> stop_ = false;  // relaxed: carries no data
    std::thread thread_;
};

// One iteration is kMessages messages that arrived. Torn ones are counted where a contender is known to deliver them,
// and an error everywhere else.
template <std::size_t kBytes, class Channel, bool kMayTear = false>
void hand_over(benchmark::State& state) {
    constexpr std::uint64_t kMessages = 4096;
    const std::optional<CoreChoice> cores = choose_cores();
    if (!cores) {
        state.SkipWithError("needs two cores");
        return;
    }
    const PinnedThread pinned(cores->first);
    const auto channel = std::make_unique<Channel>();
    const MessageCheck<kBytes> check;
    std::uint64_t intact = 0;
    std::uint64_t corrupt = 0;
    const auto sink = [&](Ticket ticket, const std::uint64_t* words) {
        ++(check.intact(ticket, words) ? intact : corrupt);
    };
    {
        const Sender<kBytes, Channel> sender(*channel, cores->second);
        for ([[maybe_unused]] auto _ : state) {
            const std::uint64_t goal = intact + corrupt + kMessages;
            while (intact + corrupt < goal) {
                if (channel->receive(sink) == 0) {
                    ring::pause_after_empty_poll();
                }
            }
        }
    }
    if (corrupt != 0 && !kMayTear) {
        state.SkipWithError("a message arrived that was never sent like that");
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(intact));
    const auto lost = static_cast<double>(channel->lost());
    state.counters["lost_part"] = lost / (lost + static_cast<double>(intact + corrupt));
    state.counters["corrupt"] = static_cast<double>(corrupt);
}

template <std::size_t kBytes, class Channel, bool kMayTear = false>
void add() {
    const std::string name = std::string("two cores/") + Channel::kTraits.name + "/" + std::to_string(kBytes);
    benchmark::RegisterBenchmark(name.c_str(), hand_over<kBytes, Channel, kMayTear>)
        ->UseRealTime()
        ->MeasureProcessCPUTime()
        ->Unit(benchmark::kMicrosecond);
}

template <std::size_t kBytes>
void add_size() {
    add<kBytes, RingChannel<kBytes>>();
    add<kBytes, RingChannel<kBytes, Bell::kRegistered>>();
    add<kBytes, BlockHandoff<kBytes>>();
    constexpr bool kTears = true;
    add<kBytes, UnvalidatedRing<kBytes>, kTears>();
    add<kBytes, ConcurrentQueueChannel<kBytes>>();
    add<kBytes, ReaderWriterQueueChannel<kBytes>>();
    add<kBytes, MutexDequeChannel<kBytes>>();
    add<kBytes, EventListChannel<kBytes, PoolAllocator>>();
}

[[maybe_unused]] const bool kAdded = [] {
    add_size<160>();
    add_size<1056>();
    return true;
}();

}  // namespace
}  // namespace aegis::bench
