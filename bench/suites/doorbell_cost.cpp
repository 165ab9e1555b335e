// Where a registered doorbell costs its producer throughput: the fence, the look at who sleeps, and what the fence
// waits for. Beside the ring as it is stand rings that do a part of it, and a reader that asks for lines as far ahead
// as the shipped one, but whether or not they are published: it takes them from the producer, whose stores then wait
// for them.
#include <atomic>
#include <memory>

#include "channels/ring_channel.hpp"
#include "channels/throughput.hpp"
#include "suites/suites.hpp"

namespace aegis::bench {
namespace {

enum class Producing : std::uint8_t { kPlain, kLook, kFence, kBell };
enum class Asking : bool { kPublished, kAnything };

template <std::size_t kBytes, Producing kProducing, Asking kAsking>
class PartOfBell {
  public:
    PartOfBell() {
        if (kProducing == Producing::kBell) {
            bells_.add(&wake_at_, 0);
        }
    }

    bool send(const Message<kBytes>& message) {
        producer_.publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                          Message<kBytes>::kPayloadBytes);
        if constexpr (kProducing == Producing::kBell) {
            bells_.ring(producer_.published(), [](int) {});
        } else if constexpr (kProducing == Producing::kFence) {
            ring::StdAtomics::fence(std::memory_order_seq_cst);
        } else if constexpr (kProducing == Producing::kLook) {
            due_ += wake_at_.load(std::memory_order_relaxed) <= producer_.published() ? 1 : 0;
        }
        return true;
    }

    template <class Sink>
    std::size_t receive(const Sink& sink) {
        std::size_t count = 0;
        for (; count < kReceiveBatch; ++count) {
            const ring::ReadStatus status = consumer_.read(event_);
            if (status == ring::ReadStatus::kEmpty) {
                break;
            }
            if (status == ring::ReadStatus::kEvent) {
                if constexpr (kAsking == Asking::kAnything) {
                    ask();
                }
                sink(event_.ticket(), event_.words());
            }
        }
        return count;
    }

    std::uint64_t lost() const { return consumer_.lost(); }

  private:
    static constexpr std::uint8_t kSession[16] = {};
    static constexpr std::uint32_t kCells = cells_for<kBytes>(kDefaultSlots);

    // Goes with the consumer without a division, but for a lap.
    void ask() {
        const ring::Position next = consumer_.position();
        place_ = next == place_.position + 1 ? memory_.next(place_) : memory_.place_of(next);
        memory_.prefetch_to_read(place_, ring::detail::ReadAhead<ring::StdAtomics>::kCells, kBytes);
    }

    PageMemory pages_{ring::region_bytes(kCells)};
    ring::RingMemory<> memory_ = ring::format_region(pages_.data(), kCells, kSession);
    alignas(AEGIS_CACHE_LINE) ring::Producer<> producer_{memory_};
    ring::DoorbellRinger<int, 1> bells_;
    std::uint64_t due_ = 0;
    alignas(AEGIS_CACHE_LINE) std::atomic<std::uint64_t> wake_at_ = AEGIS_WAKE_NEVER;
    alignas(AEGIS_CACHE_LINE) ring::Consumer<> consumer_{memory_, {}};
    ring::Place place_ = memory_.place_of(0);
    ring::EventBuffer event_;
};

template <std::size_t kBytes, Producing kProducing, Asking kAsking>
Contender part(Session& session, const char* name) {
    return {name, [&session] {
                const auto channel = std::make_unique<PartOfBell<kBytes, kProducing, kAsking>>();
                return sample_throughput<kBytes>(session.cores(), *channel, session.plan().sample);
            }};
}

template <std::size_t kBytes>
void measure_size(Session& session) {
    session.measure(
        {"doorbell cost",
         {{"bytes", kBytes}},
         {
             part<kBytes, Producing::kPlain, Asking::kPublished>(session, "no doorbell"),
             part<kBytes, Producing::kLook, Asking::kPublished>(session, "look at wake_at, no fence"),
             part<kBytes, Producing::kFence, Asking::kPublished>(session, "fence, no look"),
             part<kBytes, Producing::kBell, Asking::kPublished>(session, "doorbell"),
             part<kBytes, Producing::kPlain, Asking::kAnything>(session, "no doorbell, lines asked for unpublished"),
             part<kBytes, Producing::kBell, Asking::kAnything>(session, "doorbell, lines asked for unpublished"),
         }});
}

}  // namespace

void run_doorbell_cost(Session& session) {
    if (session.plan().quick) {
        return;
    }
    measure_size<48>(session);
    measure_size<160>(session);
}

}  // namespace aegis::bench
