// Opening a device within a limit: CreateFileW itself takes as long as whatever is behind the name.
#pragma once

#include <windows.h>

#include <chrono>
#include <string>

#include "agent/client/win32/interrupts.hpp"
#include "agent/client/win32/unique_handle.hpp"

namespace aegis::client {

struct Opened {
    UniqueHandle handle;          // empty: see error
    DWORD error = ERROR_SUCCESS;  // ERROR_TIMEOUT and ERROR_OPERATION_ABORTED: given up
};

// Opens an existing file or device for overlapped reading and writing. Gives up after `limit`, and at once when one of
// `interrupts` is signalled.
Opened open_overlapped(const std::wstring& path, const Interrupts& interrupts, std::chrono::nanoseconds limit);

}  // namespace aegis::client
