// The reading loops that the contention tests share.
#pragma once

#include <atomic>
#include <cstdint>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "contention/backoff.hpp"
#include "support/group_ledger.hpp"
#include "support/reader_audit.hpp"

namespace aegis::test {

inline constexpr ring::Ticket kStillPublishing = UINT64_MAX;

// Where a producer tells how many events it published in all, once it has. Lock-free, so it may lie in shared memory.
struct Finish {
    std::atomic<ring::Ticket> total{kStillPublishing};

    // Release and acquire: who sees the end sees every event before it.
    void announce(ring::Ticket published) { total.store(published, std::memory_order_release); }
    ring::Ticket seen() const { return total.load(std::memory_order_acquire); }
};

// Reads until the end that was announced. A reader that then finds nothing before the end is stuck: that is a
// complaint, not a hang.
template <class Atomics>
void read_until_finished(ring::Consumer<Atomics>& consumer, ReaderAudit& audit, const Finish& finish,
                         std::atomic<ring::Ticket>* progress = nullptr) {
    ring::EventBuffer event;
    Backoff backoff;
    for (;;) {
        const ring::Ticket total = finish.seen();
        const ring::ReadStatus status = consumer.read(event);
        audit.after_read(consumer, status, event);
        if (progress != nullptr) {
            progress->store(consumer.cursor(), std::memory_order_release);
        }
        if (status != ring::ReadStatus::kEmpty) {
            backoff.reset();
        } else if (total == kStillPublishing) {
            backoff.wait();
        } else {
            if (consumer.cursor() != total) {
                audit.complain("nothing to read before the end");
            }
            return;
        }
    }
}

template <class Atomics>
void read_until_finished(ring::GroupMember<Atomics>& member, MemberRecord& record, const Finish& finish) {
    ring::EventBuffer event;
    Backoff backoff;
    for (;;) {
        const ring::Ticket total = finish.seen();
        const ring::ReadStatus status = member.read(event);
        record.after_read(member, status, event);
        if (status != ring::ReadStatus::kEmpty) {
            backoff.reset();
        } else if (total == kStillPublishing) {
            backoff.wait();
        } else {
            return;
        }
    }
}

}  // namespace aegis::test
