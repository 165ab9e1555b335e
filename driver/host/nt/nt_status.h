/* NTSTATUS values the driver and the executive use. */
#ifndef AEGIS_HOST_NT_STATUS_H
#define AEGIS_HOST_NT_STATUS_H

#include "nt_base.h"

inline constexpr bool NT_SUCCESS(NTSTATUS status) {
    return status >= 0;
}

inline constexpr bool NT_WARNING(NTSTATUS status) {
    return static_cast<ULONG>(status) >> 30 == 2;
}

inline constexpr bool NT_ERROR(NTSTATUS status) {
    return static_cast<ULONG>(status) >> 30 == 3;
}

inline constexpr NTSTATUS STATUS_SUCCESS = static_cast<NTSTATUS>(0x00000000);
inline constexpr NTSTATUS STATUS_WAIT_0 = static_cast<NTSTATUS>(0x00000000);
inline constexpr NTSTATUS STATUS_TIMEOUT = static_cast<NTSTATUS>(0x00000102);
inline constexpr NTSTATUS STATUS_PENDING = static_cast<NTSTATUS>(0x00000103);
inline constexpr NTSTATUS RPC_NT_UUID_LOCAL_ONLY = static_cast<NTSTATUS>(0x40020056);
inline constexpr NTSTATUS STATUS_BUFFER_OVERFLOW = static_cast<NTSTATUS>(0x80000005);
inline constexpr NTSTATUS STATUS_NO_MORE_ENTRIES = static_cast<NTSTATUS>(0x8000001A);
inline constexpr NTSTATUS STATUS_UNSUCCESSFUL = static_cast<NTSTATUS>(0xC0000001);
inline constexpr NTSTATUS STATUS_NOT_IMPLEMENTED = static_cast<NTSTATUS>(0xC0000002);
inline constexpr NTSTATUS STATUS_INVALID_INFO_CLASS = static_cast<NTSTATUS>(0xC0000003);
inline constexpr NTSTATUS STATUS_INFO_LENGTH_MISMATCH = static_cast<NTSTATUS>(0xC0000004);
inline constexpr NTSTATUS STATUS_ACCESS_VIOLATION = static_cast<NTSTATUS>(0xC0000005);
inline constexpr NTSTATUS STATUS_INVALID_HANDLE = static_cast<NTSTATUS>(0xC0000008);
inline constexpr NTSTATUS STATUS_INVALID_CID = static_cast<NTSTATUS>(0xC000000B);
inline constexpr NTSTATUS STATUS_INVALID_PARAMETER = static_cast<NTSTATUS>(0xC000000D);
inline constexpr NTSTATUS STATUS_NO_SUCH_DEVICE = static_cast<NTSTATUS>(0xC000000E);
inline constexpr NTSTATUS STATUS_INVALID_DEVICE_REQUEST = static_cast<NTSTATUS>(0xC0000010);
inline constexpr NTSTATUS STATUS_NO_MEMORY = static_cast<NTSTATUS>(0xC0000017);
inline constexpr NTSTATUS STATUS_ACCESS_DENIED = static_cast<NTSTATUS>(0xC0000022);
inline constexpr NTSTATUS STATUS_BUFFER_TOO_SMALL = static_cast<NTSTATUS>(0xC0000023);
inline constexpr NTSTATUS STATUS_OBJECT_TYPE_MISMATCH = static_cast<NTSTATUS>(0xC0000024);
inline constexpr NTSTATUS STATUS_OBJECT_NAME_INVALID = static_cast<NTSTATUS>(0xC0000033);
inline constexpr NTSTATUS STATUS_OBJECT_NAME_NOT_FOUND = static_cast<NTSTATUS>(0xC0000034);
inline constexpr NTSTATUS STATUS_OBJECT_NAME_COLLISION = static_cast<NTSTATUS>(0xC0000035);
inline constexpr NTSTATUS STATUS_OBJECT_PATH_NOT_FOUND = static_cast<NTSTATUS>(0xC000003A);
inline constexpr NTSTATUS STATUS_OBJECT_PATH_SYNTAX_BAD = static_cast<NTSTATUS>(0xC000003B);
inline constexpr NTSTATUS STATUS_QUOTA_EXCEEDED = static_cast<NTSTATUS>(0xC0000044);
inline constexpr NTSTATUS STATUS_DELETE_PENDING = static_cast<NTSTATUS>(0xC0000056);
inline constexpr NTSTATUS STATUS_UNKNOWN_REVISION = static_cast<NTSTATUS>(0xC0000058);
inline constexpr NTSTATUS STATUS_REVISION_MISMATCH = static_cast<NTSTATUS>(0xC0000059);
inline constexpr NTSTATUS STATUS_INVALID_ACL = static_cast<NTSTATUS>(0xC0000077);
inline constexpr NTSTATUS STATUS_INVALID_SID = static_cast<NTSTATUS>(0xC0000078);
inline constexpr NTSTATUS STATUS_INVALID_SECURITY_DESCR = static_cast<NTSTATUS>(0xC0000079);
inline constexpr NTSTATUS STATUS_PROCEDURE_NOT_FOUND = static_cast<NTSTATUS>(0xC000007A);
inline constexpr NTSTATUS STATUS_ALLOTTED_SPACE_EXCEEDED = static_cast<NTSTATUS>(0xC0000099);
inline constexpr NTSTATUS STATUS_INSUFFICIENT_RESOURCES = static_cast<NTSTATUS>(0xC000009A);
inline constexpr NTSTATUS STATUS_DEVICE_NOT_READY = static_cast<NTSTATUS>(0xC00000A3);
inline constexpr NTSTATUS STATUS_NOT_SUPPORTED = static_cast<NTSTATUS>(0xC00000BB);
inline constexpr NTSTATUS STATUS_INTERNAL_ERROR = static_cast<NTSTATUS>(0xC00000E5);
inline constexpr NTSTATUS STATUS_PROCESS_IS_TERMINATING = static_cast<NTSTATUS>(0xC000010A);
inline constexpr NTSTATUS STATUS_TOO_MANY_OPENED_FILES = static_cast<NTSTATUS>(0xC000011F);
inline constexpr NTSTATUS STATUS_CANCELLED = static_cast<NTSTATUS>(0xC0000120);
inline constexpr NTSTATUS STATUS_FILE_CLOSED = static_cast<NTSTATUS>(0xC0000128);
inline constexpr NTSTATUS STATUS_DRIVER_INTERNAL_ERROR = static_cast<NTSTATUS>(0xC0000183);
inline constexpr NTSTATUS STATUS_INVALID_BUFFER_SIZE = static_cast<NTSTATUS>(0xC0000206);
inline constexpr NTSTATUS STATUS_NOT_FOUND = static_cast<NTSTATUS>(0xC0000225);
inline constexpr NTSTATUS STATUS_RETRY = static_cast<NTSTATUS>(0xC000022D);
inline constexpr NTSTATUS STATUS_DEVICE_REMOVED = static_cast<NTSTATUS>(0xC00002B6);
inline constexpr NTSTATUS STATUS_SHUTDOWN_IN_PROGRESS = static_cast<NTSTATUS>(0xC00002FE);
inline constexpr NTSTATUS STATUS_ALREADY_REGISTERED = static_cast<NTSTATUS>(0xC0000718);
inline constexpr NTSTATUS STATUS_INTEGER_OVERFLOW = static_cast<NTSTATUS>(0xC0000095);

#endif
