// A small ring for the explorer: the shipped classes over modelled words, with events whose every word follows from
// their ticket.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "aegis/ring/producer.hpp"
#include "aegis/ring/slot_read.hpp"
#include "explorer/atomics.hpp"
#include "explorer/explorer.hpp"

namespace aegis::model {

using ring::EventBuffer;
using ring::ReadStatus;
using ring::Ticket;
using ModelMemory = ring::RingMemory<ModelAtomics>;
using ModelProducer = ring::Producer<ModelAtomics>;
using ModelWord = ModelAtomics::Atomic<std::uint64_t>;

// What a trace, and a weakening, call these words.
inline constexpr const char* kVersionName = "version of slot";
inline constexpr const char* kStateName = "state";

inline void check(bool condition, const char* message) {
    Explorer::running().check(condition, message);
}

// What the event of a ticket holds. Events of one slot differ in size from lap to lap.
struct EventPattern {
    std::uint64_t slots;
    std::size_t max_payload_words;

    std::size_t payload_words(Ticket ticket) const {
        return max_payload_words == 0 ? 0 : 1 + (ticket / slots) % max_payload_words;
    }
    static std::uint64_t payload_word(Ticket ticket, std::size_t index) { return 1000 * (ticket + 1) + index; }
    static std::uint16_t type(Ticket ticket) { return static_cast<std::uint16_t>(1 + ticket % 5); }
    static std::int64_t timestamp(Ticket ticket) { return static_cast<std::int64_t>(100 * (ticket + 1)); }
};

template <std::size_t kSlots, std::size_t kPayloadWords>
class ModelRing {
  public:
    static constexpr std::size_t kSlotWords = 1 + ring::kEventHeaderWords + kPayloadWords;
    static constexpr EventPattern kPattern = {kSlots, kPayloadWords};

    // `writers`: the threads that publish.
    explicit ModelRing(std::initializer_list<ThreadId> writers) : producer_(memory()) {
        Explorer& explorer = Explorer::running();
        for (unsigned i = 0; i < slots_.size(); ++i) {
            const unsigned slot = i / kSlotWords;
            const unsigned word = i % kSlotWords;
            explorer.name(slots_[i].location(),
                          word == 0 ? LocationName{kVersionName, slot} : LocationName{"word", slot, word - 1});
            explorer.only_written_by(slots_[i].location(), writers);
        }
        explorer.name(published_.location(), {"published"});
        explorer.name(state_.location(), {kStateName});
        for (const LocationId location : {published_.location(), state_.location()}) {
            explorer.only_written_by(location, writers);
        }
    }

    ModelMemory memory() {
        return {&published_, counters_.data(), &counters_[0], &state_, slots_.data(), kSlots, kSlotWords};
    }

    ModelProducer& producer() { return producer_; }

    // In a program that does not close the ring.
    void state_stays() { Explorer::running().only_written_by(state_.location(), {}); }

    // Tickets whose publish has begun or ended, as far as this execution has come.
    Ticket begun() const { return begun_; }

    void publish_next() {
        const Ticket ticket = begun_++;
        std::array<std::uint64_t, kPayloadWords + 1> payload = {};
        const std::size_t words = kPattern.payload_words(ticket);
        for (std::size_t i = 0; i < words; ++i) {
            payload[i] = EventPattern::payload_word(ticket, i);
        }
        check(producer_.publish(EventPattern::type(ticket), EventPattern::timestamp(ticket), payload.data(),
                                words * sizeof(std::uint64_t)),
              "an event that fits was refused");
    }

  private:
    ModelWord published_;
    std::array<ModelWord, AEGIS_LOST_REASONS> counters_;
    ModelAtomics::Atomic<std::uint32_t> state_;
    std::array<ModelWord, kSlots * kSlotWords> slots_;
    ModelProducer producer_;
    Ticket begun_ = 0;
};

// What one reader (a consumer, or all members of a group) got, checked as it arrives.
class Ledger {
  public:
    Ledger(const EventPattern& pattern, Ticket start) : pattern_(pattern), start_(start) {}

    // A delivered event: exactly what was published under its ticket, and not delivered before.
    void delivered(const EventBuffer& event) {
        const Ticket ticket = event.ticket();
        Explorer::running().note("delivered ticket", ticket);
        account(ticket);
        const std::size_t words = pattern_.payload_words(ticket);
        const AEGIS_EVENT_HEADER header = event.header();
        check(event.size() == header.Size && event.payload_size() == words * sizeof(std::uint64_t), "torn: size");
        check(header.Sequence == ring::sequence_of(ticket), "torn: sequence");
        check(header.Type == EventPattern::type(ticket), "torn: type");
        check(header.Timestamp == EventPattern::timestamp(ticket), "torn: timestamp");
        const auto* payload = static_cast<const std::uint64_t*>(event.payload());
        for (std::size_t i = 0; i < words; ++i) {
            check(payload[i] == EventPattern::payload_word(ticket, i), "torn: payload");
        }
        ++delivered_;
    }

    // A reported loss: each of its tickets was overwritten, or is about to be. `begun`: tickets begun by then.
    void lost(const ring::Loss& loss, Ticket begun) {
        Explorer::running().note("lost tickets from", loss.first);
        Explorer::running().note("... how many", loss.count);
        check(loss.count > 0, "an empty loss");
        for (Ticket ticket = loss.first; ticket < loss.first + loss.count; ++ticket) {
            account(ticket);
        }
        // Resuming leaves a quarter of the ring as headroom above the oldest intact ticket, no more.
        check(loss.first + pattern_.slots < begun, "a loss that did not happen");
        check(loss.count == 1 || loss.first + loss.count + pattern_.slots <= begun + 1 + pattern_.slots / 4,
              "gave up more than the overwritten tickets");
        lost_ += loss.count;
    }

    // Everything from the start up to `cursor` is accounted for, once.
    void settle(Ticket cursor) const {
        check(delivered_ + lost_ == cursor - start_, "delivered + lost != distance");
        for (Ticket ticket = start_; ticket < cursor; ++ticket) {
            check((seen_ >> ticket & 1U) != 0, "a ticket neither delivered nor lost");
        }
    }

    std::uint64_t delivered() const { return delivered_; }
    std::uint64_t lost() const { return lost_; }

  private:
    void account(Ticket ticket) {
        check(ticket >= start_, "a ticket from before the start");
        check(ticket < 64, "a ticket that was never published");
        check((seen_ >> ticket & 1U) == 0, "a ticket twice");
        seen_ |= std::uint64_t{1} << ticket;
    }

    EventPattern pattern_;
    Ticket start_;
    std::uint64_t seen_ = 0;  // a bit per ticket
    std::uint64_t delivered_ = 0;
    std::uint64_t lost_ = 0;
};

// A reader with its ledger. `Reader` is a Consumer or a GroupMember; members of a group share the ledger.
template <class Ring, class Reader>
ReadStatus read_into(Ledger& ledger, Ring& ring, Reader& reader) {
    EventBuffer event;
    const ReadStatus status = reader.read(event);
    if (status == ReadStatus::kEvent) {
        ledger.delivered(event);
    } else if (status == ReadStatus::kLapped) {
        ledger.lost(reader.last_loss(), ring.begun());
    }
    return status;
}

}  // namespace aegis::model
