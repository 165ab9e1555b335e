#include "agent/app/printer.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace aegis::agent {

Printer::Printer(Port& port, Output& output, MalformedReporter& malformed, Counters& counters, PendingDetails& details,
                 std::unique_ptr<Formatter> formatter)
    : output_(&output),
      malformed_(&malformed),
      counters_(&counters),
      formatter_(std::move(formatter)),
      last_time_(port.system_time()),
      details_(&details) {}

bool Printer::event(std::uint64_t sequence, std::span<const std::byte> bytes) {
    if (!working()) {
        counters_->add_unwritten(1);
        return true;
    }
    const DecodeError error = decode(bytes, event_);
    if (error != DecodeError::kNone) {
        counters_->add_malformed();
        malformed_->report(sequence, event_.header, error);
        return false;
    }
    append_losses(std::min(last_time_, event_.header.Timestamp));
    last_time_ = event_.header.Timestamp;
    if (!join_details()) {
        joined_.push_back(lines_.size());
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

bool Printer::join_details() {
    switch (event_.header.Type) {
        case AEGIS_EVENT_PROCESS_DETAILS:
            details_->add(event_);
            return false;
        case AEGIS_EVENT_PROCESS_CREATE:
        case AEGIS_EVENT_PROCESS_EXIT: {
            bool complete = false;
            event_.known = details_->take(event_, taken_, complete) ? &taken_ : nullptr;
            event_.details_lost = !complete;
            return true;
        }
        default:
            return true;
    }
}

void Printer::loss(const LostEvents& lost) {
    counters_->add_lost(lost.count);
    LostEvents* const before = losses_.empty() ? nullptr : &losses_.back();
    // Overtaken again before anything could be read: still the same gap.
    if (before != nullptr && before->reason == LossReason::kOverwritten && lost.reason == LossReason::kOverwritten &&
        before->last + 1 == lost.first) {
        *before = LostEvents::overwritten(before->first, lost.last);
    } else {
        losses_.push_back(lost);
    }
}

void Printer::append_losses(std::int64_t filetime) {
    for (const LostEvents& lost : losses_) {
        formatter_->append_loss(lost, filetime, lines_);
        loss_ends_.push_back(lines_.size());
    }
    losses_.clear();
}

std::uint64_t Printer::events_within(std::size_t bytes) const {
    const auto lines = std::count(lines_.begin(), lines_.begin() + bytes, '\n');
    const auto losses =
        std::count_if(loss_ends_.begin(), loss_ends_.end(), [bytes](std::size_t end) { return end <= bytes; });
    return static_cast<std::uint64_t>(lines - losses);
}

std::uint64_t Printer::joined_within(std::size_t bytes) const {
    const std::size_t last_end = std::string_view(lines_.data(), bytes).rfind('\n');
    return static_cast<std::uint64_t>(std::count_if(joined_.begin(), joined_.end(), [last_end](std::size_t begin) {
        return last_end != std::string_view::npos && begin <= last_end;
    }));
}

void Printer::flush() {
    append_losses(last_time_);
    if (lines_.size() == 0) {
        // Parts of a line that is still to come: nothing of them is to be written now.
        counters_->add_joined(joined_.size());
        joined_.clear();
        return;
    }
    const Output::Written written = output_->write({lines_.data(), lines_.size()}, timestamps_);
    status_ = written.status;
    const std::uint64_t delivered = working() ? events_ : events_within(written.bytes);
    const std::uint64_t joined = working() ? joined_.size() : joined_within(written.bytes);
    counters_->add_delivered(delivered);
    counters_->add_joined(joined);
    counters_->add_unwritten(events_ - delivered + joined_.size() - joined);
    lines_.clear();
    timestamps_.clear();
    loss_ends_.clear();
    joined_.clear();
    events_ = 0;
}

}  // namespace aegis::agent
