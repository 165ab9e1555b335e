#include "driver/host/executive/io/kernel_client.hpp"

#include <utility>

#include "driver/host/executive/io/file_calls.hpp"
#include "driver/host/executive/io/irp.hpp"
#include "driver/host/executive/parts.hpp"

namespace aegis::host {
namespace {

Referenced<DeviceObject> again(DeviceObject& device) {
    device.reference();
    return Referenced<DeviceObject>(&device);
}

IoResult send_control(DeviceObject& device, FileObject* file, ULONG code, std::span<const std::byte> input,
                      std::span<std::byte> output) {
    Irp irp(device, file, IRP_MJ_DEVICE_CONTROL, KernelMode);
    auto& parameters = irp.stack().Parameters.DeviceIoControl;
    parameters.OutputBufferLength = static_cast<ULONG>(output.size());
    parameters.InputBufferLength = static_cast<ULONG>(input.size());
    parameters.IoControlCode = code;
    irp.set_buffered(input, output);
    return irp.send();
}

}  // namespace

KernelClient::KernelClient(std::u16string_view path, ACCESS_MASK desired, OpenFor open_for) {
    Process& system = executive_parts().processes.system();
    const HandleResult opened =
        open_file(thread_process(), path, desired, {KernelMode, open_for == OpenFor::kUser}, system.handles);
    status_ = opened.status;
    if (!NT_SUCCESS(status_)) {
        return;
    }
    HandleTable::Lookup entry = system.handles.find(opened.handle);
    entry.object->reference();
    file_ = Referenced<FileObject>(static_cast<FileObject*>(entry.object.get()));
    device_ = again(file_->device());
    system.handles.close(opened.handle);
}

KernelClient KernelClient::with_stream_file(std::u16string_view path) {
    KernelClient client;
    IoState& io = executive_parts().io;
    IoState::Path found = io.resolve(path);
    client.status_ = NT_SUCCESS(found.status) ? io.open(*found.device) : found.status;
    if (!NT_SUCCESS(client.status_)) {
        return client;
    }
    client.device_ = again(*found.device);
    client.file_ = Referenced<FileObject>(new FileObject(std::move(found.device), {}, 0));
    client.file_->set_opened();
    client.file_->add_handle();
    client.file_->drop_handle();
    return client;
}

KernelClient::~KernelClient() = default;

IoResult KernelClient::control_without_file(ULONG code, std::span<const std::byte> input, std::span<std::byte> output) {
    return send_control(*device_, nullptr, code, input, output);
}

IoResult KernelClient::control(ULONG code, std::span<const std::byte> input, std::span<std::byte> output) {
    return send_control(*device_, file_.get(), code, input, output);
}

IoResult KernelClient::request_without_file(UCHAR major_function) {
    return Irp(*device_, nullptr, major_function, KernelMode).send();
}

}  // namespace aegis::host
