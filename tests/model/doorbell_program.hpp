// A producer that rings and consumers that sleep.
#pragma once

#include <array>
#include <memory>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/doorbell.hpp"
#include "explorer/sync.hpp"
#include "model_ring.hpp"

namespace aegis::model {

struct DoorbellShape {
    ThreadId consumers = 1;
    unsigned events = 0;
    unsigned batch = 1;
    unsigned early_ends = 0;          // waits of each consumer that may end without a signal: timeout, spurious wakeup
    bool close = false;               // at the end the producer closes and wakes everyone
    bool registers_late = false;      // consumers come and go while the producer runs, under the publish lock
    bool event_orders_memory = true;  // false: no real event, but there must be no lost wakeup even so
};

template <class Ring>
class DoorbellProgram : public Program {
  public:
    explicit DoorbellProgram(const DoorbellShape& shape)
        : shape_(shape), ring_({0}), sleepers_{Sleeper(ring_, shape), Sleeper(ring_, shape)} {
        Explorer& explorer = Explorer::running();
        if (!shape_.close) {
            ring_.state_stays();
        }
        for (ThreadId i = 0; i < shape_.consumers; ++i) {
            Sleeper& sleeper = sleepers_[i];
            explorer.name(sleeper.wake_at.location(), {"wake_at", i + 1U});
            explorer.only_written_by(sleeper.wake_at.location(), {0, static_cast<ThreadId>(i + 1)});
            if (!shape_.registers_late) {
                check(ringer_.add(&sleeper.wake_at, i), "no room for a doorbell");
            }
        }
    }

    void run(ThreadId thread) override {
        if (thread == 0) {
            produce();
        } else {
            consume(static_cast<ThreadId>(thread - 1));
        }
    }

    bool may_end_waiting() const override { return true; }

    void finish() override {
        for (ThreadId i = 0; i < shape_.consumers; ++i) {
            const Sleeper& sleeper = sleepers_[i];
            const Ticket cursor = sleeper.consumer.cursor();
            check(cursor == shape_.events || sleeper.asleep, "the consumer stopped before the end");
            check(!sleeper.asleep || (!shape_.close && cursor + shape_.batch > shape_.events), "lost wakeup");
            sleeper.ledger.settle(cursor);
        }
    }

  private:
    using Listener = ring::DoorbellListener<ModelAtomics>;

    struct Sleeper {
        Sleeper(Ring& ring, const DoorbellShape& shape)
            : event(shape.event_orders_memory), consumer(ring.memory(), {}), ledger(Ring::kPattern, 0, false) {}

        ModelWord wake_at = AEGIS_WAKE_NEVER;
        ModelWord cursor_report;
        Event event;
        ring::Consumer<ModelAtomics> consumer;
        Ledger ledger;
        unsigned signals = 0;
        unsigned ended_early = 0;
        unsigned short_waits = 0;
        Ticket armed_at = 0;
        bool armed_before = false;
        bool asleep = false;
    };

    void produce() {
        for (unsigned i = 0; i < shape_.events; ++i) {
            if (shape_.registers_late) {
                lock_.lock();
            }
            ring_.publish_next();
            ringer_.ring(ring_.producer().published(), [this](ThreadId consumer) { signal(sleepers_[consumer]); });
            if (shape_.registers_late) {
                lock_.unlock();
            }
        }
        if (shape_.close) {
            ring_.producer().close();
            closed_ = true;
            ringer_.ring_all([this](ThreadId consumer) { signal(sleepers_[consumer]); });
        }
    }

    void signal(Sleeper& sleeper) {
        check(was_armed(sleeper.wake_at), "signalled a consumer that had not armed, or had disarmed");
        ++sleeper.signals;
        const std::uint64_t batches = ring_.begun() / shape_.batch + sleeper.short_waits;
        check(closed_ || sleeper.signals <= batches, "more than one signal per batch");
        sleeper.event.signal();
    }

    // What the producer's write to the word replaced, in modification order.
    static bool was_armed(const ModelWord& wake_at) {
        const auto& messages = Explorer::running().memory().messages(wake_at.location());
        std::size_t newest = 0;
        for (std::size_t i = 0; i < messages.size(); ++i) {
            if (messages[i].thread == 0 && messages[i].step >= messages[newest].step) {
                newest = i;
            }
        }
        return newest > 0 && messages[newest - 1].value != AEGIS_WAKE_NEVER;
    }

