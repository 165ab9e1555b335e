#include <memory>

#include "channels/block_handoff.hpp"
#include "channels/disruptor.hpp"
#include "channels/ring_channel.hpp"
#include "channels/spmc_blocks.hpp"
#include "channels/spsc_ring.hpp"
#include "channels/throughput.hpp"
#include "suites/suites.hpp"

namespace aegis::bench {
namespace {

// Values: message_ns. Turns of one full receive batch, so that no receiver ever looks in vain.
template <std::size_t kBytes, class Channel>
Sample sample_one_core(CorePair& cores, Channel& channel, Nanoseconds length) {
    constexpr int kTurnsPerClockCheck = 16;
    std::uint64_t delivered = 0;
    std::uint64_t corrupt = 0;
    Nanoseconds elapsed = 0;
    Sample sample;
    sample.usage = cores.run(
        [&] {
            MessageSource<kBytes> source;
            const MessageCheck<kBytes> check;
            const auto sink = [&](Ticket ticket, const std::uint64_t* words) {
                (check.intact(ticket, words) ? delivered : corrupt) += 1;
            };
            const Nanoseconds start = now();
            while (elapsed < length) {
                for (int turn = 0; turn < kTurnsPerClockCheck; ++turn) {
                    for (std::size_t i = 0; i < kReceiveBatch; ++i) {
                        channel.send(source.next());
                    }
                    channel.receive(sink);
                }
                elapsed = now() - start;
            }
        },
        [] {});
    sample.second_sleeps = true;  // it has nothing to do
    sample.values["message_ns"] = static_cast<double>(elapsed) / static_cast<double>(delivered);
    sample.values["corrupt"] = static_cast<double>(corrupt);
    return sample;
}

template <std::size_t kBytes, class... Channels>
void measure_between_cores(Session& session) {
    session.measure({"rings", {{"bytes", kBytes}}, {contender<kBytes, Channels>(session)...}});
}

template <std::size_t kBytes, class... Channels>
void measure_on_one_core(Session& session) {
    session.measure({"rings on one core", {{"bytes", kBytes}}, {{Channels::kTraits.name, [&session] {
                                                                     const auto channel = std::make_unique<Channels>();
                                                                     return sample_one_core<kBytes>(
                                                                         session.cores(), *channel,
                                                                         session.plan().sample);
                                                                 }}...}});
}

template <std::size_t kBytes>
void measure_size(Session& session) {
    measure_between_cores<kBytes, RingChannel<kBytes>, RingChannel<kBytes, Bell::kRegistered>, BlockHandoff<kBytes>,
                          SpscRing<kBytes, Reading::kInPlace>, SpscRing<kBytes, Reading::kCopied>,
                          Disruptor<kBytes, Reading::kInPlace>, Disruptor<kBytes, Reading::kCopied>,
                          SpmcBlocks<kBytes, Reading::kInPlace>, SpmcBlocks<kBytes, Reading::kCopied>>(session);
    measure_on_one_core<kBytes, RingChannel<kBytes>, SpscRing<kBytes, Reading::kInPlace>,
                        SpscRing<kBytes, Reading::kCopied>, Disruptor<kBytes, Reading::kInPlace>,
                        Disruptor<kBytes, Reading::kCopied>, SpmcBlocks<kBytes, Reading::kInPlace>,
                        SpmcBlocks<kBytes, Reading::kCopied>>(session);
}

}  // namespace

void run_rings(Session& session) {
    constexpr std::size_t kAny = 160;
    describe<SpscRing<kAny, Reading::kInPlace>, SpscRing<kAny, Reading::kCopied>, Disruptor<kAny, Reading::kInPlace>,
             Disruptor<kAny, Reading::kCopied>, SpmcBlocks<kAny, Reading::kInPlace>,
             SpmcBlocks<kAny, Reading::kCopied>>(session);
    measure_size<48>(session);
    measure_size<160>(session);
    measure_size<320>(session);
    measure_size<1056>(session);
}

}  // namespace aegis::bench
