// Reading from mapped memory: no system call while there are events.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "aegis/ring/consumer_group.hpp"
#include "agent/app/printer.hpp"
#include "agent/app/run_control.hpp"
#include "agent/client/channel.hpp"
#include "agent/client/doorbell_watch.hpp"
#include "agent/client/event_stream.hpp"
#include "agent/client/loss_watch.hpp"

namespace aegis::agent {

class RingStream final : public EventStream {
  public:
    struct Setup {
        Device* device;
        MappedRing ring;
        ring::Beginning start;
        std::uint64_t wakeup_batch;  // the ring keeps as many
        LossWatch* losses;
    };

    // One printer per worker. Everything outlives this.
    RingStream(const Setup& setup, RunControl& control, std::vector<std::unique_ptr<Printer>>& printers);

    void run(std::size_t worker) override;
    ring::Ticket published() override { return group_.memory().load_published(); }
    std::uint64_t lag() const override { return group_.lag(); }
    void dismiss() override { watch_.dismiss(); }

  private:
    // An empty ring is looked at this often, with a pause in between, before a worker goes to sleep.
    static constexpr int kLooksBeforeSleep = 4;
    // How often, in events, a busy worker looks at its lag, at what the driver lost, and reports its cursor.
    static constexpr ring::Ticket kReportInterval = 64;

    // The limit that leaves nothing behind: a producer that died between an event and its count leaves the count one
    // behind.
    ring::Ticket everything() { return published() + 1; }

    // A loss that a busy worker has noticed, and will tell behind what was published by then: it happened before that,
    // and its line is not to stand before events that came before it.
    struct NoticedLoss {
        LossCounters counters;
        ring::Ticket published;
    };

    // For a worker with nothing to read before it.
    void tell_losses(Printer& printer) { printer.losses(losses_->take(loss_counters(group_.memory()))); }
    // For one that is busy.
    void look_for_losses(Printer& printer, std::optional<NoticedLoss>& noticed);
    // Nobody wants what a reader that has left did not read. After any other failure what was published by then is
    // still read, and counted as unwritten.
    void end_if_output_failed(const Printer& printer);
    void sleep(Counters& counters);
    void take_note_of_progress(Counters& counters);

    Device* device_;
    RunControl* control_;
    LossWatch* losses_;
    std::vector<std::unique_ptr<Printer>>* printers_;
    ring::ConsumerGroup<> group_;
    ring::DoorbellListener<> listener_;  // report_cursor only
    DoorbellWatch watch_;
};

}  // namespace aegis::agent
