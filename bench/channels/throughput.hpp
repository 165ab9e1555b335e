// One throughput sample: a sender that never rests and a receiver that checks every message, for a given time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "aegis/ring/atomics.hpp"
#include "channels/channel.hpp"
#include "support/sampling.hpp"

namespace aegis::bench {

// Values: rate (delivered intact messages per second), lost_part (of all messages sent), corrupt (messages),
// cpu_ns (CPU time of both sides per delivered message).
template <std::size_t kBytes, class Channel>
Sample sample_throughput(CorePair& cores, Channel& channel, Nanoseconds length) {
    constexpr int kSendsPerStopCheck = 64;
    constexpr int kReceivesPerClockCheck = 16;

    // Lines of their own: the sender looks at the one all the time, while the receiver may count in memory.
    struct alignas(AEGIS_CACHE_LINE) {
        std::atomic<bool> set = false;  // relaxed: carries no data
    } stop;
    struct alignas(AEGIS_CACHE_LINE) {
        std::uint64_t delivered = 0;
        std::uint64_t corrupt = 0;
    } count;
    Nanoseconds elapsed = 0;

    const auto receive = [&] {
        const MessageCheck<kBytes> check;
        const auto sink = [&](Ticket ticket, const std::uint64_t* words) {
            if (check.intact(ticket, words)) {
                ++count.delivered;
            } else {
                ++count.corrupt;
            }
        };
        const Nanoseconds start = now();
        while (elapsed < length) {
            for (int i = 0; i < kReceivesPerClockCheck; ++i) {
                if (channel.receive(sink) == 0) {
                    ring::pause_after_empty_poll();
                }
            }
            elapsed = now() - start;
        }
        stop.set.store(true, std::memory_order_relaxed);
    };
    const auto send = [&] {
        MessageSource<kBytes> source;
        while (!stop.set.load(std::memory_order_relaxed)) {
            for (int i = 0; i < kSendsPerStopCheck; ++i) {
                const Message<kBytes>& message = source.next();
                while (!channel.send(message)) {
                    if (stop.set.load(std::memory_order_relaxed)) {
                        return;
                    }
                    ring::pause_after_empty_poll();
                }
            }
        }
    };

    Sample sample;
    sample.usage = cores.run(receive, send);
    const auto lost = static_cast<double>(channel.lost());
    const auto intact = static_cast<double>(count.delivered);
    sample.values["rate"] = intact / to_seconds(elapsed);
    sample.values["lost_part"] = lost + intact > 0 ? lost / (lost + intact) : 0.0;
    sample.values["corrupt"] = static_cast<double>(count.corrupt);
    sample.values["cpu_ns"] =
        intact > 0 ? static_cast<double>(sample.usage.first.cpu + sample.usage.second.cpu) / intact : 0.0;
    return sample;
}

// Blocks in its lock or its allocator's.
enum class Sleeps : bool { kNo, kYes };

template <std::size_t kBytes, class Channel>
Contender contender(Session& session, Sleeps sleeps = Sleeps::kNo) {
    return {Channel::kTraits.name, [&session, sleeps] {
                const auto channel = std::make_unique<Channel>();
                Sample sample = sample_throughput<kBytes>(session.cores(), *channel, session.plan().sample);
                sample.first_sleeps = sample.second_sleeps = sleeps == Sleeps::kYes;
                return sample;
            }};
}

// Says for the page what they are.
template <class... Channels>
void describe(Session& session) {
    (session.describe({Channels::kTraits.name, Channels::kTraits.what, Channels::kTraits.lacks}), ...);
}

}  // namespace aegis::bench
