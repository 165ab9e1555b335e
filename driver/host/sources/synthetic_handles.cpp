#include "driver/host/sources/synthetic_handles.hpp"

namespace aegis::host::sources {
namespace {

// NT's rights.
constexpr std::uint32_t kAllAccess = 0x1FFFFF;
constexpr std::uint32_t kLook = 0x0010'1400;  // to query, and to wait for the end
constexpr std::uint32_t kVmRead = 0x0010;
constexpr std::uint32_t kVmWrite = 0x0028;
constexpr std::uint32_t kDupHandle = 0x0040;
constexpr std::uint32_t kThreadSuspend = 0x0002;
constexpr std::uint64_t kMostLooks = 4;

}  // namespace

std::vector<SyntheticHandle> SyntheticHandles::after(const SyntheticEvent& start) {
    const auto handle = [&](std::uint32_t access) {
        SyntheticHandle opened;
        opened.pid = start.creator;
        opened.target = start.pid;
        opened.access = access;
        return opened;
    };
    std::vector<SyntheticHandle> handles = {handle(kAllAccess)};
    for (std::uint64_t looks = below(kMostLooks + 1); looks > 0; --looks) {
        handles.push_back(handle(kLook));
    }
    if (once_in(8)) {
        handles.push_back(handle(kLook | kVmRead));
    }
    if (once_in(64)) {
        handles.push_back(handle(kThreadSuspend));
        handles.back().of_thread = true;
    }
    if (once_in(256)) {
        handles.push_back(handle(kVmWrite));
    }
    if (once_in(32)) {
        handles.push_back(handle(kDupHandle));
        handles.back().duplicate = true;
        handles.back().source = start.creator;
        handles.back().destination = start.parent;
    }
    return handles;
}

}  // namespace aegis::host::sources
