#include "driver/host/executive/io/device_object.hpp"

#include <utility>

#include "driver/host/executive/text.hpp"

namespace aegis::host {
namespace {

constexpr CSHORT kIoTypeDevice = 3;

}  // namespace

DeviceObject::DeviceObject(PDRIVER_OBJECT driver, std::u16string name, std::size_t extension_bytes)
    : Object(device_object_type, &nt_),
      name_(std::move(name)),
      extension_(extension_bytes == 0 ? nullptr : new unsigned char[extension_bytes]()),
      security_(default_device_descriptor(), &nt_.SecurityDescriptor) {
    nt_.Type = kIoTypeDevice;
    nt_.Size = sizeof(DEVICE_OBJECT);
    nt_.DriverObject = driver;
    nt_.DeviceExtension = extension_.get();
    nt_.StackSize = 1;
    nt_.Flags = DO_DEVICE_INITIALIZING;
}

std::string DeviceObject::describe() const {
    return name_.empty() ? "unnamed device" : "device " + to_utf8(name_);
}

}  // namespace aegis::host
