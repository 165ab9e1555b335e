// A producer and consumers that each see every event.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "aegis/ring/consumer.hpp"
#include "explorer/sync.hpp"
#include "model_ring.hpp"

namespace aegis::model {

struct BroadcastShape {
    enum class Start : std::uint8_t { kFirst, kOldest, kNow };

    ThreadId producers = 1;  // more than one: each publishes under one lock, as the driver does
    ThreadId consumers = 1;
    unsigned before = 0;          // events published before the threads start
    unsigned during = 0;          // events each producer publishes meanwhile
    unsigned attempts = 0;        // reads each consumer makes meanwhile
    Start start = Start::kFirst;  // where a consumer joins; not kFirst: by the shared count as it sees it
    bool close = false;           // the producer says so when it is done, and a consumer that sees it drains
};

template <class Ring>
class Broadcast : public Program {
  public:
    explicit Broadcast(const BroadcastShape& shape)
        : shape_(shape),
          ring_(shape.producers == 1 ? std::initializer_list<ThreadId>{0} : std::initializer_list<ThreadId>{0, 1}) {
        for (unsigned i = 0; i < shape_.before; ++i) {
            ring_.publish_next();
        }
    }

    void run(ThreadId thread) override {
        if (thread < shape_.producers) {
            produce();
        } else {
            consume(readers_[thread - shape_.producers]);
        }
    }

    void finish() override {
        for (ThreadId i = 0; i < shape_.consumers; ++i) {
            Reader& reader = *readers_[i];
            while (read(reader) != ReadStatus::kEmpty) {
            }
            check(reader.consumer.cursor() == ring_.begun(), "the reader stopped before the end");
            check(reader.consumer.lag() == 0, "lag() of a reader that has everything");
        }
    }

  private:
    struct Reader {
        Reader(Ring& ring, ring::Beginning start, bool late)
            : consumer(ring.memory(), start), ledger(Ring::kPattern, start.ticket, late) {}
        ring::Consumer<ModelAtomics> consumer;
        Ledger ledger;
    };

    void produce() {
        for (unsigned i = 0; i < shape_.during; ++i) {
            if (shape_.producers == 1) {
                ring_.publish_next();
            } else {
                lock_.lock();
                ring_.publish_next();
                lock_.unlock();
            }
        }
        if (shape_.close) {
            ring_.producer().close();
        }
    }

    void consume(std::optional<Reader>& reader) {
        reader.emplace(ring_, start(), shape_.start != BroadcastShape::Start::kFirst);
        for (unsigned i = 0; i < shape_.attempts; ++i) {
            read(*reader);
        }
        if (shape_.close && ring_.memory().load_state() == AEGIS_RING_CLOSING) {
            while (read(*reader) != ReadStatus::kEmpty) {
            }
            check(reader->consumer.cursor() == ring_.begun(), "closing was seen before the last event");
        }
    }

    ring::Beginning start() {
        switch (shape_.start) {
            case BroadcastShape::Start::kOldest:
                return ring::oldest_event(ring_.memory());
            case BroadcastShape::Start::kNow:
                return ring::next_event(ring_.memory());
            default:
                return {};
        }
    }

    ReadStatus read(Reader& reader) {
        const Ticket before = reader.consumer.cursor();
        const ReadStatus status = read_into(reader.ledger, ring_, reader.consumer);
        check(status == ReadStatus::kEmpty ? reader.consumer.cursor() == before : reader.consumer.cursor() > before,
              "the cursor moves exactly with what was read");
        check(reader.consumer.delivered() == reader.ledger.delivered(), "delivered() is what was delivered");
        check(reader.consumer.lost() == reader.ledger.lost(), "lost() is what was lost");
        reader.ledger.settle(reader.consumer.cursor());
        return status;
    }

    BroadcastShape shape_;
    Ring ring_;
    Mutex lock_;
    std::array<std::optional<Reader>, 2> readers_;
};

template <class Ring>
Result explore_broadcast(const BroadcastShape& shape, Options options = {}) {
    for (ThreadId i = 0; i < shape.producers; ++i) {
        options.threads.push_back("producer " + std::to_string(i + 1));
    }
    for (ThreadId i = 0; i < shape.consumers; ++i) {
        options.threads.push_back("consumer " + std::to_string(i + 1));
    }
    return Explorer::explore(options, [&] { return std::make_unique<Broadcast<Ring>>(shape); });
}

}  // namespace aegis::model
