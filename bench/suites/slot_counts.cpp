#include <memory>

#include "channels/ring_channel.hpp"
#include "channels/throughput.hpp"
#include "suites/suites.hpp"

namespace aegis::bench {
namespace {

template <std::size_t kBytes>
void measure_slot_counts(Session& session) {
    Group group{"slot counts", {{"bytes", kBytes}}, {}};
    for (const std::uint32_t slots : {64U, 256U, 1024U, 4096U, 16384U, 65536U}) {
        group.contenders.push_back({std::to_string(slots), [&session, slots] {
                                        const auto channel = std::make_unique<RingChannel<kBytes>>(slots);
                                        return sample_throughput<kBytes>(session.cores(), *channel,
                                                                         session.plan().sample);
                                    }});
    }
    session.measure(group);
}

}  // namespace

void run_slot_counts(Session& session) {
    measure_slot_counts<160>(session);
    if (!session.plan().quick) {
        measure_slot_counts<1056>(session);
    }
}

}  // namespace aegis::bench
