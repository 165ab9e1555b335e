#include <fmt/format.h>

#include <atomic>
#include <memory>

#include "channels/pull_channel.hpp"
#include "channels/ring_channel.hpp"
#include "suites/suites.hpp"
#include "support/pacer.hpp"

namespace aegis::bench {
namespace {

constexpr std::size_t kBytes = 160;
// What the consumer does with each event beside checking it: about 200 ns, so that a producer can offer many times
// what it takes.
constexpr int kWorkSteps = 200;

void work() {
    std::uint64_t value = 1;
    for (int i = 0; i < kWorkSteps; ++i) {
        value = value * 0x9E3779B97F4A7C15U + 1;
        asm volatile("" : "+r"(value));  // one step after the other
    }
}

// Values: offered and goodput (delivered intact messages per second), lost_part.
template <class Channel>
Sample sample_offer(Session& session, double per_second) {
    const auto channel = std::make_unique<Channel>();
    const Nanoseconds length = 2 * session.plan().sample;
    std::atomic<bool> stop = false;  // relaxed: carries no data
    std::uint64_t delivered = 0;
    Nanoseconds elapsed = 0;

    Sample sample;
    sample.first_sleeps = sample.second_sleeps = std::is_same_v<Channel, PullChannel<kBytes, PoolAllocator>>;
    sample.usage = session.cores().run(
        [&] {
            const MessageCheck<kBytes> check;
            const auto sink = [&](Ticket ticket, const std::uint64_t* words) {
                delivered += check.intact(ticket, words) ? 1 : 0;
                work();
            };
            const Nanoseconds start = now();
            while (elapsed < length) {
                if (channel->receive(sink) == 0) {
                    ring::pause_after_empty_poll();
                }
                elapsed = now() - start;
            }
            stop.store(true, std::memory_order_relaxed);
        },
        [&] {
            // Bursts of a microsecond and more, because the clock takes a while to read.
            MessageSource<kBytes> source;
            const auto burst = static_cast<std::uint64_t>(per_second / 1e6) + 1;
            const auto bursts = static_cast<std::uint64_t>(per_second * 2 * to_seconds(length)) / burst;
            send_on_schedule(per_second / static_cast<double>(burst), bursts, [&](Nanoseconds) {
                for (std::uint64_t i = 0; i < burst; ++i) {
                    channel->send(source.next());
                }
                return !stop.load(std::memory_order_relaxed);
            });
        });
    const auto intact = static_cast<double>(delivered);
    const auto lost = static_cast<double>(channel->lost());
    sample.values["offered"] = per_second;
    sample.values["goodput"] = intact / to_seconds(elapsed);
    sample.values["lost_part"] = lost + intact > 0 ? lost / (lost + intact) : 0;
    return sample;
}

// Messages per second that the consumer takes when they are all there already.
double capacity() {
    RingChannel<kBytes> channel;
    MessageSource<kBytes> source;
    const MessageCheck<kBytes> check;
    std::uint64_t intact = 0;
    const auto sink = [&](Ticket ticket, const std::uint64_t* words) {
        intact += check.intact(ticket, words) ? 1 : 0;
        work();
    };
    double best = 0;
    for (int round = 0; round < 9; ++round) {
        const std::uint64_t before = intact;
        for (std::size_t i = 0; i < kDefaultSlots; ++i) {
            channel.send(source.next());
        }
        const Nanoseconds start = now();
        while (channel.receive(sink) != 0) {
        }
        best = std::max(best, static_cast<double>(intact - before) / to_seconds(now() - start));
    }
    return best;
}

template <class Channel>
void measure_offers(Session& session, double full) {
    Group group{fmt::format("overload, {}", Channel::kTraits.name), {{"bytes", kBytes}}, {}};
    for (const double factor : {0.5, 0.8, 0.9, 1.0, 1.5, 2.0, 4.0}) {
        group.contenders.push_back({fmt::format("{}", factor), [&session, full, factor] {
                                        return sample_offer<Channel>(session, full * factor);
                                    }});
    }
    session.measure(group);
}

}  // namespace

void run_overload(Session& session) {
    const double full = capacity();
    measure_offers<RingChannel<kBytes>>(session, full);
    measure_offers<PullChannel<kBytes, PoolAllocator>>(session, full);
}

}  // namespace aegis::bench
