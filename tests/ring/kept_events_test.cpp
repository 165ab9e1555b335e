// What the memory of the ring is worth: how many events of a recorded process workload it keeps.

#include <gtest/gtest.h>

#include "support/zeroed_region.hpp"
#include "workload/process_workload.hpp"

namespace aegis {
namespace {

std::uint64_t kept_by_default(std::size_t longer) {
    test::ZeroedRegion region(ring::region_bytes(ring::cells_in_kib(AEGIS_RING_KIB_DEFAULT)));
    return workload::events_kept(region.data(), AEGIS_RING_KIB_DEFAULT, longer);
}

// Catches: cells that are too large for so many events, an event that takes a cell more than it needs, a reader that
// does not begin at the oldest of them.
TEST(KeptEvents, FourTimesAsManyAsWithASlotForEach) {
    EXPECT_GE(kept_by_default(0), 4 * workload::kSlotsOfVersion1);
}

TEST(KeptEvents, FourTimesAsManyWithTheLongerNamesOfWindows) {
    EXPECT_GE(kept_by_default(workload::kDeviceNameBytes), 4 * workload::kSlotsOfVersion1);
}

}  // namespace
}  // namespace aegis
