// One open of a device.
#pragma once

#include <ntifs.h>

#include <string>

#include "driver/host/executive/io/device_object.hpp"
#include "driver/host/executive/objects/object.hpp"

namespace aegis::host {

class FileObject final : public Object {
  public:
    // The device has been opened with IoState::open(); the file's end closes it.
    FileObject(Referenced<DeviceObject> device, std::u16string name, ACCESS_MASK granted);

    FILE_OBJECT* nt() { return &nt_; }
    DeviceObject& device() { return *device_; }
    // The driver accepted IRP_MJ_CREATE: from now on it gets IRP_MJ_CLEANUP and IRP_MJ_CLOSE as well.
    void set_opened() { opened_ = true; }
    std::string describe() const override;

  private:
    void last_handle_closed() override;
    void destroy() override;

    FILE_OBJECT nt_{};
    Referenced<DeviceObject> device_;
    std::u16string name_;
    bool opened_ = false;
};

}  // namespace aegis::host
