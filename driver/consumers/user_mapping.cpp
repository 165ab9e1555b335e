#include "consumers/user_mapping.hpp"

#include "consumers/mapping_guard.h"

namespace aegis::driver {

NTSTATUS UserMapping::map(void* pages, std::uint64_t bytes, UserAccess access) {
    mdl_ = IoAllocateMdl(pages, static_cast<ULONG>(bytes), FALSE, FALSE, nullptr);
    if (mdl_ == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    MmBuildMdlForNonPagedPool(mdl_);

    ULONG priority = static_cast<ULONG>(NormalPagePriority) | kMdlMappingNoExecute;
    if (access == UserAccess::kReadOnly) {
        priority |= kMdlMappingNoWrite;
    }
    address_ = AegisGuardedMapLockedPages(mdl_, UserMode, MmCached, nullptr, FALSE, priority);
    if (address_ == nullptr) {
        IoFreeMdl(mdl_);
        mdl_ = nullptr;
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return STATUS_SUCCESS;
}

void UserMapping::unmap() {
    MmUnmapLockedPages(address_, mdl_);
    address_ = nullptr;
    IoFreeMdl(mdl_);
    mdl_ = nullptr;
}

}  // namespace aegis::driver
