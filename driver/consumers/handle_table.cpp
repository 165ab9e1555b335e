#include "consumers/handle_table.hpp"

#include "nt/pool.hpp"
#include "nt/process_id.hpp"
#include "nt/scope_guard.hpp"

namespace aegis::driver {
namespace {

DeviceHandle* handle_of(PLIST_ENTRY link) {
    return CONTAINING_RECORD(link, DeviceHandle, link);
}

}  // namespace

void HandleTable::initialize(RingChannel& channel, ProtectedList& protected_processes) {
    channel_ = &channel;
    protected_processes_ = &protected_processes;
    lock_.initialize();
    InitializeListHead(&handles_);
    handle_count_ = 0;
    owners_.clear();
}

NTSTATUS HandleTable::open(DeviceHandle** handle) {
    auto* created = create_nonpaged<DeviceHandle>();
    if (created == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ScopeGuard destroy([&] { destroy_nonpaged(created); });
    created->opener_process_id = process_id_number(PsGetCurrentProcessId());
    created->pull.initialize(channel_->memory());

    const FastMutexScope lock(lock_);
    if (handle_count_ == AEGIS_MAX_HANDLES) {
        return STATUS_QUOTA_EXCEEDED;
    }
    InsertTailList(&handles_, &created->link);
    ++handle_count_;
    destroy.keep();
    *handle = created;
    return STATUS_SUCCESS;
}

void HandleTable::cleanup(DeviceHandle& handle) {
    const FastMutexScope lock(lock_);
    handle.cleaned_up = true;
    detach(handle);
    unprotect(handle);
}

void HandleTable::close(DeviceHandle& handle) {
    {
        const FastMutexScope lock(lock_);
        RemoveEntryList(&handle.link);
        --handle_count_;
    }
    destroy_nonpaged(&handle);
}

bool HandleTable::is_open(const DeviceHandle& handle) {
    const FastMutexScope lock(lock_);
    return !handle.cleaned_up;
}

NTSTATUS HandleTable::setup(DeviceHandle& handle, PKEVENT event, AEGIS_RING_SETUP_REPLY* reply) {
    const FastMutexScope lock(lock_);
    if (handle.cleaned_up) {
        return STATUS_FILE_CLOSED;
    }
    if (handle.attachment != nullptr) {
        return STATUS_ALREADY_REGISTERED;
    }
    auto* attachment = create_nonpaged<ConsumerAttachment>();
    if (attachment == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    const NTSTATUS status = attachment->attach(*channel_, event);
    if (!NT_SUCCESS(status)) {
        destroy_nonpaged(attachment);
        return status;
    }
    handle.attachment = attachment;
    owners_.add(attachment->owner_id());
    attachment->describe(reply);
    return STATUS_SUCCESS;
}

NTSTATUS HandleTable::teardown(DeviceHandle& handle) {
    const FastMutexScope lock(lock_);
    if (handle.attachment == nullptr) {
        return STATUS_NOT_FOUND;
    }
    detach(handle);
    return STATUS_SUCCESS;
}

NTSTATUS HandleTable::protect(DeviceHandle& handle, std::uint64_t key) {
    const FastMutexScope lock(lock_);
    if (handle.cleaned_up) {
        return STATUS_FILE_CLOSED;
    }
    if (handle.protected_process != nullptr) {
        return STATUS_ALREADY_REGISTERED;
    }
    // The id of the process whose handle table the caller uses, as for a setup.
    const HANDLE process_id = PsGetProcessId(PsGetCurrentProcess());
    handle.protected_id = process_id;
    handle.protected_process = protected_processes_->add(process_id_number(process_id), key);
    owners_.add(process_id);
    return STATUS_SUCCESS;
}

void HandleTable::owner_exits(HANDLE process_id) {
    if (!owners_.contains(process_id)) {
        return;
    }
    const FastMutexScope lock(lock_);
    for (PLIST_ENTRY link = handles_.Flink; link != &handles_; link = link->Flink) {
        DeviceHandle& handle = *handle_of(link);
        if (handle.attachment != nullptr && handle.attachment->owner_id() == process_id) {
            detach(handle);
        }
        if (handle.protected_process != nullptr && handle.protected_id == process_id) {
            unprotect(handle);
        }
    }
}

bool HandleTable::describe(std::uint64_t published, AEGIS_QUERY_REPLY* reply) {
    const FastMutexScope lock(lock_);
    reply->Handles = handle_count_;
    AEGIS_CONSUMER_INFO* row = reply->Consumers;
    std::uint32_t handles = 0;
    for (PLIST_ENTRY link = handles_.Flink; link != &handles_; link = link->Flink) {
        // The reply has a row for each handle there may be, and not one more.
        if (++handles > AEGIS_MAX_HANDLES) {
            return false;
        }
        const DeviceHandle& handle = *handle_of(link);
        if (handle.attachment != nullptr) {
            handle.attachment->describe(published, row++);
        } else if (handle.pull.describe(published, row)) {
            row->ProcessId = handle.opener_process_id;
            ++row;
        }
    }
    reply->ConsumerRows.Count = static_cast<std::uint32_t>(row - reply->Consumers);
    return handles == handle_count_;
}

void HandleTable::detach(DeviceHandle& handle) {
    if (handle.attachment == nullptr) {
        return;
    }
    handle.attachment->detach(*channel_);
    // Only now: until it is undone, the owner's exit has to wait for the lock.
    owners_.remove(handle.attachment->owner_id());
    destroy_nonpaged(handle.attachment);
    handle.attachment = nullptr;
}

void HandleTable::unprotect(DeviceHandle& handle) {
    if (handle.protected_process == nullptr) {
        return;
    }
    protected_processes_->remove(handle.protected_process);
    owners_.remove(handle.protected_id);
    handle.protected_process = nullptr;
}

}  // namespace aegis::driver
