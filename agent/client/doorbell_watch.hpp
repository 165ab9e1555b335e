// Who of the workers sleeps on the doorbell.
//
// A process has one doorbell. Of the workers that find the ring empty, one keeps watch: it arms the bell and sleeps
// on the driver's event. The others rest on a condition variable, which costs nothing, until the backlog is worth a
// second worker. Somebody is always awake or on watch, so no event waits for a resting worker.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "aegis/ring/consumer_group.hpp"
#include "aegis/ring/doorbell.hpp"
#include "agent/client/loss_watch.hpp"
#include "agent/port/port.hpp"

namespace aegis::agent {

class DoorbellWatch {
  public:
    // How long a watch for a batch sleeps while the batch is incomplete.
    static constexpr std::chrono::milliseconds kBatchTimeout{100};
    // A worker with more events than this before it calls a resting one.
    static constexpr std::uint64_t kHelpFrom = 64;

    enum class Outcome : std::uint8_t {
        kLookAgain,    // there may be something to read; nobody slept
        kWoken,        // slept, and there may be something to read
        kInterrupted,  // the program ends
        kDriverGone,
    };

    // `batch`: events that must wait before the bell rings; the ring must keep as many. A loss that nobody has told yet
    // rings it at once. Everything outlives this.
    DoorbellWatch(Device& device, const ring::ConsumerGroup<>& group, ring::DoorbellListener<> listener,
                  const LossWatch& losses, std::uint64_t batch)
        : device_(&device), group_(&group), listener_(listener), losses_(&losses), batch_(batch) {}

    // For a worker that found the ring empty and has written what it had.
    Outcome sleep();

    // For a worker that has just read an event: wakes one that rests when there is more than one worker's work.
    void call_help_if_behind() {
        if (resting_.load(std::memory_order_relaxed) != 0 && group_->lag() >= kHelpFrom) {
            call_one();
        }
    }

    // For a worker that leaves for good: another one takes its place, also on watch.
    void call_one();

    // Wakes all that rest; nobody rests any more.
    void dismiss();

  private:
    Outcome keep_watch();
    // Waits, with the bell armed, until `batch` events from `cursor` on are there, or as long as a watch may take.
    WaitStatus wait_for(ring::Ticket cursor, std::uint64_t batch);

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
    bool dismissed_ = false;
    std::size_t calls_ = 0;
};

}  // namespace aegis::agent
