#include "driver/host/sources/live_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driver/host/sources/nt_clock.hpp"

namespace aegis::host::sources {
namespace {

// "threads, images and handles": those that are wanted, one at least.
std::string name_of(const Tells& wanted) {
    std::vector<std::string_view> names;
    if (wanted.threads) {
        names.emplace_back("threads");
    }
    if (wanted.images) {
        names.emplace_back("images");
    }
    if (wanted.handles) {
        names.emplace_back("handles");
    }
    if (wanted.registry) {
        names.emplace_back("writes to sysctls");
    }
    const std::string_view last = names.back();
    names.pop_back();
    return names.empty() ? std::string(last) : fmt::format("{} and {}", fmt::join(names, ", "), last);
}

// Passes on what was asked for.
class Wanted final : public ActivitySink {
  public:
    Wanted(ActivitySink& sink, Tells wanted) : sink_(sink), wanted_(wanted) {}

    void process_started(const ProcessStart& start) override { sink_.process_started(start); }
    void process_ended(std::uint32_t pid, NtTime time, std::optional<std::int32_t> status) override {
        sink_.process_ended(pid, time, status);
    }
    void thread_started(const ThreadStart& start) override {
        if (wanted_.threads) {
            sink_.thread_started(start);
        }
    }
    void thread_ended(const ThreadEnd& end) override {
        if (wanted_.threads) {
            sink_.thread_ended(end);
        }
    }
    void image_loaded(const ImageLoaded& image) override {
        if (wanted_.images) {
            sink_.image_loaded(image);
        }
    }
    void handle_opened(const HandleOpened& handle) override { sink_.handle_opened(handle); }
    void registry_changed(const RegistryChanged& change) override {
        if (wanted_.registry) {
            sink_.registry_changed(change);
        }
    }
    void events_lost(std::uint64_t count) override { sink_.events_lost(count); }

  private:
    ActivitySink& sink_;
    Tells wanted_;
};

}  // namespace

std::optional<SourceError> LiveSource::start(ActivitySink& sink) {
    const PerfRecords wanted = wanted_.images ? PerfRecords::kThreadsAndImages : PerfRecords::kThreads;
    if (const std::optional<SourceError> error = rings_.open(wanted)) {
        std::optional<SourceError> failed = connector_.start(sink);
        if (!failed) {
            report_(fmt::format("{} are not seen: {}", name_of(wanted_), error->message));
        }
        return failed;
    }
    if (wanted_.registry) {
        open_sysctls();
    }
    const std::optional<SourceError> no_handles = wanted_.handles ? rings_.add_handle_calls() : std::nullopt;
    wanted_.handles = wanted_.handles && !no_handles;
    sink_ = std::make_unique<Wanted>(sink, wanted_);
    tracker_ = std::make_unique<ThreadTracker>(*sink_);
    tracker_->learn_existing();
    if (std::optional<SourceError> error = connector_.start(*this)) {
        return error;
    }
    if (no_handles) {
        report_(fmt::format("handles are not seen: {}", no_handles->message));
    }
    follower_ = std::thread([this] { follow_threads(); });
    return std::nullopt;
}

void LiveSource::open_sysctls() {
    std::optional<SourceError> error = sysctls_.open();
    ready_.reset(error ? -1 : epoll_create1(EPOLL_CLOEXEC));
    for (const int descriptor : {rings_.descriptor(), sysctls_.descriptor()}) {
        epoll_event interest{};
        interest.events = EPOLLIN;
        if (!error && epoll_ctl(ready_.get(), EPOLL_CTL_ADD, descriptor, &interest) != 0) {
            error = SourceError{fmt::format("cannot wait for them: {}", std::strerror(errno))};
        }
    }
    if (error) {
        wanted_.registry = false;
        ready_.reset();
        report_(fmt::format("writes to sysctls are not seen: {}", error->message));
    }
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
    while (stop_.keep_going(ready_ ? ready_.get() : rings_.descriptor(), timeout)) {
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
    if (wanted_.registry) {
        sysctls_.take(records_);
        std::stable_sort(records_.begin(), records_.end(), [](const PerfRecord& left, const PerfRecord& right) {
            return left.monotonic < right.monotonic;
        });
    }
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

void LiveSource::process_ended(std::uint32_t pid, NtTime time, std::optional<std::int32_t> status) {
    const std::lock_guard guard(mutex_);
    // The kernel recorded the exit of each thread before it told the connector.
    take_records();
    tracker_->process_ended(pid, time);
    sink_->process_ended(pid, time, status);
}

void LiveSource::thread_started(const ThreadStart& start) {
    const std::lock_guard guard(mutex_);
    sink_->thread_started(start);
}

void LiveSource::thread_ended(const ThreadEnd& end) {
    const std::lock_guard guard(mutex_);
    sink_->thread_ended(end);
}

void LiveSource::image_loaded(const ImageLoaded& image) {
    const std::lock_guard guard(mutex_);
    sink_->image_loaded(image);
}

void LiveSource::handle_opened(const HandleOpened& handle) {
    const std::lock_guard guard(mutex_);
    sink_->handle_opened(handle);
}

void LiveSource::registry_changed(const RegistryChanged& change) {
    const std::lock_guard guard(mutex_);
    sink_->registry_changed(change);
}

void LiveSource::events_lost(std::uint64_t count) {
    const std::lock_guard guard(mutex_);
    sink_->events_lost(count);
}

std::vector<Counter> LiveSource::counters() const {
    std::vector<Counter> all = connector_.counters();
    all.push_back({"perf_dropped", dropped_.load(std::memory_order_relaxed)});
    return all;
}

}  // namespace aegis::host::sources
