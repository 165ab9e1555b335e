// Reading from mapped memory: no system call while there are events.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "agent/client/doorbell_watch.hpp"
#include "agent/client/event_sink.hpp"
#include "agent/client/items.hpp"
#include "agent/client/sole_reading.hpp"
#include "agent/client/stream.hpp"

namespace aegis::client {

class RingStream final : public Stream {
  public:
    // `channel` has a ring.
    RingStream(Channel channel, const ReadingOptions& options);

    std::unique_ptr<Reader> make_reader() override;
    std::uint32_t transport() const override { return AEGIS_TRANSPORT_RING; }
    std::uint32_t wakeup_batch() const override { return batch_; }
    std::uint64_t start() const override { return start_.ticket + 1; }
    std::uint64_t lag() const override { return group_.lag(); }
    std::uint64_t published() const override { return group_.memory().load_published(); }

    ring::ConsumerGroup<>& group() { return group_; }
    SoleReading& sole_reading() { return sole_reading_; }
    DoorbellWatch& watch() { return watch_; }
    bool closing() const { return group_.memory().load_state() == AEGIS_RING_CLOSING; }

    // For the driver's reports. A lone relaxed store; when two readers cross, the older one stands until the next.
    void report_cursor() { listener_.report_cursor(group_.cursor()); }

  private:
    const ring::Beginning start_;
    const std::uint32_t batch_;
    bool has_reader_ = false;  // the first one comes before anybody else knows the stream
    SoleReading sole_reading_;
    ring::ConsumerGroup<> group_;
    ring::DoorbellListener<> listener_;  // report_cursor only
    DoorbellWatch watch_;
};

class RingReader final : public Reader {
  public:
    // `alone`: the stream has no other reader, and the right to read alone was not taken away yet.
    RingReader(RingStream& stream, std::optional<ring::Consumer<>> alone)
        : stream_(&stream),
          counters_(&stream.add_counters()),
          alone_(alone),
          member_(stream.group()),
          losses_(stream) {}
    ~RingReader() override { stream_->retire(*counters_); }
    RingReader(const RingReader&) = delete;
    RingReader& operator=(const RingReader&) = delete;

    std::int32_t visit(const Visitor& visitor, Timeout timeout, std::string& error) override;
    std::int32_t fill(Batch& batch, std::uint32_t most, Timeout timeout, std::string& error) override;

  private:
    // An empty ring is looked at this often, with a pause in between, before a reader goes to sleep.
    static constexpr int kLooksBeforeSleep = 4;
    // How often, in events, a busy reader looks at what the driver lost, and reports its cursor.
    static constexpr unsigned kReportInterval = 64;
    // And how often, in such looks, at its lag, which takes a line from the producer that is written with every event,
    // and at what may end its reading: that is a system call.
    static constexpr unsigned kLooksPerCostlyLook = 16;

    // A loss that a busy reader has noticed, and will tell behind what was published by then: it happened before that,
    // and is not to stand before events that came before it.
    struct NoticedLoss {
        LossCounters counters;
        ring::Ticket published;
    };

    // One visit while it runs. Items: where they go, event_sink.hpp.
    template <class Items>
    struct Visit {
        Items items;
        std::uint32_t most;
        std::uint32_t visited = 0;
        bool more = true;  // as whoever takes the items said

        bool goes_on() const { return more && visited < most; }
        void hand_out(const aegis_item& item) {
            ++visited;
            more = items.take(item);
        }
    };

    // All of a call: reads, and sleeps where it has to.
    template <class Items>
    std::int32_t read(Items items, std::uint32_t most, Timeout timeout);
    template <class Items>
    std::int32_t read_or_sleep(Visit<Items>& visit, Timeout timeout);
    // Hands out what is there, up to sequence `last`.
    template <class Items>
    std::int32_t drain(Visit<Items>& visit, std::uint64_t last);
    // Hands out up to `most` events. Another status than kEvent: why there are no more; with kLapped, loss_ says what
    // is lost. kEmpty also when this reader is no longer alone, or the group is at `last`.
    ring::ReadStatus drain_alone(Visit<ShownItems>& visit, std::uint32_t most);
    ring::ReadStatus drain_alone(Visit<KeptItems>& visit, std::uint32_t most);
    template <class Items>
    ring::ReadStatus drain_shared(Visit<Items>& visit, std::uint32_t most, std::uint64_t last);
    template <class Items, class Read>
    ring::ReadStatus drain_by(Visit<Items>& visit, std::uint32_t most, Read read);
    void look_around();
    void look_for_losses();
    // Whether the device has something to say beside its signals, and makes it known to all.
    bool look_at_device();
    // AEGIS_OK: look again. Something else: the result.
    std::int32_t sleep(DoorbellWatch::Deadline deadline);

    RingStream* stream_;
    Counters* counters_;
    std::optional<ring::Consumer<>> alone_;  // none: by member_
    ring::GroupMember<> member_;
    ring::EventBuffer buffer_;
    ring::Loss loss_;  // that the last read found out
    UntoldLosses losses_;
    std::optional<NoticedLoss> noticed_;
    unsigned until_look_ = 0;
    unsigned until_costly_look_ = 1;
    bool interrupted_ = false;  // as the last look at the device said
    bool slept_ = false;        // in this call
};

}  // namespace aegis::client
