// Rights to processes and threads: which of them make a handle worth an event, and which a protected process leaves to
// others.
#pragma once

#include "aegis/event.h"
#include "nt/nt.hpp"

namespace aegis::driver {

// As Windows numbers them; mingw-w64's kernel headers have a few.
inline constexpr ACCESS_MASK kProcessTerminate = 0x0001;
inline constexpr ACCESS_MASK kProcessCreateThread = 0x0002;
inline constexpr ACCESS_MASK kProcessSetSessionId = 0x0004;
inline constexpr ACCESS_MASK kProcessVmOperation = 0x0008;
inline constexpr ACCESS_MASK kProcessVmRead = 0x0010;
inline constexpr ACCESS_MASK kProcessVmWrite = 0x0020;
inline constexpr ACCESS_MASK kProcessDupHandle = 0x0040;
inline constexpr ACCESS_MASK kProcessCreateProcess = 0x0080;
inline constexpr ACCESS_MASK kProcessSetQuota = 0x0100;
inline constexpr ACCESS_MASK kProcessSetInformation = 0x0200;
inline constexpr ACCESS_MASK kProcessQueryInformation = 0x0400;
inline constexpr ACCESS_MASK kProcessSuspendResume = 0x0800;
inline constexpr ACCESS_MASK kProcessQueryLimited = 0x1000;

inline constexpr ACCESS_MASK kThreadTerminate = 0x0001;
inline constexpr ACCESS_MASK kThreadSuspendResume = 0x0002;
inline constexpr ACCESS_MASK kThreadGetContext = 0x0008;
inline constexpr ACCESS_MASK kThreadSetContext = 0x0010;
inline constexpr ACCESS_MASK kThreadSetInformation = 0x0020;
inline constexpr ACCESS_MASK kThreadQueryInformation = 0x0040;
inline constexpr ACCESS_MASK kThreadSetToken = 0x0080;
inline constexpr ACCESS_MASK kThreadImpersonate = 0x0100;
inline constexpr ACCESS_MASK kThreadDirectImpersonation = 0x0200;
inline constexpr ACCESS_MASK kThreadQueryLimited = 0x0800;

// Who has one of these gets itself all others; MAXIMUM_ALLOWED and the generic rights may stand for any.
inline constexpr ACCESS_MASK kRightsToAll =
    WRITE_DAC | WRITE_OWNER | MAXIMUM_ALLOWED | GENERIC_ALL | GENERIC_WRITE | GENERIC_EXECUTE;

// Without a policy's masks: what hurts a process, or looks into it.
inline constexpr ACCESS_MASK kDangerousToProcess =
    kProcessTerminate | kProcessCreateThread | kProcessSetSessionId | kProcessVmOperation | kProcessVmRead |
    kProcessVmWrite | kProcessDupHandle | kProcessCreateProcess | kProcessSetQuota | kProcessSetInformation |
    kProcessSuspendResume | kRightsToAll | GENERIC_READ;
inline constexpr ACCESS_MASK kDangerousToThread = kThreadTerminate | kThreadSuspendResume | kThreadSetContext |
                                                  kThreadSetInformation | kThreadSetToken | kThreadImpersonate |
                                                  kThreadDirectImpersonation | kRightsToAll;

// What others may do with a protected process and its threads: look. Named are those that stay, so that a right nobody
// here knows goes.
inline constexpr ACCESS_MASK kLeftOfProcess =
    kProcessVmRead | kProcessQueryInformation | kProcessQueryLimited | READ_CONTROL | SYNCHRONIZE;
inline constexpr ACCESS_MASK kLeftOfThread =
    kThreadGetContext | kThreadQueryInformation | kThreadQueryLimited | READ_CONTROL | SYNCHRONIZE;

// `object_type` is AEGIS_HANDLE_PROCESS or AEGIS_HANDLE_THREAD.
inline constexpr ACCESS_MASK dangerous_rights(std::uint8_t object_type) {
    return object_type == AEGIS_HANDLE_PROCESS ? kDangerousToProcess : kDangerousToThread;
}
inline constexpr ACCESS_MASK rights_left(std::uint8_t object_type) {
    return object_type == AEGIS_HANDLE_PROCESS ? kLeftOfProcess : kLeftOfThread;
}

}  // namespace aegis::driver
