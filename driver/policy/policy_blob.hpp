// A policy's blob, checked to the last byte: include/aegis/policy.h says what each may be.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aegis/policy.h"
#include "nt/nt.hpp"
#include "policy/handle_rules.hpp"

namespace aegis::driver {

// What this driver's sensors can do, a bit for each event type. A policy that asks for more is refused: it would be
// believed to work.
inline constexpr std::uint32_t kTypesWithSensor = 1U << AEGIS_EVENT_PROCESS_CREATE | 1U << AEGIS_EVENT_PROCESS_EXIT |
                                                  1U << AEGIS_EVENT_THREAD_CREATE | 1U << AEGIS_EVENT_THREAD_EXIT |
                                                  1U << AEGIS_EVENT_IMAGE_LOAD | 1U << AEGIS_EVENT_REGISTRY_OP |
                                                  1U << AEGIS_EVENT_HANDLE_OP;
// Those that have a path, so that rules name them and two of them may be alike.
inline constexpr std::uint32_t kTypesWithPath =
    1U << AEGIS_EVENT_PROCESS_CREATE | 1U << AEGIS_EVENT_IMAGE_LOAD | 1U << AEGIS_EVENT_REGISTRY_OP;
// Those whose path is a file's, so that its name may have an extension.
inline constexpr std::uint32_t kTypesWithExtension = kTypesWithPath & ~(1U << AEGIS_EVENT_REGISTRY_OP);
// Those that can be refused.
inline constexpr std::uint32_t kTypesRefused = 1U << AEGIS_EVENT_PROCESS_CREATE | 1U << AEGIS_EVENT_REGISTRY_OP;

// The bits that AEGIS_POLICY_TYPE.Operations may have.
constexpr std::uint32_t operations_of(std::uint32_t type) {
    switch (type) {
        case AEGIS_EVENT_REGISTRY_OP:
            return (1U << AEGIS_REGISTRY_OPERATIONS) - 1;
        case AEGIS_EVENT_HANDLE_OP:
            return (1U << AEGIS_HANDLE_OPERATIONS) - 1;
        default:
            return AEGIS_POLICY_OPERATION_ANY;
    }
}

// The parts of a valid blob, inside it.
struct PolicyBlob {
    const AEGIS_POLICY_HEADER* header;
    const AEGIS_POLICY_RULE* paths;
    const AEGIS_POLICY_RULE* images;
    const AEGIS_POLICY_RULE* extensions;
    HandleSections handles;
    const std::uint16_t* text;  // of the paths, the images, the extensions

    std::uint32_t count(unsigned section) const { return header->Sections[section].Count; }
};

// Checks everything but whether two rules are the same. `bytes` may change no more, and are aligned to 8. The NTSTATUS
// of policy.h. Any IRQL at which `bytes` may be touched.
NTSTATUS parse_policy(const void* bytes, std::size_t size, PolicyBlob* blob);

}  // namespace aegis::driver
