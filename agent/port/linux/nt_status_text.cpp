#include "agent/port/linux/nt_status_text.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace aegis::agent {
namespace {

struct Name {
    std::uint32_t status;
    std::string_view name;
};

constexpr std::array kNames = {
    Name{0x00000000U, "STATUS_SUCCESS"},
    Name{0xC0000002U, "STATUS_NOT_IMPLEMENTED"},
    Name{0xC0000004U, "STATUS_INFO_LENGTH_MISMATCH"},
    Name{0xC0000008U, "STATUS_INVALID_HANDLE"},
    Name{0xC000000DU, "STATUS_INVALID_PARAMETER"},
    Name{0xC000000EU, "STATUS_NO_SUCH_DEVICE"},
    Name{0xC0000010U, "STATUS_INVALID_DEVICE_REQUEST"},
    Name{0xC0000017U, "STATUS_NO_MEMORY"},
    Name{0xC0000022U, "STATUS_ACCESS_DENIED"},
    Name{0xC0000023U, "STATUS_BUFFER_TOO_SMALL"},
    Name{0xC0000024U, "STATUS_OBJECT_TYPE_MISMATCH"},
    Name{0xC0000033U, "STATUS_OBJECT_NAME_INVALID"},
    Name{0xC0000034U, "STATUS_OBJECT_NAME_NOT_FOUND"},
    Name{0xC0000044U, "STATUS_QUOTA_EXCEEDED"},
    Name{0xC0000056U, "STATUS_DELETE_PENDING"},
    Name{0xC0000059U, "STATUS_REVISION_MISMATCH"},
    Name{0xC000009AU, "STATUS_INSUFFICIENT_RESOURCES"},
    Name{0xC00000C4U, "STATUS_UNEXPECTED_NETWORK_ERROR"},
    Name{0xC00000CEU, "STATUS_TOO_MANY_SESSIONS"},
    Name{0xC0000183U, "STATUS_DRIVER_INTERNAL_ERROR"},
    Name{0xC0000184U, "STATUS_INVALID_DEVICE_STATE"},
    Name{0xC0000206U, "STATUS_INVALID_BUFFER_SIZE"},
    Name{0xC0000225U, "STATUS_NOT_FOUND"},
    Name{0xC00002B6U, "STATUS_DEVICE_REMOVED"},
    Name{0xC0000718U, "STATUS_ALREADY_REGISTERED"},
};

}  // namespace

std::string describe_nt_status(std::uint32_t status) {
    for (const Name& name : kNames) {
        if (name.status == status) {
            return fmt::format("{} (0x{:08X})", name.name, status);
        }
    }
    return fmt::format("NTSTATUS 0x{:08X}", status);
}

}  // namespace aegis::agent
