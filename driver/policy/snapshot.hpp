// An object that is replaced, whole, while others use it: two slots, and the number of the one that is in force.
//
//   reader                                     writer, one at a time
//   1. which slot is in force?                 a. put the new object into the other slot, and let readers in
//   2. enter it; closed: from the start        b. make that one the slot in force
//   3. is it in force still? no: leave, and    c. close the old slot, and wait until its readers have left
//      from the start                          d. the old object is nobody's: free it
//   4. use its object; leave
//
// Without 3 a reader that was held up after 1 might find in its slot the object of a, which is not in force yet; who
// decides by it, and then by the one in force, goes back in time.
//
// What can be said in a few bits of the object in force goes with its number in one word, as its tag: who needs no more
// reads that word, and need not enter. It goes back in time no more than who enters does, because it is the same word.
//
// The machine is a template parameter, so that these lines themselves run under the explorer (tests/model). It has
//   Atomic<T>   as std::atomic<T>
//   Rundown     as in nt/rundown.hpp. enter() acquires what open() has released, or, in vain, what close() has; close()
//               acquires what each leave() has released.
#pragma once

#include <atomic>
#include <cstdint>

namespace aegis::driver {

template <class T, class Machine>
class Snapshot {
  public:
    static constexpr unsigned kTagBits = 30;

    class Slot {
      public:
        T* object() const { return object_; }

      private:
        friend class Snapshot;
        using Rundown = typename Machine::Rundown;

        T* object_ = nullptr;  // null while the slot is closed
        Rundown users_;        // closed while the slot is not in force
    };

    // Nothing is in force. Before anybody else sees it. Any IRQL.
    void create() {
        made_ = false;
        in_force_.store(kNone, std::memory_order_relaxed);
    }

    // The slot in force, which stays as it is until release(); null: none is. A round that does not end the loop has
    // met a slot that was closed, and so replaced, since it looked; a replacement takes the writer longer than a round.
    // IRQL <= DISPATCH_LEVEL.
    Slot* acquire() {
        for (;;) {
            // Acquire: pairs with the store in exchange(). Who sees the number sees the slot open.
            const std::uint32_t word = in_force_.load(std::memory_order_acquire);
            if (number_of(word) == kNone) {
                return nullptr;
            }
            Slot& slot = slots_[number_of(word) - 1];
            if (slot.users_.enter()) {
                // Step 3. Relaxed: what enter() has acquired lets a slot that was filled since step 1 be seen as it was
                // when it was filled: not in force.
                if (in_force_.load(std::memory_order_relaxed) == word) {
                    return &slot;
                }
                slot.users_.leave();
            }
        }
    }

    // What exchange() was given with the object in force; 0: none is. Relaxed: the word is all there is. Any IRQL.
    std::uint32_t tag() const { return in_force_.load(std::memory_order_relaxed) >> kNumberBits; }

    // IRQL <= DISPATCH_LEVEL.
    void release(Slot* slot) { slot->users_.leave(); }

    // Whether any is in force, at this moment. Any IRQL.
    bool any() const {
        // Relaxed: nothing of the object is looked at.
        return in_force_.load(std::memory_order_relaxed) != kNone;
    }

    // For the writer: the object in force, or null.
    T* object() const {
        // Relaxed, here and in exchange(): nobody else stores.
        const std::uint32_t number = number_of(in_force_.load(std::memory_order_relaxed));
        return number == kNone ? nullptr : slots_[number - 1].object_;
    }

    // Puts `next` in force with its tag, of kTagBits, or nothing where it is null, and returns what was, once nobody
    // uses it any more. IRQL <= APC_LEVEL.
    T* exchange(T* next, std::uint32_t tag = 0) {
        const std::uint32_t old = number_of(in_force_.load(std::memory_order_relaxed));
        std::uint32_t fresh = kNone;
        if (next != nullptr) {
            make_slots();
            fresh = old == kFirst ? kSecond : kFirst;
            slots_[fresh - 1].object_ = next;
            slots_[fresh - 1].users_.open();
        }
        // Release: pairs with the first load in acquire().
        in_force_.store(next == nullptr ? kNone : fresh | tag << kNumberBits, std::memory_order_release);
        if (old == kNone) {
            return nullptr;
        }
        Slot& slot = slots_[old - 1];
        slot.users_.close();
        T* const object = slot.object_;
        slot.object_ = nullptr;
        return object;
    }

  private:
    // Not before there is something to put into one: a system without run-down protection, as Wine is, loads the driver
    // all the same. Nobody looks at a slot while none is in force.
    void make_slots() {
        if (!made_) {
            for (Slot& slot : slots_) {
                slot.users_.create();
            }
            made_ = true;
        }
    }

    static constexpr unsigned kNumberBits = 2;
    static constexpr std::uint32_t number_of(std::uint32_t word) { return word & ((1U << kNumberBits) - 1); }

    static constexpr std::uint32_t kNone = 0;
    static constexpr std::uint32_t kFirst = 1;
    static constexpr std::uint32_t kSecond = 2;

    using Number = typename Machine::template Atomic<std::uint32_t>;

    Slot slots_[2];
    bool made_ = false;  // the writer's
    Number in_force_{kNone};
};

}  // namespace aegis::driver
