// Reading by IOCTL at intervals, for a process that cannot map the ring or was told not to.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/app/log.hpp"
#include "agent/app/printer.hpp"
#include "agent/app/run_control.hpp"
#include "agent/client/channel.hpp"
#include "agent/client/event_stream.hpp"
#include "agent/client/loss_watch.hpp"
#include "agent/client/sequence.hpp"
#include "agent/config/options.hpp"

namespace aegis::agent {

// One worker. Buffers follow each other without a pause while they come back full.
class PullStream final : public EventStream {
  public:
    static constexpr std::size_t kBufferBytes = std::size_t{64} << 10U;

    struct Setup {
        Port* port;
        Device* device;
        Log* log;
        std::chrono::milliseconds interval;
        StartAt from;
        std::uint64_t published;  // when the device was opened
        std::chrono::nanoseconds request_limit;
        LossWatch* losses;
    };

    // Everything outlives this.
    PullStream(const Setup& setup, RunControl& control, Printer& printer);

    void run(std::size_t worker) override;
    ring::Ticket published() override;
    std::uint64_t lag() const override { return backlog_.load(std::memory_order_relaxed); }
    void dismiss() override {}

  private:
    enum class Pulled : std::uint8_t {
        kAll,   // the driver has no more for now
        kMore,  // the buffer came back full
        kEnd,   // stop reading
    };

    Pulled pull();
    Pulled fail(const IoResult& result);
    Pulled wait_on(const IoResult& result);
    // False when --count is used up.
    bool reserve();
    // Asks the driver what it lost since the last look of this kind.
    void tell_losses();
    void end_if_output_failed();
    void pause();
    // False when no further event is wanted.
    bool print_all(std::span<const std::byte> events);
    bool print(std::uint64_t sequence, std::span<const std::byte> event);
    void find_start(std::span<const std::byte> first_events);

    Setup setup_;
    RunControl* control_;
    Printer* printer_;
    SequenceWidener widener_;
    std::optional<std::uint64_t> next_;  // the 64-bit sequence that must follow what was seen
    bool reserved_ = false;
    bool unanswered_ = false;                // said so
    std::uint64_t since_pause_ = 0;          // events that one poll brought, over all its buffers
    std::atomic<std::uint64_t> backlog_{0};  // the same, of the last poll that is over
    std::vector<std::byte> buffer_;
};

}  // namespace aegis::agent
