#include "service_parameters.hpp"

#include "aegis/ring/region.hpp"
#include "debug_print.hpp"
#include "scope_guard.hpp"

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

// IRQL PASSIVE_LEVEL.
NTSTATUS read_slot_count(PUNICODE_STRING service_key, std::uint32_t* value) {
    HANDLE service = nullptr;
    NTSTATUS status = open_key(nullptr, service_key, &service);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ScopeGuard close_service([&] { ZwClose(service); });

    UNICODE_STRING subkey = unicode_literal(u"Parameters");
    HANDLE parameters = nullptr;
    status = open_key(service, &subkey, &parameters);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ScopeGuard close_parameters([&] { ZwClose(parameters); });

    UNICODE_STRING name = unicode_literal(u"SlotCount");
    return read_dword(parameters, &name, value);
}

}  // namespace

ServiceParameters read_service_parameters(PUNICODE_STRING service_key) {
    ServiceParameters parameters{AEGIS_SLOT_COUNT_DEFAULT};
    std::uint32_t slot_count = 0;
    const NTSTATUS status = read_slot_count(service_key, &slot_count);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND) {
        return parameters;
    }
    if (!NT_SUCCESS(status)) {
        debug_error("AegisMon: cannot read Parameters\\SlotCount (0x%08x), using %u\n", status, parameters.slot_count);
    } else if (!ring::is_valid_slot_count(slot_count)) {
        debug_error("AegisMon: Parameters\\SlotCount %u is not a power of two from %u to %u, using %u\n", slot_count,
                    AEGIS_SLOT_COUNT_MIN, AEGIS_SLOT_COUNT_MAX, parameters.slot_count);
    } else {
        parameters.slot_count = slot_count;
    }
    return parameters;
}

}  // namespace aegis::driver
