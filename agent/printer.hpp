// One worker's way from an event's bytes to stdout: decode, format, collect, write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agent/counters.hpp"
#include "agent/decode.hpp"
#include "agent/formatter.hpp"
#include "agent/malformed.hpp"
#include "agent/output.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

// Collects lines, and writes them when a good deal has come together or when flush says that nothing more is at hand.
// Not thread-safe: one per worker.
class Printer {
  public:
    // Enough that a write call's fixed cost vanishes, little enough that it stays in the cache.
    static constexpr std::size_t kWriteBytes = std::size_t{64} << 10U;

    // Everything passed by reference outlives the printer.
    Printer(Port& port, Output& output, MalformedReporter& malformed, Counters& counters,
            std::unique_ptr<Formatter> formatter);

    // `bytes` starts with the event and may hold more. False, and no line, when the event is malformed.
    bool event(std::uint64_t sequence, std::span<const std::byte> bytes);

    void loss(const LostEvents& lost);

    void flush();

    // False once stdout takes nothing any more; what is printed then vanishes and is not counted.
    bool working() const { return status_ == WriteStatus::kWritten; }

    Counters& counters() { return *counters_; }

  private:
    void flush_if_long() {
        if (lines_.size() >= kWriteBytes) {
            flush();
        }
    }

    Port* port_;
    Output* output_;
    MalformedReporter* malformed_;
    Counters* counters_;
    std::unique_ptr<Formatter> formatter_;
    WriteStatus status_ = WriteStatus::kWritten;
    Lines lines_;
    std::uint64_t events_ = 0;              // in lines_
    std::vector<std::int64_t> timestamps_;  // of them, when latency is measured
    Event event_;
};

}  // namespace aegis::agent
