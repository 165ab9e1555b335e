#include "driver/host/executive/uuid.hpp"

#include <sys/random.h>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"

namespace aegis::host {

void UuidSource::answer(const std::vector<NTSTATUS>& statuses) {
    const std::lock_guard lock(mutex_);
    answers_.assign(statuses.begin(), statuses.end());
}

NTSTATUS UuidSource::next() {
    const std::lock_guard lock(mutex_);
    if (answers_.empty()) {
        return STATUS_SUCCESS;
    }
    const NTSTATUS status = answers_.front();
    answers_.pop_front();
    return status;
}

}  // namespace aegis::host

using namespace aegis::host;

// Documented answers: STATUS_SUCCESS, RPC_NT_UUID_LOCAL_ONLY, STATUS_RETRY.
extern "C" NTSTATUS NTAPI ExUuidCreate(UUID* Uuid) {
    require_irql(PASSIVE_LEVEL, "ExUuidCreate");
    ExecutiveParts& parts = executive_parts();
    const NTSTATUS status = parts.faults.should_fail("ExUuidCreate") ? STATUS_RETRY : parts.uuids.next();
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (::getrandom(Uuid, sizeof(*Uuid), 0) != ssize_t{sizeof(*Uuid)}) {
        return STATUS_RETRY;
    }
    // Version 4, variant 1: random.
    Uuid->Data3 = static_cast<USHORT>((Uuid->Data3 & 0x0FFF) | 0x4000);
    Uuid->Data4[0] = static_cast<UCHAR>((Uuid->Data4[0] & 0x3F) | 0x80);
    return status;
}
