#include "agent/ring_stream.hpp"

#include <span>

namespace aegis::agent {

RingStream::RingStream(const Setup& setup, RunControl& control, std::vector<std::unique_ptr<Printer>>& printers)
    : device_(setup.device),
      control_(&control),
      printers_(&printers),
      group_(setup.ring.memory, setup.start),
      listener_(setup.ring.listener()),
      watch_(*setup.device, group_, setup.ring.listener(), setup.wakeup_batch) {}

void RingStream::run(std::size_t worker) {
    Printer& printer = *(*printers_)[worker];
    ring::GroupMember<> member(group_);
    ring::EventBuffer buffer;
    bool reserved = false;
    bool drained = false;
    int empty_looks = 0;

    take_note_of_progress(printer.counters());
    while (!drained && printer.working() && group_.cursor() < control_->limit()) {
        reserved = reserved || control_->reserve_line();
        if (!reserved) {
            break;
        }
        // Asked before the ring is: what was published before an end that comes after the look is still read.
        const bool last_look = control_->ending();
        switch (member.read(buffer)) {
            case ring::ReadStatus::kEvent:
                empty_looks = 0;
                if (buffer.ticket() % kReportInterval == 0) {
                    take_note_of_progress(printer.counters());
                }
                watch_.call_help_if_behind();
                reserved =
                    !printer.event(buffer.ticket() + 1, {static_cast<const std::byte*>(buffer.data()), buffer.size()});
                break;
            case ring::ReadStatus::kLapped: {
                const ring::Loss& loss = member.last_loss();
                printer.counters().see_lag(loss.count + group_.lag());
                printer.loss({loss.first + 1, loss.first + loss.count});
                break;
            }
            case ring::ReadStatus::kEmpty:
                printer.flush();
                if (last_look || control_->ending()) {
                    drained = last_look;
                } else if (++empty_looks < kLooksBeforeSleep) {
                    ring::pause_after_empty_poll();
                } else {
                    empty_looks = 0;
                    sleep(printer.counters());
                }
                break;
        }
    }
    printer.flush();
    if (!printer.working()) {
        control_->end(EndCause::kOutput, RunControl::kAtOnce);
    }
    watch_.call_one();
    control_->leave();
}

void RingStream::sleep(Counters& counters) {
    if (group_.memory().load_state() == AEGIS_RING_CLOSING) {
        // Who sees "closing" sees every event before it: one more look reads them all.
        control_->end(EndCause::kDriverGone, everything());
        return;
    }
    take_note_of_progress(counters);
    switch (watch_.sleep()) {
        case DoorbellWatch::Outcome::kLookAgain:
            break;
        case DoorbellWatch::Outcome::kWoken:
            counters.add_wakeup();
            counters.see_lag(group_.lag());
            break;
        case DoorbellWatch::Outcome::kInterrupted:
            control_->end_interrupted(*device_, published());
            break;
        case DoorbellWatch::Outcome::kDriverGone:
            control_->end(EndCause::kDriverGone, everything());
            break;
    }
}

// The cursor report is a lone relaxed store; when two workers cross, the older one stands until the next.
void RingStream::take_note_of_progress(Counters& counters) {
    counters.see_lag(group_.lag());
    listener_.report_cursor(group_.cursor());
}

}  // namespace aegis::agent
