#include "driver/host/executive/io/file_calls.hpp"

#include <algorithm>
#include <utility>

#include "driver/host/executive/io/driver_load.hpp"
#include "driver/host/executive/io/file_object.hpp"
#include "driver/host/executive/io/irp.hpp"
#include "driver/host/executive/parts.hpp"

namespace aegis::host {
namespace {

// Where a METHOD_NEITHER request finds the client's buffers: the client may live in another process, so these are
// addresses that nothing is mapped at. A driver must not touch what it has not probed.
const PVOID kUnmappedUserAddress = reinterpret_cast<PVOID>(0x1000);

// The bits of a control code that say what access its handle needs are FILE_READ_ACCESS and FILE_WRITE_ACCESS.
ACCESS_MASK access_of_code(ULONG code) {
    const ULONG bits = code >> 14 & 3;
    return ((bits & FILE_READ_ACCESS) != 0 ? FILE_READ_DATA : 0) |
           ((bits & FILE_WRITE_ACCESS) != 0 ? FILE_WRITE_DATA : 0);
}

struct FileHandle {
    NTSTATUS status = STATUS_SUCCESS;
    Referenced<Object> file;
};

FileHandle reference_file(Process& process, ProcessHandle handle, ACCESS_MASK access) {
    HandleTable::Lookup entry = process.handles.find(handle);
    if (!entry.object) {
        return {STATUS_INVALID_HANDLE, {}};
    }
    if (&entry.object->type() != &file_object_type) {
        return {STATUS_OBJECT_TYPE_MISMATCH, {}};
    }
    if ((access & ~entry.granted) != 0) {
        return {STATUS_ACCESS_DENIED, {}};
    }
    return {STATUS_SUCCESS, std::move(entry.object)};
}

NTSTATUS check_device_access(Process& process, const IoState::Path& path, ACCESS_MASK desired, OpenMode mode,
                             ACCESS_MASK* granted) {
    DeviceObject& device = *path.device;
    // Without FILE_DEVICE_SECURE_OPEN NT leaves everything below the device's name to the driver.
    const bool secured = path.remainder.empty() || (device.nt()->Characteristics & FILE_DEVICE_SECURE_OPEN) != 0;
    const bool checked = secured && (mode.mode == UserMode || mode.force_access_check);
    if (!checked) {
        *granted = map_generic(file_object_type.mapping, desired & ~MAXIMUM_ALLOWED);
        return STATUS_SUCCESS;
    }
    const AccessDecision decision = check_access(view_descriptor(device.security()->current().data()), process.token(),
                                                 file_object_type.mapping, desired, 0);
    *granted = decision.granted;
    return decision.status;
}

NTSTATUS send_create(Process& process, FileObject& file, ACCESS_MASK desired, OpenMode mode, ACCESS_MASK granted) {
    ACCESS_STATE state{};
    state.OriginalDesiredAccess = desired;
    state.PreviouslyGrantedAccess = granted;
    state.SubjectSecurityContext = subject_context(process);
    state.SecurityDescriptor = file.device().nt()->SecurityDescriptor;
    const bool all = executive_parts().options.create_access == CreateAccess::kGranted;
    IO_SECURITY_CONTEXT context{nullptr, &state, all ? granted : state.RemainingDesiredAccess, 0};
    Irp irp(file.device(), &file, IRP_MJ_CREATE, mode.mode);
    irp.stack().Flags = mode.force_access_check ? SL_FORCE_ACCESS_CHECK : 0;
    irp.stack().Parameters.Create.SecurityContext = &context;
    return irp.send().status;
}

}  // namespace

HandleResult open_file(Process& process, std::u16string_view path, ACCESS_MASK desired, OpenMode mode,
                       HandleTable& handles) {
    IoState& io = executive_parts().io;
    IoState::Path found = io.resolve(path);
    if (!NT_SUCCESS(found.status)) {
        return {found.status, 0};
    }
    ACCESS_MASK granted = 0;
    NTSTATUS status = check_device_access(process, found, desired, mode, &granted);
    if (NT_SUCCESS(status)) {
        status = io.open(*found.device);
    }
    if (!NT_SUCCESS(status)) {
        return {status, 0};
    }
    const Referenced<FileObject> file(new FileObject(std::move(found.device), std::move(found.remainder), granted));
    status = send_create(process, *file, desired, mode, granted);
    if (!NT_SUCCESS(status)) {
        return {status, 0};
    }
    file->set_opened();
    // The table is open: an exit waits for this system call.
    return {STATUS_SUCCESS, handles.insert(*file, granted).value()};
}

IoResult control_file(Process& process, ProcessHandle handle, ULONG code, std::span<const std::byte> input,
                      std::span<std::byte> output) {
    const FileHandle entry = reference_file(process, handle, access_of_code(code));
    if (!NT_SUCCESS(entry.status)) {
        return {entry.status, 0};
    }
    auto& file = static_cast<FileObject&>(*entry.file);
    Irp irp(file.device(), &file, IRP_MJ_DEVICE_CONTROL, UserMode);
    auto& parameters = irp.stack().Parameters.DeviceIoControl;
    parameters.OutputBufferLength = static_cast<ULONG>(output.size());
    parameters.InputBufferLength = static_cast<ULONG>(input.size());
    parameters.IoControlCode = code;
    if (METHOD_FROM_CTL_CODE(code) == METHOD_NEITHER) {
        parameters.Type3InputBuffer = input.empty() ? nullptr : kUnmappedUserAddress;
        irp.nt().UserBuffer = output.empty() ? nullptr : kUnmappedUserAddress;
        irp.set_buffered({}, {});
    } else if (METHOD_FROM_CTL_CODE(code) == METHOD_BUFFERED) {
        irp.set_buffered(input, output);
    } else {
        // Direct I/O is not provided: the driver finds the input, and no MDL.
        irp.set_buffered(input, {});
    }
    const IoResult result = irp.send();
    if (FileWatch* const watch = executive_parts().file_watch; watch != nullptr && NT_SUCCESS(result.status)) {
        watch->controlled(&file, code, input, output.first(std::min<std::size_t>(result.information, output.size())));
    }
    return result;
}

IoResult request_file(Process& process, ProcessHandle handle, UCHAR major_function) {
    const bool has_own_call = major_function == IRP_MJ_CREATE || major_function == IRP_MJ_CLOSE ||
                              major_function == IRP_MJ_CLEANUP || major_function == IRP_MJ_DEVICE_CONTROL;
    // No system call makes one of these: what arrives there comes from the kernel.
    const bool is_internal = major_function == IRP_MJ_INTERNAL_DEVICE_CONTROL;
    if (has_own_call || is_internal || major_function > IRP_MJ_MAXIMUM_FUNCTION) {
        return {STATUS_INVALID_PARAMETER, 0};
    }
    const ACCESS_MASK access = major_function == IRP_MJ_READ    ? FILE_READ_DATA
                               : major_function == IRP_MJ_WRITE ? FILE_WRITE_DATA
                                                                : 0;
    const FileHandle entry = reference_file(process, handle, access);
    if (!NT_SUCCESS(entry.status)) {
        return {entry.status, 0};
    }
    auto& file = static_cast<FileObject&>(*entry.file);
    return Irp(file.device(), &file, major_function, UserMode).send();
}

IoResult internal_control_device(std::u16string_view path, ULONG code, std::span<const std::byte> input,
                                 std::span<std::byte> output) {
    IoState& io = executive_parts().io;
    const IoState::Path found = io.resolve(path);
    if (!NT_SUCCESS(found.status)) {
        return {found.status, 0};
    }
    if (!found.remainder.empty()) {
        return {STATUS_OBJECT_NAME_NOT_FOUND, 0};
    }
    // What the sender's reference to the device does on NT: the driver stays loaded until the request is done.
    if (const NTSTATUS status = io.open(*found.device); !NT_SUCCESS(status)) {
        return {status, 0};
    }
    IoResult result;
    {
        Irp irp(*found.device, nullptr, IRP_MJ_INTERNAL_DEVICE_CONTROL, KernelMode);
        auto& parameters = irp.stack().Parameters.DeviceIoControl;
        parameters.OutputBufferLength = static_cast<ULONG>(output.size());
        parameters.InputBufferLength = static_cast<ULONG>(input.size());
        parameters.IoControlCode = code;
        irp.set_buffered(input, output);
        result = irp.send();
    }
    if (io.close(*found.device)) {
        finish_unload();
    }
    return result;
}

}  // namespace aegis::host
