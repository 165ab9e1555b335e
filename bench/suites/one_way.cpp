#include <atomic>
#include <memory>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"
#include "channels/channel.hpp"
#include "channels/page_memory.hpp"
#include "suites/suites.hpp"
#include "support/message.hpp"

namespace aegis::bench {
namespace {

constexpr std::uint64_t kRoundTrips = 20'000;

// One direction: a ring with its producer on one core and its consumer on the other.
class Lane {
  public:
    Lane()
        : pages_(ring::region_bytes(kDefaultRingCells)),
          memory_(ring::format_region(pages_.data(), kDefaultRingCells, kSession)),
          producer_(memory_),
          consumer_(memory_, {}) {}

    template <std::size_t kBytes>
    void send(const Message<kBytes>& message) {
        producer_.publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                          Message<kBytes>::kPayloadBytes);
    }

    // Without a pause: latency is all that counts here.
    void await() {
        while (consumer_.read(event_) != ring::ReadStatus::kEvent) {
        }
    }

  private:
    static constexpr std::uint8_t kSession[16] = {};

    PageMemory pages_;
    ring::RingMemory<> memory_;
    alignas(AEGIS_CACHE_LINE) ring::Producer<> producer_;
    alignas(AEGIS_CACHE_LINE) ring::Consumer<> consumer_;
    ring::EventBuffer event_;
};

// Values: one_way_ns.
template <std::size_t kBytes>
Sample sample_round_trips(Session& session) {
    const auto there = std::make_unique<Lane>();
    const auto back = std::make_unique<Lane>();
    Nanoseconds elapsed = 0;
    Sample sample;
    sample.usage = session.cores().run(
        [&] {
            MessageSource<kBytes> source;
            const Nanoseconds start = now();
            for (std::uint64_t i = 0; i < kRoundTrips; ++i) {
                there->send(source.next());
                back->await();
            }
            elapsed = now() - start;
        },
        [&] {
            MessageSource<kBytes> source;
            for (std::uint64_t i = 0; i < kRoundTrips; ++i) {
                there->await();
                back->send(source.next());
            }
        });
    sample.values["one_way_ns"] = static_cast<double>(elapsed) / (2.0 * kRoundTrips);
    return sample;
}

// Both sides are at work during the probe; what is lost there does not count, its median is taken over batches.
Sample sample_line(Session& session) {
    Sample sample;
    sample.values["one_way_ns"] = line_transfer_ns(session.cores());
    return sample;
}

// The least that a message from one side to the other can be: a word that one side only writes and the other only
// polls. Its line goes two ways, back to the writer and to the reader again.
Sample sample_word(Session& session) {
    struct alignas(AEGIS_CACHE_LINE) Line {
        std::atomic<std::uint64_t> word = 0;
    };
    Line there;
    Line back;
    Nanoseconds elapsed = 0;
    Sample sample;
    sample.usage = session.cores().run(
        [&] {
            const Nanoseconds start = now();
            for (std::uint64_t i = 1; i <= kRoundTrips; ++i) {
                there.word.store(i, std::memory_order_release);  // pairs with the other side's acquire
                while (back.word.load(std::memory_order_acquire) != i) {
                }
            }
            elapsed = now() - start;
        },
        [&] {
            for (std::uint64_t i = 1; i <= kRoundTrips; ++i) {
                while (there.word.load(std::memory_order_acquire) != i) {
                }
                back.word.store(i, std::memory_order_release);
            }
        });
    sample.values["one_way_ns"] = static_cast<double>(elapsed) / (2.0 * kRoundTrips);
    return sample;
}

}  // namespace

void run_one_way(Session& session) {
    session.measure({"one way",
                     {},
                     {
                         {"cache line", [&session] { return sample_line(session); }},
                         {"one word, one direction", [&session] { return sample_word(session); }},
                         {"ring, 48 bytes", [&session] { return sample_round_trips<48>(session); }},
                         {"ring, 160 bytes", [&session] { return sample_round_trips<160>(session); }},
                         {"ring, 1056 bytes", [&session] { return sample_round_trips<1056>(session); }},
                     }});
}

}  // namespace aegis::bench
