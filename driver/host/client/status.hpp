// The NTSTATUS values that the client library and the host's server return on their own account, and some
// that their callers commonly compare with.
//
// The library does not include NT headers, so that a client of the host needs none. Any other value
// that the driver answers is passed through unchanged.
#pragma once

#include <cstdint>

namespace aegis::host::client {

using NtStatus = std::int32_t;

constexpr NtStatus nt_status(std::uint32_t value) {
    return static_cast<NtStatus>(value);
}

// As NT_SUCCESS: informational and success codes are not negative.
constexpr bool succeeded(NtStatus status) {
    return status >= 0;
}

inline constexpr NtStatus kStatusSuccess = nt_status(0x00000000);
inline constexpr NtStatus kStatusAlerted = nt_status(0x00000101);
inline constexpr NtStatus kStatusTimeout = nt_status(0x00000102);
inline constexpr NtStatus kStatusPending = nt_status(0x00000103);
inline constexpr NtStatus kStatusInvalidHandle = nt_status(0xC0000008);
inline constexpr NtStatus kStatusInvalidParameter = nt_status(0xC000000D);
inline constexpr NtStatus kStatusInvalidSystemService = nt_status(0xC000001C);
inline constexpr NtStatus kStatusAccessDenied = nt_status(0xC0000022);
inline constexpr NtStatus kStatusObjectTypeMismatch = nt_status(0xC0000024);
inline constexpr NtStatus kStatusObjectNameInvalid = nt_status(0xC0000033);
inline constexpr NtStatus kStatusObjectNameNotFound = nt_status(0xC0000034);
inline constexpr NtStatus kStatusRevisionMismatch = nt_status(0xC0000059);
inline constexpr NtStatus kStatusInsufficientResources = nt_status(0xC000009A);
inline constexpr NtStatus kStatusIoTimeout = nt_status(0xC00000B5);
inline constexpr NtStatus kStatusCancelled = nt_status(0xC0000120);
inline constexpr NtStatus kStatusInvalidBufferSize = nt_status(0xC0000206);
inline constexpr NtStatus kStatusTooManySessions = nt_status(0xC00000CE);
inline constexpr NtStatus kStatusInvalidDeviceState = nt_status(0xC0000184);
inline constexpr NtStatus kStatusUnexpectedNetworkError = nt_status(0xC00000C4);
inline constexpr NtStatus kStatusDeviceRemoved = nt_status(0xC00002B6);

}  // namespace aegis::host::client
