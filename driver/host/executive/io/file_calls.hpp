// The system calls on devices, for a thread that is inside a SystemCall or in kernel mode; and what kernel components
// do with them.
#pragma once

#include <span>
#include <string_view>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/processes/process.hpp"

namespace aegis::host {

// From which mode a device is opened, and whether a driver wants the rights of `process` checked all the same.
struct OpenMode {
    KPROCESSOR_MODE mode = UserMode;
    bool force_access_check = false;
};

// The opener is `process`; the handle goes into `handles`.
HandleResult open_file(Process& process, std::u16string_view path, ACCESS_MASK desired, OpenMode mode,
                       HandleTable& handles);
IoResult control_file(Process& process, ProcessHandle handle, ULONG code, std::span<const std::byte> input,
                      std::span<std::byte> output);
IoResult request_file(Process& process, ProcessHandle handle, UCHAR major_function);

// A METHOD_BUFFERED IRP_MJ_INTERNAL_DEVICE_CONTROL of a kernel component, outside of any system call.
IoResult internal_control_device(std::u16string_view path, ULONG code, std::span<const std::byte> input,
                                 std::span<std::byte> output);

}  // namespace aegis::host
