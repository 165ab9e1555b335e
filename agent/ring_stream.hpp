// Reading from mapped memory: no system call while there are events.
#pragma once

#include <memory>
#include <vector>

#include "aegis/ring/consumer_group.hpp"
#include "agent/channel.hpp"
#include "agent/doorbell_watch.hpp"
#include "agent/event_stream.hpp"
#include "agent/printer.hpp"
#include "agent/run_control.hpp"

namespace aegis::agent {

class RingStream final : public EventStream {
  public:
    struct Setup {
        Device* device;
        MappedRing ring;
        ring::Ticket start;
        std::uint64_t wakeup_batch;  // at most the slot count
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
    // How often, in events, a busy worker looks at its lag and reports its cursor.
    static constexpr ring::Ticket kReportInterval = 64;

    // The limit that leaves nothing behind: a producer that died between an event and its count leaves the count one
    // behind.
    ring::Ticket everything() { return published() + 1; }

    void sleep(Counters& counters);
    void take_note_of_progress(Counters& counters);

    Device* device_;
    RunControl* control_;
    std::vector<std::unique_ptr<Printer>>* printers_;
    ring::ConsumerGroup<> group_;
    ring::DoorbellListener<> listener_;  // report_cursor only
    DoorbellWatch watch_;
};

}  // namespace aegis::agent
