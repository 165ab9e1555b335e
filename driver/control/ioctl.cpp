#include "control/ioctl.hpp"

#include "aegis/ioctl.h"
#include "aegis/version.h"
#include "consumers/owner_exit.hpp"
#include "control/ioctl_extension.hpp"
#include "control/ioctl_request.hpp"
#include "control/policy_requests.hpp"
#include "control/protect_request.hpp"
#include "nt/scope_guard.hpp"

namespace aegis::driver {
namespace {

static_assert(AEGIS_IOCTL_GET_EVENTS == CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_READ_DATA));
static_assert(AEGIS_IOCTL_RING_SETUP ==
              CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_READ_DATA | FILE_WRITE_DATA));
static_assert(AEGIS_IOCTL_RING_TEARDOWN ==
              CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_READ_DATA | FILE_WRITE_DATA));
static_assert(AEGIS_IOCTL_QUERY == CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_READ_DATA));
static_assert(AEGIS_IOCTL_SOURCE_LOSS == CTL_CODE(FILE_DEVICE_UNKNOWN, 0x880, METHOD_BUFFERED, FILE_ANY_ACCESS));
static_assert(AEGIS_IOCTL_NO_SOURCE == CTL_CODE(FILE_DEVICE_UNKNOWN, 0x881, METHOD_BUFFERED, FILE_ANY_ACCESS));

// IRQL PASSIVE_LEVEL.
NTSTATUS get_events(DeviceHandle& handle, IoctlBuffer* buffer) {
    if (buffer->output_bytes < AEGIS_MAX_EVENT_SIZE) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    buffer->written = handle.pull.pull(buffer->data, buffer->output_bytes);
    return STATUS_SUCCESS;
}

