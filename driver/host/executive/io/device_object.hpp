// Device objects of the loaded driver.
#pragma once

#include <ntifs.h>

#include <memory>
#include <string>

#include "driver/host/executive/objects/object.hpp"

namespace aegis::host {

class DeviceObject final : public Object {
  public:
    DeviceObject(PDRIVER_OBJECT driver, std::u16string name, std::size_t extension_bytes);

    DEVICE_OBJECT* nt() { return &nt_; }
    const std::u16string& name() const { return name_; }
    SecurityHolder* security() override { return &security_; }
    std::string describe() const override;

    bool deleted = false;  // guarded by IoState, as is nt()->ReferenceCount

  private:
    DEVICE_OBJECT nt_{};
    const std::u16string name_;
    std::unique_ptr<unsigned char[]> extension_;
    SecurityHolder security_;
};

}  // namespace aegis::host
