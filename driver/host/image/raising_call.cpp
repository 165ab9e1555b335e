#include "driver/host/image/raising_call.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "driver/host/executive/verifier.hpp"
#include "driver/host/image/driver_image.hpp"
#include "driver/host/image/unwind.hpp"
#include "driver/mapping_guard.h"

// raising_call_x64.S
extern "C" void aegis_raising_map_locked_pages();

namespace aegis::host {
namespace {

void NTAPI never_called() {
    verifier_stop(Bugcheck::kKmodeExceptionNotHandled, "__C_specific_handler was called by the driver itself");
}

// Where the image goes on after the call at `return_address` raised.
std::uint64_t raise_into_image(const void* return_address) {
    const DriverImage* image = DriverImage::containing(return_address);
    if (image == nullptr) {
        verifier_stop(Bugcheck::kKmodeExceptionNotHandled,
                      "MmMapLockedPagesSpecifyCache raised into code that belongs to no driver image");
    }
    const auto base = reinterpret_cast<std::uint64_t>(image->bytes().data());
    const auto return_rva = static_cast<std::uint32_t>(reinterpret_cast<std::uint64_t>(return_address) - base);
    const HandlerSearch handler =
        find_handler(image->bytes(), image->file().exceptions, return_rva, c_specific_handler());
    if (handler.target_rva == 0) {
        verifier_stop(Bugcheck::kKmodeExceptionNotHandled,
                      fmt::format("MmMapLockedPagesSpecifyCache raised and returns to RVA {:#x}, but {}", return_rva,
                                  handler.why_none));
    }
    return base + handler.target_rva;
}

}  // namespace

const void* raising_map_locked_pages() {
    return reinterpret_cast<const void*>(&aegis_raising_map_locked_pages);
}

const void* c_specific_handler() {
    return reinterpret_cast<const void*>(&never_called);
}

}  // namespace aegis::host

// Called by raising_call_x64.S with the arguments of MmMapLockedPagesSpecifyCache and two of its own. *resume_at is 0
// when nothing was raised.
extern "C" PVOID NTAPI aegis_map_or_raise(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache, PVOID address,
                                          ULONG bugcheck_on_failure, ULONG priority, const void* return_address,
                                          std::uint64_t* resume_at) {
    PVOID mapped = AegisGuardedMapLockedPages(mdl, mode, cache, address, bugcheck_on_failure, priority);
    *resume_at = mapped == nullptr && mode == UserMode ? aegis::host::raise_into_image(return_address) : 0;
    return mapped;
}
