// A policy's blob, from its parts: include/aegis/policy.h says how they lie.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "aegis/policy.h"

namespace aegis::agent {

struct PolicyRule {
    std::u16string text;      // a path or an extension
    std::uint32_t types = 0;  // as in AEGIS_POLICY_RULE
    std::uint8_t action = 0;
};

// What a policy says of handles.
struct HandlePolicy {
    std::vector<AEGIS_POLICY_HANDLES> masks;
    std::vector<AEGIS_POLICY_PROCESS> processes;
};

using PolicyTypes = std::array<AEGIS_POLICY_TYPE, AEGIS_POLICY_TYPES>;

// Checks nothing. Longer than AEGIS_POLICY_BYTES_MAX when there is that much.
std::vector<std::byte> policy_blob(const PolicyTypes& types, const std::vector<PolicyRule>& paths,
                                   const std::vector<PolicyRule>& images, const std::vector<PolicyRule>& extensions,
                                   const HandlePolicy& handles = {});

}  // namespace aegis::agent
