#include "control/service_parameters.hpp"

#include "aegis/ring/region.hpp"
#include "diagnostics/diagnostics.hpp"
#include "nt/debug_print.hpp"
#include "nt/scope_guard.hpp"

namespace aegis::driver {
namespace {

// IRQL PASSIVE_LEVEL.
NTSTATUS open_key(HANDLE parent, PUNICODE_STRING name, HANDLE* key) {
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, parent, nullptr);
    return ZwOpenKey(key, KEY_READ, &attributes);
}

// IRQL PASSIVE_LEVEL.
NTSTATUS read_dword(HANDLE key, PUNICODE_STRING name, std::uint32_t* value) {
    struct {
        KEY_VALUE_PARTIAL_INFORMATION information;
        UCHAR room[sizeof(std::uint32_t)];
    } buffer;
    ULONG length = 0;
    const NTSTATUS status =
        ZwQueryValueKey(key, name, KeyValuePartialInformation, &buffer.information, sizeof(buffer), &length);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (buffer.information.Type != REG_DWORD || buffer.information.DataLength != sizeof(*value)) {
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    RtlCopyMemory(value, buffer.information.Data, sizeof(*value));
    return STATUS_SUCCESS;
}

// What SlotCount counted.
constexpr std::uint32_t kSlotBytes = 1088;
constexpr std::uint32_t kSlotsMin = 64;
constexpr std::uint32_t kSlotsMax = 65536;
static_assert(kSlotsMin * kSlotBytes / 1024 >= AEGIS_RING_KIB_MIN &&
                  kSlotsMax * kSlotBytes / 1024 <= AEGIS_RING_KIB_MAX,
              "every slot count there was has a size");

// The key of the parameters, for the caller to close. IRQL PASSIVE_LEVEL.
NTSTATUS open_parameters(PUNICODE_STRING service_key, HANDLE* parameters) {
    HANDLE service = nullptr;
    const NTSTATUS status = open_key(nullptr, service_key, &service);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ScopeGuard close_service([&] { ZwClose(service); });

    UNICODE_STRING subkey = unicode_literal(u"Parameters");
    return open_key(service, &subkey, parameters);
}

// IRQL PASSIVE_LEVEL.
NTSTATUS take_ring_kib(HANDLE key, std::uint32_t* ring_kib) {
    UNICODE_STRING name = unicode_literal(u"RingKiB");
    std::uint32_t kib = 0;
    const NTSTATUS status = read_dword(key, &name, &kib);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND) {
        return status;
    }
    if (!NT_SUCCESS(status)) {
        debug_error("AegisMon: cannot read Parameters\\RingKiB (0x%08x), using %u\n", status, *ring_kib);
        report_ignored_parameter("RingKiB", status, 0, *ring_kib);
    } else if (!ring::is_valid_ring_kib(kib)) {
        debug_error("AegisMon: Parameters\\RingKiB %u is not from %u to %u, using %u\n", kib, AEGIS_RING_KIB_MIN,
                    AEGIS_RING_KIB_MAX, *ring_kib);
        report_ignored_parameter("RingKiB", STATUS_SUCCESS, kib, *ring_kib);
    } else {
        *ring_kib = kib;
    }
    return STATUS_SUCCESS;
}

// IRQL PASSIVE_LEVEL.
void take_slot_count(HANDLE key, std::uint32_t* ring_kib) {
    UNICODE_STRING name = unicode_literal(u"SlotCount");
    std::uint32_t slots = 0;
    const NTSTATUS status = read_dword(key, &name, &slots);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND) {
        return;
    }
    if (!NT_SUCCESS(status)) {
        debug_error("AegisMon: cannot read Parameters\\SlotCount (0x%08x), using RingKiB %u\n", status, *ring_kib);
        report_ignored_parameter("SlotCount", status, 0, *ring_kib);
    } else if (slots < kSlotsMin || slots > kSlotsMax) {
        debug_error("AegisMon: Parameters\\SlotCount %u is not from %u to %u, using RingKiB %u\n", slots, kSlotsMin,
                    kSlotsMax, *ring_kib);
        report_ignored_parameter("SlotCount", STATUS_SUCCESS, slots, *ring_kib);
    } else {
        *ring_kib = slots * kSlotBytes / 1024;
        debug_info("AegisMon: Parameters\\SlotCount %u is taken as RingKiB %u, which replaces it\n", slots, *ring_kib);
    }
}

}  // namespace

ServiceParameters read_service_parameters(PUNICODE_STRING service_key) {
    ServiceParameters parameters{AEGIS_RING_KIB_DEFAULT};
    HANDLE key = nullptr;
    const NTSTATUS status = open_parameters(service_key, &key);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND) {
        return parameters;
    }
    if (!NT_SUCCESS(status)) {
        debug_error("AegisMon: cannot open the Parameters key (0x%08x), using RingKiB %u\n", status,
                    parameters.ring_kib);
        report_ignored_parameter("Parameters", status, 0, parameters.ring_kib);
        return parameters;
    }
    ScopeGuard close_key([&] { ZwClose(key); });
    if (take_ring_kib(key, &parameters.ring_kib) == STATUS_OBJECT_NAME_NOT_FOUND) {
        take_slot_count(key, &parameters.ring_kib);
    }
    return parameters;
}

}  // namespace aegis::driver
