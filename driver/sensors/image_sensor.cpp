#include "sensors/image_sensor.hpp"

#include <cstddef>
#include <cstdint>

#include "aegis/event.h"
#include "diagnostics/diagnostics.hpp"
#include "nt/process_id.hpp"
#include "nt/system_routine.hpp"
#include "sensors/loaded_path.hpp"
#include "sensors/process_key.hpp"

namespace aegis::driver {
namespace {

// mingw-w64 declares neither the routine nor its flag: images made for another architecture, too.
using SetLoadImageNotifyRoutineEx = NTSTATUS(NTAPI*)(PLOAD_IMAGE_NOTIFY_ROUTINE routine, ULONG_PTR flags);
constexpr ULONG_PTR kPsImageNotifyConflictingArchitecture = 1;

// IMAGE_INFO.Properties: what mingw-w64's IMAGE_INFO calls reserved.
constexpr ULONG kMachineTypeMismatch = 1U << 11;
constexpr ULONG kSignatureLevelShift = 12;
constexpr ULONG kSignatureLevelMask = 0xF;
constexpr ULONG kSignatureTypeShift = 16;
constexpr ULONG kSignatureTypeMask = 0x7;
constexpr ULONG kPartialMap = 1U << 19;

// NT passes no context to an image notify routine, so what it needs is here. Written before registration and after
// removal, which waits for callbacks in flight; so callbacks read it without a lock.
constinit SensorContext g_context{};
constinit CallbackHealth g_health;

// A payload in compact form: what is behind the path is neither initialised nor published.
struct CompactPayload {
    AEGIS_IMAGE_PAYLOAD payload;
    std::size_t bytes;
};

std::uint8_t flags_of(const IMAGE_INFO& info) {
    unsigned flags = info.SystemModeImage ? AEGIS_IMAGE_KERNEL : 0;
    if ((info.Properties & kMachineTypeMismatch) != 0) {
        flags |= AEGIS_IMAGE_MACHINE_MISMATCH;
    }
    if ((info.Properties & kPartialMap) != 0) {
        flags |= AEGIS_IMAGE_PARTIAL_MAP;
    }
    return static_cast<std::uint8_t>(flags);
}

// What the file was opened as, on its volume: the only name there is where NT gives none. Null where NT hands out no
// file object. IRQL PASSIVE_LEVEL.
const UNICODE_STRING* name_of_file(PIMAGE_INFO info) {
    if (!info->ExtendedInfoPresent) {
        return nullptr;
    }
    const FILE_OBJECT* const file = CONTAINING_RECORD(info, IMAGE_INFO_EX, ImageInfo)->FileObject;
    return file != nullptr ? &file->FileName : nullptr;
}

// A path, and whether NT vouches for it.
struct ImageName {
    const UNICODE_STRING* text;  // null, or without a buffer: there is none
    bool exact;
};

bool is_there(const UNICODE_STRING* text) {
    return text != nullptr && text->Buffer != nullptr && text->Length >= sizeof(WCHAR);
}

// The text that NT gives is pageable, and its file system must not be asked here: the thread may hold what that waits
// for. IRQL PASSIVE_LEVEL.
ImageName name_of(const UNICODE_STRING* name, PIMAGE_INFO info) {
    return is_there(name) ? ImageName{name, true} : ImageName{name_of_file(info), false};
}

// IRQL PASSIVE_LEVEL.
Decision decide(HANDLE process_id, const UNICODE_STRING* name, std::int64_t now) {
    const PathText path = is_there(name) ? PathText{name->Buffer, name->Length / sizeof(WCHAR)} : PathText{};
    const std::uint32_t process = process_id_number(process_id);
    return g_context.policies->happened({AEGIS_EVENT_IMAGE_LOAD, process, process, path, now, false});
}

// IRQL PASSIVE_LEVEL, inside a critical region, in the context of the thread that maps the image.
void NTAPI on_image_notify(PUNICODE_STRING given, HANDLE process_id, PIMAGE_INFO info) {
    if (g_context.policies->is_off(AEGIS_EVENT_IMAGE_LOAD)) {
        return;
    }
    const std::int64_t now = g_context.clock->now();
    const ImageName name = name_of(given, info);
    if (g_context.keep_back(&g_health, decide(process_id, name.text, now), now)) {
        return;
    }

    CompactPayload event;
    event.bytes = AEGIS_IMAGE_PAYLOAD_FIXED;
    AEGIS_IMAGE_PAYLOAD& told = event.payload;
    RtlZeroMemory(&told, AEGIS_IMAGE_PAYLOAD_FIXED);
    told.ProcessId = process_id_number(process_id);
    told.LoaderProcessId = process_id_number(PsGetCurrentProcessId());
    told.ThreadId = process_id_number(PsGetCurrentThreadId());
    told.ImageBase = reinterpret_cast<std::uintptr_t>(info->ImageBase);
    told.ImageSize = info->ImageSize;
    told.SignatureLevel = static_cast<std::uint8_t>(info->Properties >> kSignatureLevelShift & kSignatureLevelMask);
    told.SignatureType = static_cast<std::uint8_t>(info->Properties >> kSignatureTypeShift & kSignatureTypeMask);
    told.AddressingMode = static_cast<std::uint8_t>(info->ImageAddressingMode);
    told.Flags = flags_of(*info);
    // Drivers are loaded into no process.
    if (process_id != nullptr) {
        const ProcessKey key = process_key(process_id);
        told.ProcessKey = key.value;
        told.Flags |= key.is_time ? AEGIS_IMAGE_KEY_IS_TIME : 0;
    }
    const std::size_t path_bytes = copy_loaded_path(name.text, &told);
    told.Flags |= name.exact ? AEGIS_IMAGE_EXACT : 0;
    event.bytes += path_bytes;
    g_context.report(&g_health, AEGIS_EVENT_IMAGE_LOAD, now, &told, event.bytes);
}

// STATUS_PROCEDURE_NOT_FOUND on older systems. IRQL PASSIVE_LEVEL.
NTSTATUS register_for_every_architecture() {
    const auto set = find_system_routine<SetLoadImageNotifyRoutineEx>(u"PsSetLoadImageNotifyRoutineEx");
    return set != nullptr ? set(on_image_notify, kPsImageNotifyConflictingArchitecture) : STATUS_PROCEDURE_NOT_FOUND;
}

// IRQL PASSIVE_LEVEL.
NTSTATUS start_image_sensor(const SensorContext& context) {
    g_context = context;
    NTSTATUS status = register_for_every_architecture();
    if (NT_SUCCESS(status)) {
        g_health.registered(status);
        return status;
    }
    failed("see images of every architecture", status);
    status = PsSetLoadImageNotifyRoutine(on_image_notify);
    g_health.registered(status, AEGIS_CALLBACK_NO_FOREIGN_IMAGES);
    return status;
}

// IRQL PASSIVE_LEVEL.
void stop_image_sensor() {
    PsRemoveLoadImageNotifyRoutine(on_image_notify);
}

}  // namespace

constinit const Sensor kImageSensor = {"image sensor",     AEGIS_CALLBACK_IMAGE, 1U << AEGIS_EVENT_IMAGE_LOAD,
                                       start_image_sensor, stop_image_sensor,    &g_health};

}  // namespace aegis::driver
