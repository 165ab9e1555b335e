#include "driver/host/executive/objects/kernel_handle.hpp"

#include <fmt/format.h>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

constexpr std::uint64_t kKernelHandleBits = 0xFFFFFFFF80000000U;

std::uint64_t bits(HANDLE handle) {
    return reinterpret_cast<std::uint64_t>(handle);
}

}  // namespace

bool is_kernel_handle(HANDLE handle) {
    return (bits(handle) & kKernelHandleBits) == kKernelHandleBits;
}

std::uint64_t handle_value(HANDLE handle) {
    return is_kernel_handle(handle) ? bits(handle) & ~kKernelHandleBits : bits(handle);
}

NTSTATUS insert_driver_handle(Object& object, ACCESS_MASK granted, ULONG attributes, PHANDLE handle) {
    Process& system = executive_parts().processes.system();
    if ((attributes & OBJ_KERNEL_HANDLE) == 0 && &current_process() != &system) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("a handle to {} opened without OBJ_KERNEL_HANDLE in {}", object.describe(),
                                  current_process().describe()));
    }
    const auto value = system.handles.insert(object, granted);
    if (!value) {
        return STATUS_PROCESS_IS_TERMINATING;
    }
    *handle = reinterpret_cast<HANDLE>(*value | kKernelHandleBits);
    return STATUS_SUCCESS;
}

}  // namespace aegis::host
