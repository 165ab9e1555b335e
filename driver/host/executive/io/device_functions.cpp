// The Io… calls about devices and their names.
#include <fmt/format.h>
#include <ntifs.h>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/text.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

using namespace aegis::host;

extern "C" NTSTATUS NTAPI IoCreateDevice(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize,
                                         PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType,
                                         ULONG DeviceCharacteristics, BOOLEAN Exclusive, PDEVICE_OBJECT* DeviceObject) {
    require_irql(APC_LEVEL, "IoCreateDevice");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("IoCreateDevice")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (parts.io.driver() == nullptr || parts.io.driver()->nt() != DriverObject) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("IoCreateDevice for {}, which is not the driver", fmt::ptr(DriverObject)));
    }
    const Referenced<aegis::host::DeviceObject> device(new aegis::host::DeviceObject(
        DriverObject, DeviceName == nullptr ? std::u16string() : std::u16string(view(DeviceName)),
        DeviceExtensionSize));
    device->nt()->DeviceType = DeviceType;
    device->nt()->Characteristics = DeviceCharacteristics;
    device->nt()->Flags |= DeviceName != nullptr ? DO_DEVICE_HAS_NAME : 0;
    device->nt()->Flags |= Exclusive != FALSE ? DO_EXCLUSIVE : 0;
    const NTSTATUS status = parts.io.add_device(*device);
    *DeviceObject = NT_SUCCESS(status) ? device->nt() : nullptr;
    return status;
}

extern "C" void NTAPI IoDeleteDevice(PDEVICE_OBJECT DeviceObject) {
    require_irql(APC_LEVEL, "IoDeleteDevice");
    executive_parts().io.delete_device(DeviceObject);
}

extern "C" NTSTATUS NTAPI IoCreateSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName) {
    require_irql(PASSIVE_LEVEL, "IoCreateSymbolicLink");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("IoCreateSymbolicLink")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return parts.io.add_link(view(SymbolicLinkName), view(DeviceName));
}

extern "C" NTSTATUS NTAPI IoDeleteSymbolicLink(PUNICODE_STRING SymbolicLinkName) {
    require_irql(PASSIVE_LEVEL, "IoDeleteSymbolicLink");
    return executive_parts().io.remove_link(view(SymbolicLinkName));
}

extern "C" PGENERIC_MAPPING NTAPI IoGetFileObjectGenericMapping() {
    return &file_object_type.mapping;
}
