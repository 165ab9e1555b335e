// A sysctl as a value of the registry: kernel/hostname is the value hostname of \REGISTRY\LINUX\sysctl\kernel.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aegis::host::sources {

struct SysctlValue {
    static constexpr std::uint32_t kText = 1;  // REG_SZ

    std::u16string key;
    std::u16string name;
    std::u16string data;  // without a terminator
};

// `path` is the sysctl's, below /proc/sys; what is no UTF-8 becomes U+FFFD.
SysctlValue sysctl_value(std::string_view path, std::string_view value);

}  // namespace aegis::host::sources