    void consume(ThreadId id) {
        Sleeper& sleeper = sleepers_[id];
        if (shape_.registers_late) {
            lock_.lock();
            check(ringer_.add(&sleeper.wake_at, id), "no room for a doorbell");
            lock_.unlock();
        }
        Listener listener(&sleeper.wake_at, &sleeper.cursor_report);
        while (sleeper.consumer.cursor() < shape_.events) {
            // A lapped reader finds nothing while what laps it is not complete; then arm() does not wait either.
            if (read_into(sleeper.ledger, ring_, sleeper.consumer) != ReadStatus::kEmpty ||
                ring_.overwritten(sleeper.consumer.cursor())) {
                continue;
            }
            count_short_wait(sleeper);
            if (!listener.arm(ring_.memory(), sleeper.consumer.cursor(), shape_.batch)) {
                if (ring_.memory().load_state() == AEGIS_RING_CLOSING) {
                    drain_and_end(sleeper);
                    break;
                }
                check_readable(sleeper);
                continue;
            }
            wait_for_batch(sleeper, listener);
            listener.disarm();
        }
        if (shape_.registers_late) {
            lock_.lock();
            check(ringer_.remove(&sleeper.wake_at), "the doorbell was not there");
            lock_.unlock();
            Explorer::running().retire(sleeper.wake_at.location());
        }
    }

    // A signal that meets a batch not ready is of the arming before: the wait goes on. (With an event that does not
    // order memory a consumer cannot tell, and looks for itself.)
    void wait_for_batch(Sleeper& sleeper, Listener& listener) {
        sleeper.asleep = true;
        bool waits = true;
        while (waits) {
            if (!sleeper.event.wait(sleeper.ended_early < shape_.early_ends)) {
                ++sleeper.ended_early;
                break;
            }
            waits = shape_.event_orders_memory &&
                    listener.wait_again(ring_.memory(), sleeper.consumer.cursor(), shape_.batch);
        }
        sleeper.asleep = false;
    }

    // A batch begins where the consumer arms. One that gave up waiting and arms again before it has read a whole batch
    // gets that many signals more.
    void count_short_wait(Sleeper& sleeper) {
        const Ticket cursor = sleeper.consumer.cursor();
        if (sleeper.armed_before && cursor < sleeper.armed_at + shape_.batch) {
            ++sleeper.short_waits;
            check(!shape_.event_orders_memory || sleeper.short_waits <= sleeper.ended_early,
                  "a wait that did not give up ended before its batch was there");
        }
        sleeper.armed_before = true;
        sleeper.armed_at = cursor;
    }

    // Nothing will follow what is there.
    void drain_and_end(Sleeper& sleeper) {
        while (read_into(sleeper.ledger, ring_, sleeper.consumer) != ReadStatus::kEmpty) {
        }
        check(sleeper.consumer.cursor() == shape_.events, "closing was seen before the last event");
    }

    // arm() said that the events are there.
    void check_readable(Sleeper& sleeper) {
        const Ticket end = sleeper.consumer.cursor() + shape_.batch;
        while (sleeper.consumer.cursor() < end) {
            const bool nothing = read_into(sleeper.ledger, ring_, sleeper.consumer) == ReadStatus::kEmpty;
            if (nothing && ring_.overwritten(sleeper.consumer.cursor())) {
                break;
            }
            check(!nothing, "arm refused to wait, yet nothing can be read");
        }
    }

    DoorbellShape shape_;
    Ring ring_;
    Mutex lock_;
    ring::DoorbellRinger<ThreadId, 2, ModelAtomics> ringer_;
    bool closed_ = false;
    std::array<Sleeper, 2> sleepers_;
};

template <class Ring>
Result explore_doorbell(const DoorbellShape& shape, Options options = {}) {
    options.threads = {"producer"};
    for (ThreadId i = 0; i < shape.consumers; ++i) {
        options.threads.push_back("consumer " + std::to_string(i + 1));
    }
    return Explorer::explore(options, [&] { return std::make_unique<DoorbellProgram<Ring>>(shape); });
}

}  // namespace aegis::model
