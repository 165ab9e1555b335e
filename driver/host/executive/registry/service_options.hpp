// What the service control manager keeps about the driver: its registry key.
#pragma once

#include <ntifs.h>

#include <map>
#include <string>
#include <vector>

namespace aegis::host {

struct RegistryValue {
    ULONG type = REG_NONE;  // REG_…
    std::vector<unsigned char> data;
};

RegistryValue registry_dword(ULONG value);

struct ServiceOptions {
    std::u16string service = u"AegisMon";
    // Values of \Registry\Machine\System\CurrentControlSet\Services\<service>\Parameters; with none, no such key.
    std::map<std::u16string, RegistryValue> parameters;
};

}  // namespace aegis::host
