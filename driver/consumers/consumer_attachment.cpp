#include "consumers/consumer_attachment.hpp"

#include <cstdint>

#include "aegis/ioctl.h"
#include "nt/pool.hpp"
#include "nt/process_id.hpp"
#include "nt/scope_guard.hpp"

namespace aegis::driver {
namespace {

// Runs in the address space of `process` for one scope.
class AddressSpaceScope {
  public:
    // IRQL <= APC_LEVEL.
    explicit AddressSpaceScope(PEPROCESS process) : foreign_(PsGetCurrentProcess() != process) {
        if (foreign_) {
            KeStackAttachProcess(reinterpret_cast<PKPROCESS>(process), &state_);
        }
    }
    ~AddressSpaceScope() {
        if (foreign_) {
            KeUnstackDetachProcess(&state_);
        }
    }

    AddressSpaceScope(const AddressSpaceScope&) = delete;
    AddressSpaceScope& operator=(const AddressSpaceScope&) = delete;

  private:
    KAPC_STATE state_;
    bool foreign_;
};

}  // namespace

NTSTATUS ConsumerAttachment::attach(RingChannel& channel, PKEVENT event) {
    owner_ = PsGetCurrentProcess();
    // Of this very process: a thread that is attached to it has another one's id.
    owner_id_ = PsGetProcessId(owner_);
    ObReferenceObject(owner_);
    ScopeGuard release_owner([&] { ObDereferenceObject(owner_); });

    page_ = static_cast<AEGIS_CONSUMER_PAGE*>(allocate_nonpaged(AEGIS_CONSUMER_PAGE_BYTES));
    if (page_ == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ScopeGuard free_page([&] { free_nonpaged(page_); });
    wake_at()->store(AEGIS_WAKE_NEVER, std::memory_order_relaxed);

    NTSTATUS status = ring_mapping_.map(channel.region(), channel.region_bytes(), UserAccess::kReadOnly);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ScopeGuard unmap_ring([&] { ring_mapping_.unmap(); });

    status = page_mapping_.map(page_, AEGIS_CONSUMER_PAGE_BYTES, UserAccess::kReadWrite);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ScopeGuard unmap_page([&] { page_mapping_.unmap(); });

    target_.initialize(event);
    if (!channel.add_doorbell(wake_at(), &target_)) {
        return STATUS_QUOTA_EXCEEDED;
    }
    unmap_page.keep();
    unmap_ring.keep();
    free_page.keep();
    release_owner.keep();
    return STATUS_SUCCESS;
}

void ConsumerAttachment::detach(RingChannel& channel) {
    channel.remove_doorbell(wake_at(), &target_);
    {
        const AddressSpaceScope in_owner(owner_);
        page_mapping_.unmap();
        ring_mapping_.unmap();
    }
    free_nonpaged(page_);
    ObDereferenceObject(target_.event());
    ObDereferenceObject(owner_);
}

void ConsumerAttachment::describe(AEGIS_RING_SETUP_REPLY* reply) const {
    reply->RingAddress = reinterpret_cast<std::uintptr_t>(ring_mapping_.address());
    reply->ConsumerPageAddress = reinterpret_cast<std::uintptr_t>(page_mapping_.address());
    reply->ConsumerPageBytes = AEGIS_CONSUMER_PAGE_BYTES;
}

void ConsumerAttachment::describe(std::uint64_t published, AEGIS_CONSUMER_INFO* row) const {
    const std::uint64_t cursor = reported_cursor()->load(std::memory_order_relaxed);
    row->Transport = AEGIS_TRANSPORT_RING;
    row->ProcessId = process_id_number(owner_id_);
    row->Cursor = cursor;
    row->Lag = published > cursor ? published - cursor : 0;
    row->Wakeups = target_.wakeups();
}

std::atomic<std::uint64_t>* ConsumerAttachment::wake_at() const {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(&page_->WakeAt);
}

std::atomic<std::uint64_t>* ConsumerAttachment::reported_cursor() const {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(&page_->Cursor);
}

}  // namespace aegis::driver
