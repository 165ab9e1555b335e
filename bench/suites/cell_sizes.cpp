// How large a cell should be: smaller ones waste less memory on a small event, larger ones split fewer.
#include <memory>

#include "channels/ring_channel.hpp"
#include "channels/throughput.hpp"
#include "suites/suites.hpp"

namespace aegis::bench {
namespace {

// Every size gets the memory of the default ring.
template <std::size_t kBytes>
void measure_cell_sizes(Session& session) {
    Group group{"cell sizes", {{"bytes", kBytes}}, {}};
    for (const std::uint32_t cell_bytes : {128U, 192U, 256U, 320U}) {
        group.contenders.push_back({std::to_string(cell_bytes), [&session, cell_bytes] {
                                        const std::uint32_t cells = AEGIS_RING_KIB_DEFAULT * 1024 / cell_bytes;
                                        const auto channel = std::make_unique<RingChannel<kBytes>>(cells, cell_bytes);
                                        return sample_throughput<kBytes>(session.cores(), *channel,
                                                                         session.plan().sample);
                                    }});
    }
    session.measure(group);
}

}  // namespace

void run_cell_sizes(Session& session) {
    measure_cell_sizes<48>(session);
    measure_cell_sizes<160>(session);
    measure_cell_sizes<320>(session);
    measure_cell_sizes<1056>(session);
}

}  // namespace aegis::bench
