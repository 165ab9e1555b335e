#include "driver/host/executive/io/driver_object.hpp"

#include <utility>

namespace aegis::host {
namespace {

constexpr CSHORT kIoTypeDriver = 4;

NTSTATUS NTAPI invalid_device_request(PDEVICE_OBJECT, PIRP irp) {
    irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}

UNICODE_STRING counted(std::u16string& text) {
    const auto bytes = static_cast<USHORT>(text.size() * sizeof(char16_t));
    return {bytes, static_cast<USHORT>(bytes + sizeof(char16_t)), text.data()};
}

}  // namespace

DriverObject::DriverObject(PDRIVER_INITIALIZE entry, const std::u16string& service, std::u16string registry_path)
    : Object(driver_object_type, &nt_),
      name_(u"\\Driver\\" + service),
      service_(service),
      registry_path_(std::move(registry_path)) {
    extension_.DriverObject = &nt_;
    extension_.ServiceKeyName = counted(service_);
    nt_.Type = kIoTypeDriver;
    nt_.Size = sizeof(DRIVER_OBJECT);
    nt_.DriverExtension = &extension_;
    nt_.DriverName = counted(name_);
    nt_.DriverInit = entry;
    fill_empty_slots();
}

UNICODE_STRING DriverObject::registry_path() {
    return counted(registry_path_);
}

void DriverObject::fill_empty_slots() {
    for (PDRIVER_DISPATCH& slot : nt_.MajorFunction) {
        if (slot == nullptr) {
            slot = &invalid_device_request;
        }
    }
}

}  // namespace aegis::host
