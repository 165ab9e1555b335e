// The control device: \Device\AegisMon, its security and its symbolic link.
#pragma once

#include <atomic>

#include "control/device_security.hpp"
#include "nt/nt.hpp"

namespace aegis::driver {

class ControlDevice {
  public:
    // Creates, secures and links the device; a failure leaves nothing behind. IRQL PASSIVE_LEVEL.
    NTSTATUS create(PDRIVER_OBJECT driver);

    // Removes the link, then the device: nobody can open a device that is about to go. IRQL PASSIVE_LEVEL.
    void destroy();

    // IRP_MJ_CREATE's own check. IRQL PASSIVE_LEVEL.
    NTSTATUS check_opener(PIRP irp) { return security_.check_opener(irp); }

  private:
    DeviceSecurity security_;
    // Exchanged for null by destroy, so that it can happen only once. Acquire and release order the device's own
    // fields with the pointer.
    std::atomic<PDEVICE_OBJECT> device_ = nullptr;
};

}  // namespace aegis::driver