// IRQL PASSIVE_LEVEL, in the process that becomes the consumer.
NTSTATUS ring_setup(Driver& driver, DeviceHandle& handle, IoctlBuffer* buffer) {
    // A driver would get user mappings in whatever process its thread happens to be in.
    if (buffer->requestor == KernelMode) {
        return STATUS_NOT_SUPPORTED;
    }
    AEGIS_RING_SETUP_REQUEST request;
    NTSTATUS status = read_request(*buffer, &request);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (request.Reserved != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    if (buffer->output_bytes < sizeof(AEGIS_RING_SETUP_REPLY)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    // Nobody is given a mapping of memory that the driver itself no longer trusts.
    if (!driver.channel.verify()) {
        return STATUS_DRIVER_INTERNAL_ERROR;
    }

    void* event = nullptr;
    status = ObReferenceObjectByHandle(reinterpret_cast<HANDLE>(static_cast<ULONG_PTR>(request.EventHandle)),
                                       EVENT_MODIFY_STATE, event_object_type(), UserMode, &event, nullptr);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ScopeGuard release_event([&] { ObDereferenceObject(event); });

    AEGIS_RING_SETUP_REPLY reply{};
    status = driver.handles.setup(handle, static_cast<PKEVENT>(event), &reply);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    release_event.keep();

    const AEGIS_RING_IDENTITY& identity = driver.channel.identity();
    reply.Version = AEGIS_CONTROL_VERSION;
    reply.Bytes = sizeof(reply);
    reply.RingBytes = identity.RegionBytes;
    reply.HeaderBytes = identity.HeaderBytes;
    reply.CellBytes = identity.CellBytes;
    reply.CellCount = identity.CellCount;
    reply.AbiMajor = identity.AbiMajor;
    reply.AbiMinor = identity.AbiMinor;
    std::memcpy(reply.SessionId, identity.SessionId, sizeof(reply.SessionId));
    std::memcpy(buffer->data, &reply, sizeof(reply));
    buffer->written = sizeof(reply);
    return STATUS_SUCCESS;
}

// IRQL PASSIVE_LEVEL.
NTSTATUS ring_teardown(Driver& driver, DeviceHandle& handle, const IoctlBuffer& buffer) {
    AEGIS_RING_TEARDOWN_REQUEST request;
    const NTSTATUS status = read_request(buffer, &request);
    return NT_SUCCESS(status) ? driver.handles.teardown(handle) : status;
}

// The sensors' rows, then the transport's own. Returns how many they are. Any IRQL.
std::uint32_t describe_callbacks(const Driver& driver, AEGIS_CALLBACK_HEALTH* rows) {
    AEGIS_CALLBACK_HEALTH* const last = driver.sensors.describe(rows);
    describe_owner_exit_watch(last);
    return static_cast<std::uint32_t>(last + 1 - rows);
}

// IRQL PASSIVE_LEVEL.
NTSTATUS query(Driver& driver, IoctlBuffer* buffer) {
    AEGIS_QUERY_REQUEST request;
    const NTSTATUS status = read_request(*buffer, &request);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (buffer->output_bytes < sizeof(AEGIS_QUERY_REPLY)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    // Built in place: the reply is too large for a kernel stack.
    auto* reply = static_cast<AEGIS_QUERY_REPLY*>(buffer->data);
    RtlZeroMemory(reply, sizeof(*reply));

    driver.channel.verify();
    const AEGIS_RING_IDENTITY& identity = driver.channel.identity();
    const ChannelCounters counters = driver.channel.counters();
    reply->Version = AEGIS_CONTROL_VERSION;
    reply->Bytes = sizeof(*reply);
    reply->DriverVersion = AEGIS_VERSION_MAJOR << 24 | AEGIS_VERSION_MINOR << 16 | AEGIS_VERSION_PATCH;
    reply->State = counters.state;
    std::memcpy(reply->SessionId, identity.SessionId, sizeof(reply->SessionId));
    reply->HeaderBytes = identity.HeaderBytes;
    reply->CellBytes = identity.CellBytes;
    reply->CellCount = identity.CellCount;
    reply->RegionBytes = identity.RegionBytes;
    reply->Published = counters.published;
    std::memcpy(reply->LostBefore, counters.lost_before, sizeof(reply->LostBefore));
    reply->WakeupsSent = counters.wakeups_sent;
    reply->PolicyGeneration = driver.policies.generation_in_force();
    reply->HeadBytes = AEGIS_QUERY_HEAD_BYTES;
    reply->CallbackRows = {offsetof(AEGIS_QUERY_REPLY, Callbacks), describe_callbacks(driver, reply->Callbacks),
                           sizeof(AEGIS_CALLBACK_HEALTH)};
    reply->ConsumerRows = {offsetof(AEGIS_QUERY_REPLY, Consumers), 0, sizeof(AEGIS_CONSUMER_INFO)};
    if (!driver.handles.describe(counters.published, reply)) {
        driver.channel.fail("the list of handles does not match its count");
        reply->State = AEGIS_RING_FAILED;
    }
    buffer->written = sizeof(*reply);
    return STATUS_SUCCESS;
}

// IRQL <= DISPATCH_LEVEL.
NTSTATUS source_loss(Driver& driver, const IoctlBuffer& buffer) {
    AEGIS_SOURCE_LOSS_REQUEST request;
    const NTSTATUS status = read_request(buffer, &request);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (request.Reserved != 0 || request.Count == 0) {
        return STATUS_INVALID_PARAMETER;
    }
    driver.channel.count_source_loss(request.Count);
    return STATUS_SUCCESS;
}

// IRQL <= DISPATCH_LEVEL.
NTSTATUS no_source(Driver& driver, const IoctlBuffer& buffer) {
    AEGIS_NO_SOURCE_REQUEST request;
    const NTSTATUS status = read_request(buffer, &request);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (request.Reserved != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    CallbackHealth* const health = driver.sensors.health_of(request.Kind);
    if (health == nullptr) {
        return STATUS_NOT_FOUND;
    }
    health->without_source();
    return STATUS_SUCCESS;
}

}  // namespace

NTSTATUS handle_ioctl(Driver& driver, DeviceHandle& handle, ULONG code, IoctlBuffer* buffer) {
    switch (code) {
        case AEGIS_IOCTL_GET_EVENTS:
            return get_events(handle, buffer);
        case AEGIS_IOCTL_RING_SETUP:
            return ring_setup(driver, handle, buffer);
        case AEGIS_IOCTL_RING_TEARDOWN:
            return ring_teardown(driver, handle, *buffer);
        case AEGIS_IOCTL_QUERY:
            return query(driver, buffer);
        case AEGIS_IOCTL_SET_POLICY:
            return set_policy(driver, handle, buffer);
        case AEGIS_IOCTL_GET_POLICY:
            return get_policy(driver, buffer);
        case AEGIS_IOCTL_PROTECT:
            return protect(driver, handle, *buffer);
        default:
            return handle_extension_ioctl(driver, code, buffer);
    }
}

NTSTATUS handle_internal_ioctl(Driver& driver, ULONG code, IoctlBuffer* buffer) {
    switch (code) {
        case AEGIS_IOCTL_SOURCE_LOSS:
            return source_loss(driver, *buffer);
        case AEGIS_IOCTL_NO_SOURCE:
            return no_source(driver, *buffer);
        default:
            return STATUS_INVALID_DEVICE_REQUEST;
    }
}

}  // namespace aegis::driver
