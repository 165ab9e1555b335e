// Who may use the device: SYSTEM and Administrators, nobody else.
//
// Applied twice. The device object carries the DACL, so the I/O manager refuses others; and the driver checks the
// opener again in IRP_MJ_CREATE, because a descriptor that someone loosened must not open the sensor.
#pragma once

#include "nt/nt.hpp"

namespace aegis::driver {

class DeviceSecurity {
  public:
    // Builds the descriptor. IRQL PASSIVE_LEVEL.
    NTSTATUS initialize();

    // Sets it as the device's DACL. Before DriverEntry returns nobody can have opened the device.
    // IRQL PASSIVE_LEVEL.
    NTSTATUS apply_to(PDEVICE_OBJECT device);

    // Checks the opener of an IRP_MJ_CREATE: STATUS_SUCCESS or STATUS_ACCESS_DENIED. Another driver is let in unless it
    // opens on behalf of a user. IRQL PASSIVE_LEVEL.
    NTSTATUS check_opener(PIRP irp);

  private:
    static constexpr ULONG kAclBytes = 128;

    SECURITY_DESCRIPTOR descriptor_{};
    alignas(ACL) UCHAR acl_[kAclBytes]{};
};

}  // namespace aegis::driver
