// One worker's way from an event's bytes to stdout: decode, format, collect, write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agent/app/counters.hpp"
#include "agent/app/malformed.hpp"
#include "agent/events/decode.hpp"
#include "agent/events/loss.hpp"
#include "agent/events/process_details.hpp"
#include "agent/format/formatter.hpp"
#include "agent/outputs/output.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

// Collects lines, and writes them when a good deal has come together or when flush says that nothing more is at hand.
// Not thread-safe: one per worker.
class Printer {
  public:
    // Enough that a write call's fixed cost vanishes, little enough that it stays in the cache.
    static constexpr std::size_t kWriteBytes = std::size_t{64} << 10U;

    // Everything passed by reference outlives the printer.
    Printer(Port& port, Output& output, MalformedReporter& malformed, Counters& counters, PendingDetails& details,
            std::unique_ptr<Formatter> formatter);

    // `bytes` starts with the event and may hold more. False, and no line, when the event is malformed, and when it
    // tells of a process whose start or end is still to come: it becomes a part of that line.
    bool event(std::uint64_t sequence, std::span<const std::byte> bytes);

    // Between the event before and the one that follows. The line is made with that one, or by flush: its time is that
    // of the event before it, or of the one behind it where that is earlier.
    void loss(const LostEvents& lost);

    void flush();

    // False once stdout takes nothing any more; what is printed then is counted as unwritten.
    bool working() const { return status_ == WriteStatus::kWritten; }

    // Stdout takes nothing any more because nobody reads it: nothing that follows is wanted.
    bool reader_has_left() const { return status_ == WriteStatus::kClosed; }

    Counters& counters() { return *counters_; }

  private:
    void flush_if_long() {
        if (lines_.size() >= kWriteBytes) {
            flush();
        }
    }

    void append_losses(std::int64_t filetime);
    // Joins what was told of a process with the event that it was told for. False: it still waits for that.
    bool join_details();
    // Of the lines that end in the first `bytes` of lines_, and of what became a part of them.
    std::uint64_t events_within(std::size_t bytes) const;
    std::uint64_t joined_within(std::size_t bytes) const;

    Output* output_;
    MalformedReporter* malformed_;
    Counters* counters_;
    std::unique_ptr<Formatter> formatter_;
    WriteStatus status_ = WriteStatus::kWritten;
    Lines lines_;
    std::uint64_t events_ = 0;              // in lines_
    std::vector<std::int64_t> timestamps_;  // of them, when latency is measured
    std::vector<std::size_t> loss_ends_;    // where the other lines end, in lines_
    std::vector<std::size_t> joined_;       // where the lines begin that other events became a part of, or later ones
    std::vector<LostEvents> losses_;        // not in lines_ yet
    std::int64_t last_time_;                // of the last event; of the beginning before the first one
    Event event_;
    PendingDetails* details_;
    ProcessDetails taken_;  // of event_
};

}  // namespace aegis::agent
