// A registry event: its texts, one behind the other, and what of them fits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aegis/event.h"
#include "nt/nt.hpp"
#include "sensors/cut_text.hpp"

namespace aegis::driver {

// One call about the registry, before or after it is done. The texts may be pageable, the data anywhere.
struct RegistryCall {
    std::uint8_t operation = 0;  // AEGIS_REGISTRY_…
    PVOID key = nullptr;         // the key object
    PathText name{};             // of the value; of a rename, the new one
    ULONG type = 0;
    const void* data = nullptr;
    ULONG data_bytes = 0;
};

// A payload in compact form: what is behind its texts is neither initialised nor published.
struct CompactRegistryEvent {
    AEGIS_REGISTRY_PAYLOAD payload;
    std::size_t bytes;
};

// Fills `event` but for its flags about a refusal. `key` null: its path is not known. The caller is this thread.
// IRQL <= APC_LEVEL.
void describe_call(const RegistryCall& call, const JoinedText* key, NTSTATUS status, CompactRegistryEvent* event);

}  // namespace aegis::driver
