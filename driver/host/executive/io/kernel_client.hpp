// Another driver as a client of the loaded one: its requests come from kernel mode.
//
// All functions run on the calling thread, in the process it is in (ProcessScope; else the system process).
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <span>
#include <string_view>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/io/file_object.hpp"

namespace aegis::host {

class KernelClient {
  public:
    // In whose name a driver opens: its own, or that of the user whose thread it runs on (SL_FORCE_ACCESS_CHECK).
    enum class OpenFor { kItself, kUser };

    // IoGetDeviceObjectPointer: the handle is closed at once, which cleans up; the file object stays open until the
    // end.
    KernelClient(std::u16string_view path, ACCESS_MASK desired, OpenFor open_for = OpenFor::kItself);
    // IoCreateStreamFileObject: a file object that the loaded driver is never told of, until its cleanup and its close.
    static KernelClient with_stream_file(std::u16string_view path);
    ~KernelClient();
    KernelClient(KernelClient&&) = default;
    KernelClient& operator=(KernelClient&&) = delete;

    // Of the open.
    NTSTATUS status() const { return status_; }

    // IoBuildDeviceIoControlRequest, which puts no file object into the request, and IoCallDriver.
    IoResult control_without_file(ULONG code, std::span<const std::byte> input, std::span<std::byte> output);
    // The same with the file object.
    IoResult control(ULONG code, std::span<const std::byte> input, std::span<std::byte> output);
    // Any request without file object and buffers.
    IoResult request_without_file(UCHAR major_function);

  private:
    KernelClient() = default;

    NTSTATUS status_ = STATUS_SUCCESS;
    Referenced<DeviceObject> device_;
    Referenced<FileObject> file_;
};

}  // namespace aegis::host
