#include "driver/host/sources/live_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <optional>

#include "driver/host/sources/nt_clock.hpp"

namespace aegis::host::sources {

std::optional<SourceError> LiveSource::start(ActivitySink& sink) {
    if (const std::optional<SourceError> error = rings_.open()) {
        std::optional<SourceError> failed = connector_.start(sink);
        if (!failed) {
            report_(fmt::format("threads are not seen: {}", error->message));
        }
        return failed;
    }
    sink_ = &sink;
    tracker_ = std::make_unique<ThreadTracker>(sink);
    tracker_->learn_existing();
    if (std::optional<SourceError> error = connector_.start(*this)) {
        return error;
    }
    follower_ = std::thread([this] { follow_threads(); });
    return std::nullopt;
}

void LiveSource::stop() {
    connector_.stop();
    stop_.set();
    if (follower_.joinable()) {
        follower_.join();
        const std::lock_guard guard(mutex_);
        take_records();
    }
}

void LiveSource::follow_threads() {
    std::int64_t timeout = -1;
    while (stop_.keep_going(rings_.descriptor(), timeout)) {
        const std::lock_guard guard(mutex_);
        take_records();
        const std::int64_t now = clock_nanoseconds(CLOCK_MONOTONIC);
        tracker_->expire(now);
        const std::optional<std::int64_t> deadline = tracker_->next_deadline();
        timeout = deadline ? std::max<std::int64_t>(*deadline - now, 0) : -1;
    }
}

void LiveSource::take_records() {
    rings_.take(records_);
    for (const PerfRecord& record : records_) {
        dropped_.fetch_add(record.lost, std::memory_order_relaxed);
        tracker_->apply(record);
    }
}

void LiveSource::process_started(const ProcessStart& start) {
    const std::lock_guard guard(mutex_);
    // The kernel recorded the fork before the process could begin.
    take_records();
    sink_->process_started(start);
    tracker_->process_started(start);
}

void LiveSource::process_ended(std::uint32_t pid, NtTime time) {
    const std::lock_guard guard(mutex_);
    // The kernel recorded the exit of each thread before it told the connector.
    take_records();
    tracker_->process_ended(pid, time);
    sink_->process_ended(pid, time);
}

void LiveSource::thread_started(const ThreadStart& start) {
    const std::lock_guard guard(mutex_);
    sink_->thread_started(start);
}

void LiveSource::thread_ended(const ThreadEnd& end) {
    const std::lock_guard guard(mutex_);
    sink_->thread_ended(end);
}

void LiveSource::events_lost(std::uint64_t count) {
    const std::lock_guard guard(mutex_);
    sink_->events_lost(count);
}

std::vector<Counter> LiveSource::counters() const {
    std::vector<Counter> all = connector_.counters();
    all.push_back({"threads_dropped", dropped_.load(std::memory_order_relaxed)});
    return all;
}

}  // namespace aegis::host::sources
