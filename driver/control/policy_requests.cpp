#include "control/policy_requests.hpp"

#include "aegis/policy.h"
#include "control/ioctl_request.hpp"
#include "diagnostics/diagnostics.hpp"
#include "nt/process_id.hpp"

namespace aegis::driver {
namespace {

static_assert(AEGIS_IOCTL_SET_POLICY == CTL_CODE(FILE_DEVICE_UNKNOWN, 0x804, METHOD_BUFFERED, FILE_WRITE_DATA));
static_assert(AEGIS_IOCTL_GET_POLICY == CTL_CODE(FILE_DEVICE_UNKNOWN, 0x805, METHOD_BUFFERED, FILE_READ_DATA));

// The blob stands in the request as it stands in its file.
static_assert(sizeof(AEGIS_SET_POLICY_REQUEST) % alignof(AEGIS_POLICY_HEADER) == 0);

// What ioctl.h says of every request, of one that carries a blob of any length. Any IRQL.
NTSTATUS check_header(const IoctlBuffer& buffer) {
    if (buffer.input_bytes < sizeof(AEGIS_SET_POLICY_REQUEST)) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    const auto* request = static_cast<const AEGIS_SET_POLICY_REQUEST*>(buffer.data);
    if (request->Header.Version != AEGIS_CONTROL_VERSION) {
        return STATUS_REVISION_MISMATCH;
    }
    return request->Header.Bytes != buffer.input_bytes ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

}  // namespace

NTSTATUS set_policy(Driver& driver, DeviceHandle& handle, IoctlBuffer* buffer) {
    NTSTATUS status = check_header(*buffer);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (buffer->output_bytes < sizeof(AEGIS_SET_POLICY_REPLY)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (!driver.channel.verify()) {
        return STATUS_DRIVER_INTERNAL_ERROR;
    }
    const std::uint32_t process_id = process_id_number(PsGetCurrentProcessId());
    AEGIS_SET_POLICY_REPLY reply{AEGIS_CONTROL_VERSION, sizeof(reply), 0, 0};
    {
        // Cleanup marks the handle first and then takes its turn to end the policy; so none outlives it.
        const FastMutexScope turn(driver.policies.turn());
        if (!driver.handles.is_open(handle)) {
            return STATUS_FILE_CLOSED;
        }
        const auto* blob = static_cast<const std::uint8_t*>(buffer->data) + sizeof(AEGIS_SET_POLICY_REQUEST);
        status = driver.policies.set(&handle, process_id, blob, buffer->input_bytes - sizeof(AEGIS_SET_POLICY_REQUEST),
                                     &reply);
    }
    if (!NT_SUCCESS(status)) {
        report_policy_not_taken(process_id, status);
        return status;
    }
    std::memcpy(buffer->data, &reply, sizeof(reply));
    buffer->written = sizeof(reply);
    return STATUS_SUCCESS;
}

NTSTATUS get_policy(Driver& driver, IoctlBuffer* buffer) {
    AEGIS_GET_POLICY_REQUEST request;
    const NTSTATUS status = read_request(*buffer, &request);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (buffer->output_bytes < sizeof(AEGIS_GET_POLICY_REPLY)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    // Built in place: the reply is too large for a kernel stack.
    auto* reply = static_cast<AEGIS_GET_POLICY_REPLY*>(buffer->data);
    RtlZeroMemory(reply, sizeof(*reply));
    reply->Version = AEGIS_CONTROL_VERSION;
    reply->Bytes = sizeof(*reply);
    driver.policies.describe(reply);
    buffer->written = sizeof(*reply);
    return STATUS_SUCCESS;
}

}  // namespace aegis::driver
