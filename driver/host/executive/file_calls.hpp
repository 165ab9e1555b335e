// The system calls on devices, for a thread that is inside a SystemCall.
#pragma once

#include <span>
#include <string_view>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/process.hpp"

namespace aegis::host {

HandleResult open_file(Process& process, std::u16string_view path, ACCESS_MASK desired);
IoResult control_file(Process& process, ProcessHandle handle, ULONG code, std::span<const std::byte> input,
                      std::span<std::byte> output);
IoResult request_file(Process& process, ProcessHandle handle, UCHAR major_function);

}  // namespace aegis::host
