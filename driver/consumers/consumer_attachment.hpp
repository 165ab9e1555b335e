// One ring consumer: both regions mapped into its process, its event, its doorbell.
//
// attach and detach mirror each other step by step. Whoever owns the attachment (handle_table.cpp) makes sure that
// they run once each and never at the same time.
#pragma once

#include <atomic>
#include <cstdint>

#include "channel/ring_channel.hpp"
#include "consumers/user_mapping.hpp"

namespace aegis::driver {

class ConsumerAttachment {
  public:
    // Makes the current process a consumer. Takes over the caller's reference to `event` on success, and only then.
    // STATUS_QUOTA_EXCEEDED, STATUS_INSUFFICIENT_RESOURCES; nothing is left then. IRQL <= APC_LEVEL.
    NTSTATUS attach(RingChannel& channel, PKEVENT event);

    // Undoes attach, from any process: attaches to the owner's address space where needed. The owner must not have
    // passed its exit notification yet. IRQL <= APC_LEVEL.
    void detach(RingChannel& channel);

    HANDLE owner_id() const { return owner_id_; }

    // Fills the addresses of the setup reply.
    void describe(AEGIS_RING_SETUP_REPLY* reply) const;

    // Fills this consumer's row of the query reply. `published` bounds what the consumer claims about itself.
    void describe(std::uint64_t published, AEGIS_CONSUMER_INFO* row) const;

  private:
    // The page is the consumer's to write: each word is loaded once and only reported.
    std::atomic<std::uint64_t>* wake_at() const;
    std::atomic<std::uint64_t>* reported_cursor() const;

    PEPROCESS owner_ = nullptr;
    HANDLE owner_id_ = nullptr;
    AEGIS_CONSUMER_PAGE* page_ = nullptr;
    UserMapping ring_mapping_;
    UserMapping page_mapping_;
    WakeTarget target_;
};

}  // namespace aegis::driver
