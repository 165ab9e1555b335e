// Who of the readers sleeps on the doorbell.
//
// A handle of the driver has one doorbell. Of the readers that find the ring empty, one keeps watch: it arms the bell
// and sleeps on the driver's event. The others rest on a condition variable, which costs nothing, until the backlog is
// worth a second reader, or until the one on watch goes to its caller with what it found and leaves the watch to one of
// them. So while somebody rests somebody else keeps watch, or is about to, whatever the callers do between their calls.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "aegis/ring/consumer_group.hpp"
#include "aegis/ring/doorbell.hpp"
#include "agent/client/device.hpp"
#include "agent/client/loss_watch.hpp"

namespace aegis::client {

class DoorbellWatch {
  public:
    // How long a watch for a batch sleeps while the batch is incomplete.
    static constexpr std::chrono::milliseconds kBatchTimeout{100};
    // A reader with more events than this before it calls a resting one.
    static constexpr std::uint64_t kHelpFrom = 64;

    enum class Outcome : std::uint8_t {
        kLookAgain,  // there may be something to read; nobody slept
        kWoken,      // slept, and there may be something to read
        kTimeout,    // the deadline has come
        kInterrupted,
        kStopping,
        kDriverGone,
    };

    using Clock = std::chrono::steady_clock;
    using Deadline = std::optional<Clock::time_point>;

    // `batch`: events that must wait before the bell rings; the ring must keep as many. A loss that nobody has told yet
    // rings it at once. Everything outlives this.
    DoorbellWatch(Device& device, const ring::ConsumerGroup<>& group, ring::DoorbellListener<> listener,
                  const LossWatch& losses, std::uint64_t batch)
        : device_(&device), group_(&group), listener_(listener), losses_(&losses), batch_(batch) {}

    // For a reader that found the ring empty. None: until something happens.
    Outcome sleep(Deadline deadline);

    // For a reader that has just read an event: wakes one that rests when there is more than one reader's work.
    void call_help_if_behind() {
        if (resting_.load(std::memory_order_relaxed) != 0 && group_->lag() >= kHelpFrom) {
            call_one();
        }
    }

    // For a reader that has slept and goes to its caller: another one takes its place. The relaxed look is enough: who
    // rested before this one left its place did so before this one had the mutex, and who comes later finds the place
    // free.
    void hand_over() {
        if (resting_.load(std::memory_order_relaxed) != 0) {
            call_one();
        }
    }

  private:
    void call_one();
    Outcome rest(std::unique_lock<std::mutex>& lock, Deadline deadline);
    Outcome keep_watch(Deadline deadline);
    // Waits, with the bell armed, until `batch` events from `cursor` on are there, or as long as a watch may take.
    WaitStatus wait_for(ring::Ticket cursor, std::uint64_t batch, Deadline deadline);

    // There is a loss to tell.
    bool lost_more() const { return losses_->has_grown(loss_counters(group_->memory())); }

    Device* device_;
    const ring::ConsumerGroup<>* group_;
    ring::DoorbellListener<> listener_;  // arm and disarm: by the watch alone
    const LossWatch* losses_;
    const std::uint64_t batch_;
    bool quiet_ = false;  // the last watch for a batch saw nothing at all; used by the watch alone

    std::mutex mutex_;
    std::condition_variable called_;
    // Written under mutex_. Relaxed reads outside it are hints.
    std::atomic<std::size_t> resting_{0};
    // Guarded by mutex_.
    bool watched_ = false;
    std::size_t calls_ = 0;
};

}  // namespace aegis::client
