#include "driver/host/image/raising_call.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

#include "driver/consumers/mapping_guard.h"
#include "driver/host/executive/verifier/verifier.hpp"
#include "driver/host/image/driver_image.hpp"
#include "driver/host/image/image_thread.hpp"
#include "driver/host/image/unwind.hpp"

namespace aegis::host {
namespace {

void NTAPI never_called() {
    verifier_stop(Bugcheck::kKmodeExceptionNotHandled, "__C_specific_handler was called by the driver itself");
}

// Has the image go on where the call's exception is caught.
void raise_into_image(ExecutiveCall* call) {
    const void* return_address = nullptr;
    if (call != nullptr) {
        std::memcpy(&return_address, reinterpret_cast<const void*>(call->stack_pointer), sizeof(return_address));
    }
    const DriverImage* image = DriverImage::containing(return_address);
    if (image == nullptr) {
        verifier_stop(Bugcheck::kKmodeExceptionNotHandled,
                      "MmMapLockedPagesSpecifyCache raised into code that belongs to no driver image");
    }
    const auto base = reinterpret_cast<std::uint64_t>(image->bytes().data());
    const auto return_rva = static_cast<std::uint32_t>(reinterpret_cast<std::uint64_t>(return_address) - base);
    const HandlerSearch handler = find_handler(image->bytes(), image->functions(), return_rva, c_specific_handler());
    if (handler.target_rva == 0) {
        verifier_stop(Bugcheck::kKmodeExceptionNotHandled,
                      fmt::format("MmMapLockedPagesSpecifyCache raised and returns to RVA {:#x}, but {}", return_rva,
                                  handler.why_none));
    }
    call->resume_at = base + handler.target_rva;
}

PVOID NTAPI map_or_raise(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache, PVOID address,
                         ULONG bugcheck_on_failure, ULONG priority) {
    PVOID mapped = AegisGuardedMapLockedPages(mdl, mode, cache, address, bugcheck_on_failure, priority);
    if (mapped == nullptr && mode == UserMode) {
        raise_into_image(current_executive_call());
    }
    return mapped;
}

}  // namespace

const void* raising_map_locked_pages() {
    return reinterpret_cast<const void*>(&map_or_raise);
}

const void* c_specific_handler() {
    return reinterpret_cast<const void*>(&never_called);
}

}  // namespace aegis::host
