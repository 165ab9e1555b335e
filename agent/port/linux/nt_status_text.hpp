// NTSTATUS values as the NT headers name them.
#pragma once

#include <cstdint>
#include <string>

namespace aegis::agent {

// "STATUS_QUOTA_EXCEEDED (0xC0000044)", or "NTSTATUS 0x…" for a value that no caller of this driver meets.
std::string describe_nt_status(std::uint32_t status);

}  // namespace aegis::agent
