// From a policy as a person writes it, in TOML, to the blob that the driver takes. docs/policy.md describes the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::agent {

// Something to say about one place of the file.
struct PolicyRemark {
    std::uint32_t line = 0;  // both from 1
    std::uint32_t column = 0;
    std::string message;
};

struct PolicyFile {
    std::vector<std::byte> blob;         // for AEGIS_IOCTL_SET_POLICY; meaningless with an error
    std::vector<PolicyRemark> errors;    // in the file's order, as far as they can be found at once
    std::vector<PolicyRemark> warnings;  // rules that can never decide
};

PolicyFile compile_policy(std::string_view toml);

}  // namespace aegis::agent
