// The driver object of a loaded driver.
#pragma once

#include <ntifs.h>

#include <string>

#include "driver/host/executive/objects/object.hpp"

namespace aegis::host {

class DriverObject final : public Object {
  public:
    // Every major function is answered with STATUS_INVALID_DEVICE_REQUEST until the driver sets its own.
    DriverObject(PDRIVER_INITIALIZE entry, const std::u16string& service, std::u16string registry_path);

    DRIVER_OBJECT* nt() { return &nt_; }
    // What DriverEntry gets; valid during the call only, as on NT.
    UNICODE_STRING registry_path();
    // A driver may leave a slot null; NT then puts its own default there.
    void fill_empty_slots();

  private:
    DRIVER_OBJECT nt_{};
    DRIVER_EXTENSION extension_{};
    std::u16string name_;
    std::u16string service_;
    std::u16string registry_path_;
};

}  // namespace aegis::host
