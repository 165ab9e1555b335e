// A producer with doorbells and consumers that sleep, built so that a lost wakeup is seen at once and for certain.
//
// No clock decides: a consumer says when it has gone to sleep and counts the signals it has taken. When the producer,
// who alone can wake it, has rung for its latest event and then sees that the consumer has taken every signal sent to
// it, is asleep, and yet has its batch before it, nothing will ever wake it: the wakeup is lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/producer.hpp"
#include "contention/activity.hpp"
#include "contention/reading.hpp"

namespace aegis::test {

// One consumer's side. May lie in memory shared with a child process if its Sleeper may.
template <class Sleeper>
struct SleepingConsumer {
    // The consumer page: two words on lines of their own.
    alignas(AEGIS_CACHE_LINE) std::atomic<std::uint64_t> wake_at{AEGIS_WAKE_NEVER};
    alignas(AEGIS_CACHE_LINE) std::atomic<std::uint64_t> cursor{0};

    Sleeper sleeper;

    // The test's own observations, sequentially consistent so that they can be reasoned about in one order.
    alignas(AEGIS_CACHE_LINE) std::atomic<std::uint64_t> asleep_until{0};  // the bell it sleeps for; 0: awake
    std::atomic<std::uint64_t> signals_taken{0};
    std::atomic<ring::Ticket> read_up_to{0};
    std::atomic<std::uint64_t> sleeps{0};
    std::atomic<bool> finished{false};
    Activity activity;  // announced after each change of the above that the producer may wait for

    // The producer's own.
    std::uint64_t signals_sent = 0;
};

// Reads until the announced end, sleeping whenever there is no batch to read. `delay` is called between the steps of
// going to sleep.
template <class Atomics, class Sleeper, class Delay>
void run_sleeping_consumer(ring::RingMemory<Atomics> memory, SleepingConsumer<Sleeper>& self, std::uint64_t batch,
                           ReaderAudit& audit, Traffic& traffic, Delay&& delay) {
    using Word = typename Atomics::template Atomic<std::uint64_t>;
    static_assert(sizeof(Word) == sizeof(self.wake_at));
    ring::Consumer<Atomics> consumer(memory, {});
    ring::DoorbellListener<Atomics> listener(reinterpret_cast<Word*>(&self.wake_at),
                                             reinterpret_cast<Word*>(&self.cursor));
    for (;;) {
        // The end is looked up first: nothing comes after what is read below if it is already known.
        const ring::Ticket total = traffic.total();
        audit.drain(consumer);
        listener.report_cursor(consumer.cursor());
        self.read_up_to.store(consumer.cursor());
        self.activity.announce();
        if (total != kStillPublishing) {
            if (consumer.cursor() != total) {
                audit.complain("nothing to read before the end");
            }
            break;
        }
        delay();
        if (listener.arm(memory, consumer.cursor(), batch)) {
            delay();
            self.sleeps.fetch_add(1);
            do {
                self.asleep_until.store(consumer.cursor() + batch);
                self.activity.announce();
                const std::uint64_t taken = self.sleeper.wait();
                self.asleep_until.store(0);
                self.signals_taken.fetch_add(taken);
            } while (listener.wait_again(memory, consumer.cursor(), batch));
            listener.disarm();
        }
    }
    self.finished.store(true);
    self.activity.announce();
}

// Is it certain that nothing will wake this consumer, although its batch is there? To be asked by the producer, after
// it has rung for its latest event; with AEGIS_WAKE_NEVER after it has closed and rung for all.
//
// The order of the loads matters: every signal was taken before the consumer was seen asleep, so this sleep began
// after the last signal, and no further one is under way.
template <class Sleeper>
bool wakeup_is_lost(const SleepingConsumer<Sleeper>& consumer, std::uint64_t published) {
    if (consumer.signals_taken.load() != consumer.signals_sent) {
        return false;
    }
    const std::uint64_t bell = consumer.asleep_until.load();
    return bell != 0 && bell <= published;
}

}  // namespace aegis::test
