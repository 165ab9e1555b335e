#include "agent/client/pull_stream.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

namespace aegis::agent {
namespace {

AEGIS_EVENT_HEADER header_at(std::span<const std::byte> bytes) {
    AEGIS_EVENT_HEADER header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    return header;
}

// Whether the next event can be found behind this one.
bool has_stride(std::span<const std::byte> bytes) {
    if (bytes.size() < sizeof(AEGIS_EVENT_HEADER)) {
        return false;
    }
    const std::size_t size = header_at(bytes).Size;
    return size >= sizeof(AEGIS_EVENT_HEADER) && size <= bytes.size();
}

std::uint64_t count_events(std::span<const std::byte> bytes) {
    std::uint64_t count = 0;
    for (; has_stride(bytes); bytes = bytes.subspan(header_at(bytes).Size)) {
        ++count;
    }
    return count;
}

}  // namespace

PullStream::PullStream(const Setup& setup, RunControl& control, Printer& printer)
    : setup_(setup), control_(&control), printer_(&printer), widener_(setup.published), buffer_(kBufferBytes) {}

void PullStream::run(std::size_t /*worker*/) {
    bool reading = true;
    while (reading && reserve()) {
        // Asked before the driver is: what it had queued when the end was announced is still read.
        const bool last_round = control_->ending();
        switch (pull()) {
            case Pulled::kMore:
                break;
            case Pulled::kAll:
                tell_losses();
                printer_->flush();
                printer_->counters().see_lag(since_pause_);
                backlog_.store(since_pause_, std::memory_order_relaxed);
                since_pause_ = 0;
                reading = !last_round;
                if (reading) {
                    pause();
                }
                break;
            case Pulled::kEnd:
                reading = false;
                break;
        }
        end_if_output_failed();
    }
    tell_losses();
    printer_->flush();
    end_if_output_failed();
    control_->leave();
}

void PullStream::tell_losses() {
    AEGIS_QUERY_REPLY reply;
    // A driver that does not answer is found out by the next pull.
    if (!query_driver(*setup_.device, setup_.request_limit, reply)) {
        printer_->losses(setup_.losses->take(loss_counters(reply)));
    }
}

// As in the ring: what a reader that has left did not read is wanted by nobody, else it is still pulled and counted.
void PullStream::end_if_output_failed() {
    if (printer_->reader_has_left()) {
        control_->end(EndCause::kOutput, RunControl::kAtOnce);
    } else if (!printer_->working() && !control_->ending()) {
        control_->end(EndCause::kOutput, published());
    }
}

bool PullStream::reserve() {
    reserved_ = reserved_ || control_->reserve_line();
    return reserved_;
}

void PullStream::pause() {
    if (control_->ending()) {
        return;
    }
    switch (setup_.port->wait_interrupt(setup_.interval)) {
        case InterruptStatus::kTimeout:
            printer_->counters().add_wakeup();
            break;
        case InterruptStatus::kInterrupted:
            control_->end_interrupted(*setup_.device, published());
            break;
        case InterruptStatus::kOutputClosed:
            control_->end(EndCause::kOutput, RunControl::kAtOnce);
            break;
    }
}

PullStream::Pulled PullStream::pull() {
    const IoResult result = setup_.device->control(AEGIS_IOCTL_GET_EVENTS, {}, buffer_, setup_.request_limit);
    if (result.status == IoStatus::kNoAnswer || result.status == IoStatus::kInterrupted) {
        return wait_on(result);
    }
    if (result.status != IoStatus::kOk) {
        return fail(result);
    }
    if (std::exchange(unanswered_, false)) {
        setup_.log->note("the driver answers again");
    }
    const std::span<const std::byte> events(buffer_.data(), result.bytes);
    if (!next_) {
        find_start(events);
    }
    if (!print_all(events)) {
        return Pulled::kEnd;
    }
    return buffer_.size() - events.size() < AEGIS_MAX_EVENT_SIZE ? Pulled::kMore : Pulled::kAll;
}

PullStream::Pulled PullStream::fail(const IoResult& result) {
    if (result.status == IoStatus::kDriverGone) {
        control_->end(EndCause::kDriverGone, RunControl::kAtOnce);
        return Pulled::kEnd;
    }
    setup_.log->error(fmt::format("IOCTL_AEGIS_GET_EVENTS failed: {}; see the driver's own messages, then try again",
                                  setup_.device->describe(result.code)));
    control_->end(EndCause::kFailed, RunControl::kAtOnce);
    return Pulled::kEnd;
}

// The driver may be stopped, and go on later: then its answer still comes.
PullStream::Pulled PullStream::wait_on(const IoResult& result) {
    const Failure failure = no_answer(*setup_.device, "IOCTL_AEGIS_GET_EVENTS", result, setup_.request_limit);
    if (control_->ending() || result.status == IoStatus::kInterrupted) {
        setup_.log->error("the driver did not answer any more: events that it holds were not read");
        control_->end(EndCause::kStopRequested, RunControl::kAtOnce);
        control_->leave_unread();
        return Pulled::kEnd;
    }
    if (!std::exchange(unanswered_, true)) {
        setup_.log->warning(failure.message + "; waiting on");
    }
    return Pulled::kMore;
}

// The driver's place for this handle was set when the handle was opened. What was overwritten before the first pull
// leaves no gap between two events; only the driver's own count of it shows it.
void PullStream::find_start(std::span<const std::byte> first_events) {
    if (setup_.from == StartAt::kNow) {
        next_ = setup_.published + 1;
        return;
    }
    AEGIS_QUERY_REPLY reply;
    if (query_driver(*setup_.device, setup_.request_limit, reply)) {
        return;
    }
    const AEGIS_CONSUMER_INFO* own = nullptr;
    for (const AEGIS_CONSUMER_INFO& row : reply.Consumers) {
        if (row.Transport == AEGIS_TRANSPORT_PULL && row.ProcessId == setup_.port->process_id()) {
            if (own != nullptr) {
                return;
            }
            own = &row;
        }
    }
    if (own != nullptr) {
        next_ = own->Cursor - own->Lost - count_events(first_events) + 1;
        say_where_it_starts(*setup_.log, *next_ - 1);
    }
}

bool PullStream::print_all(std::span<const std::byte> events) {
    while (!events.empty() && !printer_->reader_has_left()) {
        if (events.size() < sizeof(AEGIS_EVENT_HEADER)) {
            printer_->event(next_.value_or(0), events);
            return !printer_->reader_has_left();
        }
        const AEGIS_EVENT_HEADER header = header_at(events);
        const std::uint64_t sequence = widener_.widen(header.Sequence);
        if (!print(sequence, events)) {
            return false;
        }
        if (!has_stride(events)) {
            return true;
        }
        events = events.subspan(header.Size);
    }
    return !printer_->reader_has_left();
}

bool PullStream::print(std::uint64_t sequence, std::span<const std::byte> event) {
    ++since_pause_;
    if (sequence > control_->limit()) {
        return false;
    }
    if (setup_.from == StartAt::kNow && sequence <= setup_.published) {
        return true;
    }
    if (!reserve()) {
        return false;
    }
    if (next_ && sequence > *next_) {
        printer_->loss(LostEvents::overwritten(*next_, sequence - 1));
    }
    next_ = sequence + 1;
    reserved_ = !printer_->event(sequence, event);
    return true;
}

ring::Ticket PullStream::published() {
    AEGIS_QUERY_REPLY reply;
    return query_driver(*setup_.device, kGraceAtTheEnd, reply) ? 0 : reply.Published;
}

}  // namespace aegis::agent
