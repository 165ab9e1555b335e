// What an administrator may set under the service key's Parameters subkey.
#pragma once

#include <cstdint>

#include "nt/nt.hpp"

namespace aegis::driver {

struct ServiceParameters {
    // RingKiB, REG_DWORD: size of the ring region in KiB, AEGIS_RING_KIB_MIN to AEGIS_RING_KIB_MAX.
    // Without it SlotCount is still understood, which counted the fixed slots of 1088 bytes that rings once had: the
    // ring gets as much memory as those took.
    std::uint32_t ring_kib;
};

// Reads Parameters below `service_key`. A missing key or value means the default; a wrong type or value is reported
// in the debug output and means the default as well, so that a typo never keeps the sensor from loading.
// IRQL PASSIVE_LEVEL.
ServiceParameters read_service_parameters(PUNICODE_STRING service_key);

}  // namespace aegis::driver
