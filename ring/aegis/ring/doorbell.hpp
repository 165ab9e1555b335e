// Waking a sleeping consumer without a signal per event and without a lost wakeup.
//
//   consumer (DoorbellListener)              producer (DoorbellRinger)
//   wake_at <- cursor + batch                published <- n + 1
//   full fence                               full fence
//   are cursor + batch events published?     is wake_at due?
//     yes: disarm, read                        yes, and exchange(never) found it armed: signal
//     no:  wait; while wait_again: wait
//          disarm
//
// Store, then load of what the other side stores: Dekker's pattern. With both fences sequentially consistent at
// least one side sees the other's store; with anything weaker both may miss it, and the consumer sleeps on.
//
// Closing works the same way: the driver marks its state, then ring_all() rings every armed bell; a consumer that arms
// too late for that finds the mark.
//
// The wake_at word lies in memory that the consumer can write. Whatever it puts there costs it a wakeup it should
// have had, or gives it one it did not need; the producer does the same constant work.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aegis/ring/ring_memory.hpp"

namespace aegis::ring {

// The consumer's side, over its own consumer page. One thread at a time.
template <class Atomics = StdAtomics>
class DoorbellListener {
  public:
    using Word = typename Atomics::template Atomic<std::uint64_t>;

    DoorbellListener(Word* wake_at, Word* cursor) : wake_at_(wake_at), cursor_(cursor) {}

    // Asks to be woken when `batch` events from ticket `cursor` on are there (from 1; more than the ring keeps would be
    // waking to a loss). True: the caller may wait on its event, and calls disarm afterwards however the wait ended.
    // False: they are there already, or the driver is closing and none will follow; the bell is disarmed.
    //
    // With batch > 1 the wait needs a timeout: fewer events ring no bell.
    bool arm(const RingMemory<Atomics>& memory, Ticket cursor, std::uint64_t batch) {
        // Relaxed: the fence orders it. The producer's due() reads it.
        wake_at_->store(cursor + batch, std::memory_order_relaxed);
        // Pairs with the fence in DoorbellRinger::ring.
        Atomics::fence(std::memory_order_seq_cst);
        if (ready(memory, cursor, batch)) {
            disarm();
            return false;
        }
        return true;
    }

    // To be asked with the arguments of arm after a wait that a signal ended. False: what was asked for is there.
    // True: the signal was meant for the arming before, whose bell rang while this consumer was disarming; the bell is
    // armed, and the caller waits again. Who gives up waiting before gets more than one signal per batch, but loses
    // no wakeup.
    bool wait_again(const RingMemory<Atomics>& memory, Ticket cursor, std::uint64_t batch) {
        // That late exchange may have taken the new arming. Acquire pairs with the fence in DoorbellRinger::ring: a
        // bell that rang because the batch is complete shows it complete, and is not armed a second time for it.
        const bool rung = wake_at_->load(std::memory_order_acquire) == AEGIS_WAKE_NEVER;
        if (ready(memory, cursor, batch)) {
            return false;
        }
        return !rung || arm(memory, cursor, batch);
    }

    // Relaxed: a bell that rings in between ends the next wait early.
    void disarm() { wake_at_->store(AEGIS_WAKE_NEVER, std::memory_order_relaxed); }

    // Tells the driver, for its lag report, how far this consumer is.
    void report_cursor(Ticket cursor) { cursor_->store(cursor, std::memory_order_relaxed); }

  private:
    // Acquire on both: whoever returns from here reads what it was told is there.
    static bool ready(const RingMemory<Atomics>& memory, Ticket cursor, std::uint64_t batch) {
        return memory.load_published() >= cursor + batch || memory.load_state() == AEGIS_RING_CLOSING;
    }

    Word* wake_at_;
    Word* cursor_;
};

// The producer's side: the doorbells of the registered consumers, each with the token that `ring` hands to its
// signal function. No lock of its own: the caller's publish lock protects add, remove and ring.
template <class Token, std::size_t kCapacity, class Atomics = StdAtomics>
class DoorbellRinger {
  public:
    using Word = typename Atomics::template Atomic<std::uint64_t>;

    // False when all kCapacity places are taken.
    bool add(Word* wake_at, Token token) {
        if (count_ == kCapacity) {
            return false;
        }
        bells_[count_++] = {wake_at, token};
        return true;
    }

    // After it returns, no ring() touches `wake_at` or `token` any more. False when it was not there.
    bool remove(const Word* wake_at) {
        for (std::size_t i = 0; i < count_; ++i) {
            if (bells_[i].wake_at == wake_at) {
                bells_[i] = bells_[--count_];
                return true;
            }
        }
        return false;
    }

    std::size_t count() const { return count_; }

    // Call after each publish with the number of events published. Calls signal(token) for each consumer that is
    // asleep and due, and returns how many that were. Costs nothing while nobody is registered, and one fence plus
    // one load per consumer while all are awake.
    template <class Signal>
    std::uint64_t ring(std::uint64_t published, Signal&& signal) {
        if (count_ == 0) {
            return 0;
        }
        // Pairs with the fence in DoorbellListener::arm.
        Atomics::fence(std::memory_order_seq_cst);
        std::uint64_t rung = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            if (due(*bells_[i].wake_at, published)) {
                signal(bells_[i].token);
                ++rung;
            }
        }
        return rung;
    }

    // Wakes every sleeper, due or not. For a driver that closes, after Producer::close.
    template <class Signal>
    std::uint64_t ring_all(Signal&& signal) {
        return ring(AEGIS_WAKE_NEVER, signal);
    }

  private:
    struct Bell {
        Word* wake_at;
        Token token;
    };

    // The exchange, not a store, decides: a consumer that has disarmed meanwhile gets no signal. Relaxed: nothing is
    // read because of its value; the event itself is ordered by its cell, the wakeup by the kernel's event object.
    static bool due(Word& wake_at, std::uint64_t published) {
        return published >= wake_at.load(std::memory_order_relaxed) &&
               wake_at.exchange(AEGIS_WAKE_NEVER, std::memory_order_relaxed) != AEGIS_WAKE_NEVER;
    }

    Bell bells_[kCapacity] = {};
    std::size_t count_ = 0;
};

}  // namespace aegis::ring
