"""Constants that are checks of the driver: which access it asks for, in which mode, up to which limit; and what it knows
itself, where the shared memory says it too. Each is tried with the other value."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Substitution:
    file: str  # in driver/
    old: str  # stands there
    new: str


SUBSTITUTIONS = [
    Substitution(file, old, new) for file, old, new in (
        ("consumer_attachment.cpp", "PsGetCurrentProcess() != process",
         "PsGetCurrentProcessId() != PsGetProcessId(process)"),
        ("consumer_attachment.cpp", "PsGetProcessId(owner_)", "PsGetCurrentProcessId()"),
        ("consumer_attachment.cpp", "UserAccess::kReadOnly", "UserAccess::kReadWrite"),
        ("consumer_attachment.cpp", "UserAccess::kReadWrite", "UserAccess::kReadOnly"),
        ("device.cpp", "FILE_DEVICE_SECURE_OPEN, FALSE", "0, FALSE"),
        ("device.cpp", "FILE_DEVICE_SECURE_OPEN, FALSE", "FILE_DEVICE_SECURE_OPEN, TRUE"),
        ("device_security.cpp", "FILE_ALL_ACCESS, sid", "FILE_GENERIC_READ, sid"),
        ("device_security.cpp", "context->AccessState->OriginalDesiredAccess", "context->DesiredAccess"),
        ("device_security.cpp", "irp->RequestorMode", "KernelMode"),
        ("device_security.cpp", "irp->RequestorMode", "UserMode"),
        ("device_security.cpp", "OBJ_KERNEL_HANDLE", "0"),
        ("device_security.cpp", "WRITE_DAC", "0"),
        ("device_security.cpp", "FILE_ALL_ACCESS, sid", "FILE_ALL_ACCESS, &g_administrators"),
        ("device_security.cpp", "FILE_ALL_ACCESS, sid", "FILE_ALL_ACCESS, &g_local_system"),
        ("handle_table.cpp", "handle_count_ == AEGIS_MAX_HANDLES", "handle_count_ > AEGIS_MAX_HANDLES"),
        ("image_path.cpp", "units <= AEGIS_MAX_PATH_REPORTED", "units <= AEGIS_MAX_PATH"),
        ("image_path.cpp", "is_pair(text[head - 1], text[head])", "is_pair(text[head], text[head - 1])"),
        ("image_path.cpp", "is_pair(text[units - tail - 1], text[units - tail])",
         "is_pair(text[units - tail], text[units - tail - 1])"),
        ("image_path.cpp", "path->Length", "path->MaximumLength"),
        ("image_path.cpp", "AEGIS_PATH_CUT | AEGIS_PATH_CUT_EXACT", "AEGIS_PATH_CUT"),
        ("image_path.cpp", "path->Length / sizeof(WCHAR)", "(path->Length + 1) / sizeof(WCHAR)"),
        ("ioctl.cpp", "EVENT_MODIFY_STATE", "0"),
        ("ioctl.cpp", "event_object_type()", "nullptr"),
        ("ioctl.cpp", "UserMode", "KernelMode"),
        ("ioctl.cpp", "driver.channel.identity()",
         "*static_cast<const AEGIS_RING_IDENTITY*>(driver.channel.region())"),
        ("ioctl_request.hpp", "header.Version != AEGIS_CONTROL_VERSION",
         "static_cast<std::uint16_t>(header.Version) != AEGIS_CONTROL_VERSION"),
        ("ioctl_request.hpp", "header.Bytes != buffer.input_bytes",
         "static_cast<std::uint16_t>(header.Bytes) != buffer.input_bytes"),
        ("ioctl_request.hpp", "bytes + offset", "bytes + offset + 1"),
        ("ioctl_request.hpp", "bytes + buffer.input_bytes", "bytes + buffer.input_bytes - 1"),
        ("pool.hpp", "NonPagedPoolNx", "NonPagedPool"),
        ("pull_cursor.cpp", "laps < kMaxLapsPerPull", "laps < 1"),
        ("ring_channel.cpp", "producer_.published()", "memory_.load_published()"),
        ("ring_channel.cpp", "producer_.wakeups_sent()", "memory_.load_wakeups_sent()"),
        ("ring_channel.cpp", "producer_.lost_before(reason)", "memory_.load_lost_before(reason)"),
        ("ring_channel.cpp", "counters.state = state_", "counters.state = memory_.load_state()"),
        ("service_parameters.cpp", "OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE", "OBJ_CASE_INSENSITIVE"),
        ("service_parameters.cpp", "OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE", "OBJ_KERNEL_HANDLE"),
        ("user_mapping.cpp", "| kMdlMappingNoExecute", "| 0"),
        ("user_mapping.cpp", "MmCached", "MmNonCached"),
        ("user_mapping.cpp", "UserMode", "KernelMode"),
        # The signal under the publish lock.
        ("wake_target.hpp", "targets_[count_++] = target",
         "(KeSetEvent(target->event_, EVENT_INCREMENT, FALSE), ExReleaseRundownProtection(&target->signals_))"),
    )
]
