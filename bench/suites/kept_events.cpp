// How many events of a recorded process workload the default ring keeps: counted, so every sample says the same.
#include "channels/page_memory.hpp"
#include "suites/suites.hpp"
#include "workload/process_workload.hpp"

namespace aegis::bench {
namespace {

Sample sample_kept(std::size_t longer) {
    constexpr double kKibPerMib = 1024;
    const PageMemory region(ring::region_bytes(ring::cells_in_kib(AEGIS_RING_KIB_DEFAULT)));
    const auto kept = static_cast<double>(workload::events_kept(region.data(), AEGIS_RING_KIB_DEFAULT, longer));
    Sample sample;
    sample.first_sleeps = true;
    sample.second_sleeps = true;
    sample.values["kept"] = kept;
    sample.values["kept_per_mib"] = kept * kKibPerMib / AEGIS_RING_KIB_DEFAULT;
    sample.values["over_slots"] = kept / workload::kSlotsOfVersion1;
    return sample;
}

}  // namespace

void run_kept_events(Session& session) {
    session.measure({"kept events",
                     {},
                     {
                         {"a build", [] { return sample_kept(0); }},
                         {"a build, device names", [] { return sample_kept(workload::kDeviceNameBytes); }},
                     }});
}

}  // namespace aegis::bench
