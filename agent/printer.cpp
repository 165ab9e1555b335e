#include "agent/printer.hpp"

#include <utility>

namespace aegis::agent {

Printer::Printer(Port& port, Output& output, MalformedReporter& malformed, Counters& counters,
                 std::unique_ptr<Formatter> formatter)
    : port_(&port), output_(&output), malformed_(&malformed), counters_(&counters), formatter_(std::move(formatter)) {}

bool Printer::event(std::uint64_t sequence, std::span<const std::byte> bytes) {
    const DecodeError error = decode(bytes, event_);
    if (error != DecodeError::kNone) {
        counters_->add_malformed();
        malformed_->report(sequence, event_.header, error);
        return false;
    }
    formatter_->append_event(event_, sequence, lines_);
    ++events_;
    if (output_->measures_latency()) {
        timestamps_.push_back(event_.header.Timestamp);
    }
    flush_if_long();
    return true;
}

void Printer::loss(const LostEvents& lost) {
    counters_->add_lost(lost.count());
    formatter_->append_loss(lost, port_->system_time(), lines_);
    flush_if_long();
}

void Printer::flush() {
    if (lines_.size() == 0) {
        return;
    }
    status_ = output_->write({lines_.data(), lines_.size()}, timestamps_);
    if (working()) {
        counters_->add_delivered(events_);
    }
    lines_.clear();
    timestamps_.clear();
    events_ = 0;
}

}  // namespace aegis::agent
