#include "agent/client/ring_stream.hpp"

#include <span>

namespace aegis::agent {

RingStream::RingStream(const Setup& setup, RunControl& control, std::vector<std::unique_ptr<Printer>>& printers)
    : device_(setup.device),
      control_(&control),
      losses_(setup.losses),
      printers_(&printers),
      group_(setup.ring.memory, setup.start),
      listener_(setup.ring.listener()),
      watch_(*setup.device, group_, setup.ring.listener(), *setup.losses, setup.wakeup_batch) {}

void RingStream::run(std::size_t worker) {
    Printer& printer = *(*printers_)[worker];
    ring::GroupMember<> member(group_);
    ring::EventBuffer buffer;
    bool reserved = false;
    bool drained = false;
    int empty_looks = 0;
    std::optional<NoticedLoss> noticed_loss;

    take_note_of_progress(printer.counters());
    while (!drained && !printer.reader_has_left() && group_.cursor() < control_->limit()) {
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
                    look_for_losses(printer, noticed_loss);
                }
                watch_.call_help_if_behind();
                reserved =
                    !printer.event(buffer.ticket() + 1, {static_cast<const std::byte*>(buffer.data()), buffer.size()});
                break;
            case ring::ReadStatus::kLapped: {
                const ring::Loss& loss = member.last_loss();
                printer.counters().see_lag(loss.count + group_.lag());
                printer.loss(LostEvents::overwritten(loss.first + 1, loss.first + loss.count));
                break;
            }
            case ring::ReadStatus::kEmpty:
                tell_losses(printer);
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
        end_if_output_failed(printer);
    }
    tell_losses(printer);
    printer.flush();
    end_if_output_failed(printer);
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

void RingStream::look_for_losses(Printer& printer, std::optional<NoticedLoss>& noticed) {
    if (noticed && group_.cursor() > noticed->published) {
        printer.losses(losses_->take(noticed->counters));
        noticed.reset();
    }
    if (!noticed) {
        const LossCounters now = loss_counters(group_.memory());
        if (losses_->has_grown(now)) {
            noticed = NoticedLoss{now, published()};
        }
    }
}

void RingStream::end_if_output_failed(const Printer& printer) {
    if (printer.reader_has_left()) {
        control_->end(EndCause::kOutput, RunControl::kAtOnce);
    } else if (!printer.working() && !control_->ending()) {
        control_->end(EndCause::kOutput, published());
    }
}

// The cursor report is a lone relaxed store; when two workers cross, the older one stands until the next.
void RingStream::take_note_of_progress(Counters& counters) {
    counters.see_lag(group_.lag());
    listener_.report_cursor(group_.cursor());
}

}  // namespace aegis::agent
