// A small ring for the explorer: the shipped classes over modelled words, with events whose every word follows from
// their ticket.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "aegis/ring/event_read.hpp"
#include "aegis/ring/producer.hpp"
#include "explorer/atomics.hpp"
#include "explorer/explorer.hpp"

namespace aegis::model {

using ring::EventBuffer;
using ring::Position;
using ring::ReadStatus;
using ring::Ticket;
using ModelMemory = ring::RingMemory<ModelAtomics>;
using ModelProducer = ring::Producer<ModelAtomics>;
using ModelWord = ModelAtomics::Atomic<std::uint64_t>;

// What a trace, and a weakening, call these words.
inline constexpr const char* kVersionName = "version of cell";
inline constexpr const char* kPublishedName = "published";
inline constexpr const char* kNewestName = "newest";
inline constexpr const char* kStateName = "state";

inline void check(bool condition, const char* message) {
    Explorer::running().check(condition, message);
}

// What the event of a ticket holds, and where it lies.
struct EventPattern {
    std::uint64_t cells;
    std::size_t data_words;  // of a cell
    std::size_t max_payload_words;

    // Events of one cell that differ in size from lap to lap; or, where not every event fits one cell, from one to the
    // next.
    std::size_t payload_words(Ticket ticket) const {
        if (ring::kEventHeaderWords + max_payload_words > data_words) {
            return ticket % (max_payload_words + 1);
        }
        return max_payload_words == 0 ? 0 : 1 + (ticket / cells) % max_payload_words;
    }
    static std::uint64_t payload_word(Ticket ticket, std::size_t index) { return 1000 * (ticket + 1) + index; }
    static std::uint16_t type(Ticket ticket) { return static_cast<std::uint16_t>(1 + ticket % 5); }
    static std::int64_t timestamp(Ticket ticket) { return static_cast<std::int64_t>(100 * (ticket + 1)); }

    // Where the event of a ticket begins.
    Position position(Ticket ticket) const {
        Position position = 0;
        for (Ticket before = 0; before < ticket; ++before) {
            position += (ring::kEventHeaderWords + payload_words(before) + data_words - 1) / data_words;
        }
        return position;
    }
};

// `kDataWords`: of a cell, an event's header included. `kPayloadWords`: of the largest event.
template <std::size_t kCells, std::size_t kDataWords, std::size_t kPayloadWords>
class ModelRingOf {
  public:
    static constexpr std::size_t kHeaderWords = AEGIS_CELL_HEADER_BYTES / sizeof(std::uint64_t);
    static constexpr std::size_t kCellWords = kHeaderWords + kDataWords;
    static constexpr EventPattern kPattern = {kCells, kDataWords, kPayloadWords};

    // `writers`: the threads that publish.
    explicit ModelRingOf(std::initializer_list<ThreadId> writers) : producer_(memory()) {
        Explorer& explorer = Explorer::running();
        for (unsigned i = 0; i < words_.size(); ++i) {
            const unsigned cell = i / kCellWords;
            const unsigned word = i % kCellWords;
            explorer.name(words_[i].location(), word == 0   ? LocationName{kVersionName, cell}
                                                : word == 1 ? LocationName{"ticket of cell", cell}
                                                            : LocationName{"word", cell, word - 2});
            explorer.only_written_by(words_[i].location(), writers);
        }
        explorer.name(published_.location(), {kPublishedName});
        explorer.name(newest_.location(), {kNewestName});
        explorer.name(state_.location(), {kStateName});
        for (const LocationId location : {published_.location(), newest_.location(), state_.location()}) {
            explorer.only_written_by(location, writers);
        }
    }

    ModelMemory memory() {
        return {{&published_, &newest_, counters_.data(), &counters_[0], &state_},
                words_.data(),
                {kCells, kCellWords * sizeof(std::uint64_t), kCells * kDataWords * sizeof(std::uint64_t)}};
    }

    ModelProducer& producer() { return producer_; }

    // In a program that does not close the ring.
    void state_stays() { Explorer::running().only_written_by(state_.location(), {}); }

    // Has the place of a ticket been written again?
    bool overwritten(Ticket ticket) const { return kPattern.position(ticket) + kCells < kPattern.position(begun_); }

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
    ModelWord newest_;
    std::array<ModelWord, AEGIS_LOST_REASONS> counters_;
    ModelAtomics::Atomic<std::uint32_t> state_;
    std::array<ModelWord, kCells * kCellWords> words_;
    ModelProducer producer_;
    Ticket begun_ = 0;
};

// Every event takes one cell.
template <std::size_t kCells, std::size_t kPayloadWords>
using ModelRing = ModelRingOf<kCells, ring::kEventHeaderWords + kPayloadWords, kPayloadWords>;

// What one reader (a consumer, or all members of a group) got, checked as it arrives.
class Ledger {
  public:
    // `place_behind`: the reader may look for its next ticket at the place of an earlier one, and be lapped there while
    // its own ticket is in the headroom only.
    Ledger(const EventPattern& pattern, Ticket start, bool place_behind)
        : pattern_(pattern), start_(start), place_behind_(place_behind) {}

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
        // Resuming leaves a quarter of the ring as headroom above the oldest cell that is intact, no more.
        const Position overwritten = pattern_.position(begun);
        const Position newest = pattern_.position(begun - 1);
        check(place_behind_ || pattern_.position(loss.first) + pattern_.cells < overwritten,
              "a loss that did not happen");
        for (Ticket ticket = loss.first; ticket < loss.first + loss.count; ++ticket) {
            account(ticket);
            const Position end = pattern_.position(ticket) + pattern_.cells;
            check(end < overwritten || end < newest + 2 + pattern_.cells / 4,
                  "gave up more than the overwritten events");
        }
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
    bool place_behind_;
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
