// The policy in force: who set it, how it is replaced, and what it decides.
//
// Every decision is that of one policy, whole, and none waits: snapshot.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "aegis/policy.h"
#include "channel/ring_channel.hpp"
#include "nt/fast_mutex.hpp"
#include "nt/nt.hpp"
#include "nt/rundown.hpp"
#include "nt/system_clock.hpp"
#include "policy/compiled_policy.hpp"
#include "policy/protected_list.hpp"
#include "policy/snapshot.hpp"

namespace aegis::driver {

class PolicyStore {
  public:
    // At load, before any sensor. No policy is in force. STATUS_INSUFFICIENT_RESOURCES. IRQL PASSIVE_LEVEL.
    NTSTATUS create(RingChannel& channel, const SystemClock& clock);

    // At unload, when no sensor and no handle is left, and so no policy. IRQL <= DISPATCH_LEVEL.
    void destroy();

    // Held by whoever replaces the policy. Taken before the handle table's lock, never after.
    FastMutex& turn() { return turn_; }

    // AEGIS_IOCTL_SET_POLICY for `owner`, a handle that is open. Errors of policy.h; nothing has changed then. `blob`
    // may change no more. The caller holds turn(). IRQL <= APC_LEVEL.
    NTSTATUS set(const void* owner, std::uint32_t process_id, const void* blob, std::size_t bytes,
                 AEGIS_SET_POLICY_REPLY* reply);

    // `owner` has been closed: its policy, if it is the one in force, ends. Takes turn(). IRQL <= APC_LEVEL.
    void end(const void* owner);

    // Of the policy in force; 0: none is. Takes turn(). IRQL <= APC_LEVEL.
    std::uint64_t generation_in_force();

    // Fills a zeroed reply. Takes turn(). IRQL <= APC_LEVEL.
    void describe(AEGIS_GET_POLICY_REPLY* reply);

    // What becomes of a process's start; remembered until its end. IRQL PASSIVE_LEVEL: the path may be pageable.
    Decision process_started(const Subject& subject);

    // What becomes of its end, which `subject` has no path for. Once for each process. IRQL <= DISPATCH_LEVEL.
    Decision process_ended(const Subject& subject);

    // What becomes of anything else that a process does. A sensor asks is_off() first. IRQL <= DISPATCH_LEVEL, and such
    // that the path may be touched.
    Decision happened(const Subject& subject);

    // Whether the policy in force makes nothing of this type; then it is counted, and the sensor has nothing more to do
    // with it than what others are to know. One load where it does not. Any IRQL.
    bool is_off(std::uint16_t type) {
        if ((in_force_.tag() >> type & 1) == 0) {
            return false;
        }
        off_[type].fetch_add(1, std::memory_order_relaxed);
        return true;
    }

    // How many of these types (a bit for each) were off when they were seen, since load. Any IRQL.
    std::uint64_t counted_off(std::uint32_t types) const;

    // What becomes of the event of something that a process did and the driver has refused. IRQL <= DISPATCH_LEVEL.
    Decision refused(const Subject& subject);

    // The sensor of handles has registered, or not: without it nobody can be protected. Before any handle is open.
    void can_protect(bool can) { can_protect_ = can; }

    // Rights that make a handle to such an object (AEGIS_HANDLE_PROCESS, AEGIS_HANDLE_THREAD) worth an event; 0: the
    // policy in force, if there is one, does not say. Relaxed: a handle that is opened while a policy is exchanged goes
    // by the one or by the other. Any IRQL.
    std::uint32_t rights_worth_an_event(std::uint8_t object_type) const {
        return handle_masks_[object_type].load(std::memory_order_relaxed);
    }

    // The processes that protect themselves. Protected by the handle table's lock.
    ProtectedList& protected_processes() { return protected_; }

    // Whether anybody is protected, by itself or by the policy in force: for callbacks that have nothing to look for
    // otherwise. Acquire: pairs with the store in exchange(); who comes behind it finds the policy. Any IRQL.
    bool protects_somebody() const {
        return !protected_.is_empty() || policy_protects_.load(std::memory_order_acquire);
    }
    // IRQL <= DISPATCH_LEVEL.
    bool protects(std::uint32_t process_id, std::uint64_t key);

    // The same of the programs that may do anything to those.
    bool allows_somebody() const { return policy_allows_.load(std::memory_order_acquire); }
    // IRQL <= DISPATCH_LEVEL, and such that the path may be touched.
    bool allows(const PathText& image);

    // Whether a policy is in force. Any IRQL.
    bool in_force() const { return in_force_.any(); }

    // Whether the policy in force refuses it, of a sensor that asks before it happens and calls refused() or happened()
    // then. IRQL <= DISPATCH_LEVEL, and such that the path may be touched.
    bool would_refuse(const Subject& subject);

    const CaseTable& cases() const { return cases_; }

    // Another party has refused the process after process_started(). Its end must not be reported. Any IRQL.
    void mark_refused(std::uint32_t process_id) { mark(process_id, ProcessMark::kRefused); }

    // Publishes what a decision has released. IRQL <= DISPATCH_LEVEL.
    void publish(const DueNotes& due, std::int64_t time);

  private:
    struct Kernel {
        template <class T>
        using Atomic = std::atomic<T>;
        using Rundown = driver::Rundown;
    };
    using PolicyInForce = Snapshot<CompiledPolicy, Kernel>;

    // Keeps the policy in force for one scope.
    class Reader {
      public:
        explicit Reader(PolicyInForce& in_force) : in_force_(in_force), slot_(in_force.acquire()) {}
        ~Reader() {
            if (slot_ != nullptr) {
                in_force_.release(slot_);
            }
        }
        Reader(const Reader&) = delete;
        Reader& operator=(const Reader&) = delete;
        // Null: none is in force.
        CompiledPolicy* policy() const { return slot_ == nullptr ? nullptr : slot_->object(); }

      private:
        PolicyInForce& in_force_;
        PolicyInForce::Slot* slot_;
    };

    // The caller holds turn_. `next` null: none from now on.
    void exchange(CompiledPolicy* next);
    void mark(std::uint32_t process_id, ProcessMark mark);
    void publish_note(const AEGIS_SUPPRESSED_PAYLOAD& note, std::int64_t time);

    RingChannel* channel_ = nullptr;
    const SystemClock* clock_ = nullptr;
    CaseTable cases_;
    FastMutex turn_;  // protects all below but for what readers share
    const void* owner_ = nullptr;
    std::uint64_t generation_ = 0;

    PolicyInForce in_force_;
    // Of the policy in force, for who does not enter it.
    std::atomic<std::uint32_t> handle_masks_[AEGIS_HANDLE_THREAD + 1] = {};
    std::atomic<bool> policy_protects_ = false;
    std::atomic<bool> policy_allows_ = false;
    bool can_protect_ = false;  // constant while a handle is open
    ProtectedList protected_;
    ProcessMarks marks_;
    std::uint64_t off_before_[AEGIS_POLICY_TYPES] = {};  // off_, when the policy in force was set
    // Relaxed: reports. What is_off() counts while policies are exchanged may count for the next.
    std::atomic<std::uint64_t> off_[AEGIS_POLICY_TYPES] = {};
    std::atomic<std::uint64_t> notes_ = 0;
    std::atomic<std::uint64_t> unmarked_ = 0;
};

}  // namespace aegis::driver
