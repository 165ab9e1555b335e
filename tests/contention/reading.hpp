// The reading loops that the contention tests share.
#pragma once

#include <atomic>
#include <cstdint>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "contention/activity.hpp"
#include "support/group_ledger.hpp"
#include "support/reader_audit.hpp"

namespace aegis::test {

inline constexpr ring::Ticket kStillPublishing = UINT64_MAX;

// What a producer tells its readers beside the ring: that there is more, and in the end how many events there were.
// May lie in memory shared between processes.
class Traffic {
  public:
    // Call after each publish. Wakes readers once in a while only: a wakeup after each would hide the ring's own
    // memory ordering behind that of the system call.
    void note_publish(ring::Ticket published) {
        if (published % 32 == 0) {
            wake_readers();
        }
    }

    // For a producer that is about to wait for its readers.
    void wake_readers() { activity_.announce(); }

    // Release and acquire: who sees the end sees every event before it.
    void end(ring::Ticket published) {
        total_.store(published, std::memory_order_release);
        wake_readers();
    }

    ring::Ticket total() const { return total_.load(std::memory_order_acquire); }

    // Calls `read` until it has found nothing to read after the end; sleeps while there is nothing before it.
    template <class Read>
    void read_to_the_end(Read&& read) {
        bool ended = false;
        while (!ended) {
            activity_.wait_until([&] {
                ended = total() != kStillPublishing;
                bool any = false;
                while (read() != ring::ReadStatus::kEmpty) {
                    any = true;
                }
                return any || ended;
            });
        }
    }

  private:
    std::atomic<ring::Ticket> total_{kStillPublishing};
    Activity activity_;
};

// A reader that finds nothing although the end is further on is stuck: that is a complaint, not a hang.
template <class Atomics>
void read_to_the_end(ring::Consumer<Atomics>& consumer, ReaderAudit& audit, Traffic& traffic) {
    ring::EventBuffer event;
    traffic.read_to_the_end([&] {
        const ring::ReadStatus status = consumer.read(event);
        audit.after_read(consumer, status, event);
        return status;
    });
    if (consumer.cursor() != traffic.total()) {
        audit.complain("nothing to read before the end");
    }
}

template <class Atomics>
void read_to_the_end(ring::GroupMember<Atomics>& member, MemberRecord& record, Traffic& traffic) {
    ring::EventBuffer event;
    traffic.read_to_the_end([&] {
        const ring::ReadStatus status = member.read(event);
        record.after_read(member, status, event);
        return status;
    });
}

}  // namespace aegis::test
