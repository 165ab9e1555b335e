// The open handles to the device and, of those, the ring consumers.
//
// Setup, teardown, cleanup and owner exit race each other; one lock decides which of them undoes a setup, exactly
// once. It is held while memory is mapped and unmapped, which for the largest ring are 17,000 pages: only requests on
// this device and the exits of its consumers wait for it. The lock is taken before the publish lock and before a pull's
// turn, never after.
#pragma once

#include <cstdint>

#include "aegis/ioctl.h"
#include "channel/ring_channel.hpp"
#include "consumers/consumer_attachment.hpp"
#include "consumers/owner_list.hpp"
#include "consumers/pull_cursor.hpp"
#include "nt/fast_mutex.hpp"
#include "policy/protected_list.hpp"

namespace aegis::driver {

// What one FILE_OBJECT stands for: its FsContext.
struct DeviceHandle {
    LIST_ENTRY link{};
    std::uint32_t opener_process_id = 0;
    PullCursor pull;
    // The rest is protected by the table's lock.
    ConsumerAttachment* attachment = nullptr;
    ProtectedProcess* protected_process = nullptr;  // that it protects; null: none
    HANDLE protected_id = nullptr;                  // of that process
    bool cleaned_up = false;
};

class HandleTable {
  public:
    // IRQL PASSIVE_LEVEL. Once per load, before any handle.
    void initialize(RingChannel& channel, ProtectedList& protected_processes);

    // IRP_MJ_CREATE. STATUS_QUOTA_EXCEEDED when AEGIS_MAX_HANDLES are open, STATUS_INSUFFICIENT_RESOURCES.
    // IRQL PASSIVE_LEVEL.
    NTSTATUS open(DeviceHandle** handle);

    // IRP_MJ_CLEANUP: the last handle to the file object was closed, in whichever process. Undoes the setup; an
    // IOCTL that is still under way can no longer make one. IRQL PASSIVE_LEVEL.
    void cleanup(DeviceHandle& handle);

    // IRP_MJ_CLOSE: nothing refers to the file object any more. IRQL PASSIVE_LEVEL.
    void close(DeviceHandle& handle);

    // False once cleanup() has come. IRQL <= APC_LEVEL.
    bool is_open(const DeviceHandle& handle);

    // AEGIS_IOCTL_RING_SETUP, in the process that becomes the owner. Takes over the caller's reference to `event` on
    // success, and only then. Errors of ioctl.h, and STATUS_FILE_CLOSED after cleanup. IRQL PASSIVE_LEVEL.
    NTSTATUS setup(DeviceHandle& handle, PKEVENT event, AEGIS_RING_SETUP_REPLY* reply);

    // AEGIS_IOCTL_RING_TEARDOWN: STATUS_NOT_FOUND when the handle is no consumer. IRQL PASSIVE_LEVEL.
    NTSTATUS teardown(DeviceHandle& handle);

    // AEGIS_IOCTL_PROTECT, in the process that is to be protected; `key` is its process key. STATUS_FILE_CLOSED after
    // cleanup, STATUS_ALREADY_REGISTERED. IRQL PASSIVE_LEVEL.
    NTSTATUS protect(DeviceHandle& handle, std::uint64_t key);

    // Undoes every setup and protection of a process that is about to lose its address space. Runs in that process.
    // Takes the lock only when the process owns one: whoever else ends waits for nothing here. IRQL PASSIVE_LEVEL.
    void owner_exits(HANDLE process_id);

    // Fills Handles, Consumers and their count in a zeroed reply. False when list and count disagree, which is a
    // failure of the driver's own. IRQL PASSIVE_LEVEL.
    bool describe(std::uint64_t published, AEGIS_QUERY_REPLY* reply);

  private:
    // Caller holds lock_.
    void detach(DeviceHandle& handle);
    void unprotect(DeviceHandle& handle);

    RingChannel* channel_ = nullptr;
    ProtectedList* protected_processes_ = nullptr;
    FastMutex lock_;  // protects all below, and the attachment of every handle
    LIST_ENTRY handles_{};
    std::uint32_t handle_count_ = 0;
    OwnerList owners_;  // an entry for each attachment and protection; read without the lock as well
};

}  // namespace aegis::driver
