// What an administrator may set under the service key's Parameters subkey.
#pragma once

#include <cstdint>

#include "nt.hpp"

namespace aegis::driver {

struct ServiceParameters {
    std::uint32_t slot_count;  // SlotCount, REG_DWORD: power of two, 64 to 65536
};

// Reads Parameters below `service_key`. A missing key or value means the default; a wrong type or value is reported
// in the debug output and means the default as well, so that a typo never keeps the sensor from loading.
// IRQL PASSIVE_LEVEL.
ServiceParameters read_service_parameters(PUNICODE_STRING service_key);

}  // namespace aegis::driver
