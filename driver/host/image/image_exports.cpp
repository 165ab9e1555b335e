#include "driver/host/image/image_exports.hpp"

#include <ntifs.h>

#include "driver/host/executive/processes/notify_routines.hpp"
#include "driver/host/executive/text.hpp"
#include "driver/host/image/driver_image.hpp"
#include "driver/host/image/import_gates.hpp"
#include "driver/host/image/raising_call.hpp"

namespace aegis::host {
namespace {

constexpr std::uint16_t kForceIntegrity = 0x0080;  // IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY

PVOID NTAPI get_system_routine_address(PUNICODE_STRING name) {
    PVOID found = MmGetSystemRoutineAddress(name);
    const void* gate = found != nullptr ? import_gate(to_utf8(view(name))) : nullptr;
    return gate != nullptr ? const_cast<PVOID>(gate) : found;
}

bool may_be_notified(const void* routine) {
    const DriverImage* image = DriverImage::containing(routine);
    return image == nullptr || (image->file().dll_characteristics & kForceIntegrity) != 0;
}

NTSTATUS NTAPI set_create_process_notify_routine(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine, BOOLEAN remove) {
    return may_be_notified(reinterpret_cast<const void*>(routine)) ? PsSetCreateProcessNotifyRoutineEx(routine, remove)
                                                                   : STATUS_ACCESS_DENIED;
}

NTSTATUS NTAPI set_create_process_notify_routine_2(ULONG type, PVOID routine, BOOLEAN remove) {
    return may_be_notified(routine) ? PsSetCreateProcessNotifyRoutineEx2(type, routine, remove) : STATUS_ACCESS_DENIED;
}

}  // namespace

const void* image_export(std::string_view name) {
    if (name == "MmMapLockedPagesSpecifyCache") {
        return raising_map_locked_pages();
    }
    if (name == "MmGetSystemRoutineAddress") {
        return reinterpret_cast<const void*>(&get_system_routine_address);
    }
    if (name == "PsSetCreateProcessNotifyRoutineEx") {
        return reinterpret_cast<const void*>(&set_create_process_notify_routine);
    }
    if (name == "PsSetCreateProcessNotifyRoutineEx2") {
        return reinterpret_cast<const void*>(&set_create_process_notify_routine_2);
    }
    return nullptr;
}

}  // namespace aegis::host
