// --policy: from a file to the policy in force, and what it has done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "aegis/client.h"
#include "agent/app/log.hpp"
#include "agent/port/failure.hpp"

namespace aegis::agent {

// Reads and compiles the file. Says on `log` what is wrong with it, each fault with its place, and which rules can
// never decide. `path` is UTF-8.
std::optional<Failure> load_policy(const std::string& path, Log& log, std::vector<std::byte>& blob);

// Hands the blob to the driver, where it decides until `client` is closed; `generation` names it then.
std::optional<Failure> set_policy(aegis_client* client, Log& log, const std::vector<std::byte>& blob,
                                  std::uint64_t& generation);

// A line that says what the policy in force has kept back and refused, "policy: generation=…"; empty when none is in
// force, or the driver does not say within `limit_ms`.
std::string policy_line(aegis_client* client, std::int32_t limit_ms);

}  // namespace aegis::agent
