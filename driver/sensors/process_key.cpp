#include "sensors/process_key.hpp"

#include "nt/system_routine.hpp"

namespace aegis::driver {
namespace {

using GetProcessStartKey = ULONGLONG(NTAPI*)(PEPROCESS process);

// Written before any callback is registered; null on an older system.
GetProcessStartKey g_get_start_key = nullptr;

}  // namespace

void find_process_keys() {
    g_get_start_key = find_system_routine<GetProcessStartKey>(u"PsGetProcessStartKey");
}

ProcessKey process_key(HANDLE process_id) {
    PEPROCESS process = nullptr;
    if (!NT_SUCCESS(PsLookupProcessByProcessId(process_id, &process))) {
        return {};
    }
    const ProcessKey key = process_key(process);
    ObDereferenceObject(process);
    return key;
}

ProcessKey process_key(PEPROCESS process) {
    ProcessKey key;
    key.is_time = g_get_start_key == nullptr;
    key.value =
        key.is_time ? static_cast<std::uint64_t>(PsGetProcessCreateTimeQuadPart(process)) : g_get_start_key(process);
    return key;
}

}  // namespace aegis::driver
