#include "driver/host/sources/connector_source.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "driver/host/sources/nt_clock.hpp"

namespace aegis::host::sources {
namespace {

constexpr std::int64_t kReportIntervalNanoseconds = 1'000'000'000;

}  // namespace

ConnectorSource::ConnectorSource(Report report, ImageReader read_image)
    : report_(std::move(report)), read_image_(read_image) {}

ConnectorSource::~ConnectorSource() {
    stop();
}

std::optional<SourceError> ConnectorSource::start(ActivitySink& sink) {
    if (std::optional<SourceError> error = socket_.open()) {
        return error;
    }
    record_programs();
    sink_ = &sink;
    tracker_ = std::make_unique<ProcessTracker>(sink);
    // The reader first: what happens while the existing processes are looked at must not wait.
    reader_ = std::thread([this] { read_events(); });
    tracker_->learn_existing();
    worker_ = std::thread([this] { track(); });
    return std::nullopt;
}

void ConnectorSource::stop() {
    stop_.set();
    if (reader_.joinable()) {
        reader_.join();
    }
    if (worker_.joinable()) {
        worker_.join();
    }
}

void ConnectorSource::raise_priority() {
    const sched_param lowest_real_time = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    if (const int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &lowest_real_time)) {
        report_(
            fmt::format("connector: no real-time priority ({}; needs CAP_SYS_NICE): under load, the path of very "
                        "short processes can be missing",
                        std::strerror(error)));
    }
}

void ConnectorSource::record_programs() {
    if (const std::optional<std::string> error = recorder_.start()) {
        report_(
            fmt::format("connector: no record of started programs ({}; needs CAP_SYS_ADMIN): the path of processes "
                        "that end before it is read will be missing",
                        *error));
    }
}

void ConnectorSource::read_exec(std::uint32_t pid, ActivityRecord& record) {
    // First, because the process may be about to end; the record does not go away.
    ImageBytes seen = read_image_(pid);
    record.details = read_details(pid);
    recorder_.receive();
    record.image = recorder_.image_of_exec(pid, std::move(seen));
}

void ConnectorSource::read_events() {
    raise_priority();
    std::vector<ActivityRecord> records;
    bool reported_denial = false;
    bool overrun = false;
    while (stop_.keep_going(socket_.descriptor(), overrun ? 0 : -1)) {
        const std::uint64_t dropped_before = socket_.dropped();
        const std::uint64_t overruns_before = socket_.overruns();
        std::span<const KernelEvent> events;
        const bool drained = !socket_.receive(events);
        overrun = overrun || socket_.overruns() != overruns_before;
        if (overrun && drained) {
            // How much was dropped shows by the next numbers, for which there is room again.
            overrun = false;
            ConnectorSocket::touch_every_cpu();
        }
        for (const KernelEvent& event : events) {
            ActivityRecord& record = records.emplace_back();
            record.event = event;
            if (event.kind == KernelEventKind::kExec) {
                read_exec(event.process, record);
                images_unknown_.fetch_add(record.image.exact ? 0 : 1, std::memory_order_relaxed);
                if (record.image.denied && !std::exchange(reported_denial, true)) {
                    report_(
                        "connector: the path of other users' processes cannot be read (needs CAP_SYS_PTRACE); "
                        "they are reported by their short name");
                }
            } else if (event.kind == KernelEventKind::kExit && event.thread == event.process) {
                // Received first: what a failed exec left in the queue must not be taken for the next
                // process of this number.
                recorder_.receive();
                recorder_.forget(event.process);
            }
        }
        queue_.push(records, socket_.dropped() - dropped_before);
        kernel_dropped_.store(socket_.dropped(), std::memory_order_relaxed);
        kernel_overruns_.store(socket_.overruns(), std::memory_order_relaxed);
    }
}

bool ConnectorSource::tell_lost(std::uint64_t events) {
    if (events != 0) {
        sink_->events_lost(events);
    }
    return events != 0;
}

void ConnectorSource::track() {
    std::vector<ActivityRecord> records;
    bool lost = false;
    std::int64_t timeout = -1;
    while (stop_.keep_going(queue_.descriptor(), timeout)) {
        const std::uint64_t lost_at_the_end = queue_.take(records);
        for (const ActivityRecord& record : records) {
            lost = tell_lost(record.lost_before) || lost;
            tracker_->apply(record.event, record.image, record.details);
        }
        lost = tell_lost(lost_at_the_end) || lost;
        const std::int64_t now = clock_nanoseconds(CLOCK_MONOTONIC);
        tracker_->expire(now);
        report_losses(now);
        // Only once nothing is queued any more, or ends that are on their way would be taken for missed.
        if (lost && records.empty()) {
            lost = false;
            tracker_->reconcile(now);
        }
        timeout = lost ? kForkGraceNanoseconds : -1;
        if (const std::optional<std::int64_t> deadline = tracker_->next_deadline()) {
            const std::int64_t until = std::max<std::int64_t>(*deadline - now, 0);
            timeout = timeout < 0 ? until : std::min(timeout, until);
        }
    }
}

std::uint64_t ConnectorSource::losses() const {
    return kernel_dropped_.load(std::memory_order_relaxed) + queue_.dropped();
}

void ConnectorSource::report_losses(std::int64_t now) {
    const std::uint64_t lost = losses();
    if (lost != losses_reported_ && now - last_report_ >= kReportIntervalNanoseconds) {
        losses_reported_ = lost;
        last_report_ = now;
        report_(fmt::format("connector: {} process events lost so far, before they reached the driver", lost));
    }
}

std::vector<Counter> ConnectorSource::counters() const {
    return {{"kernel_dropped", kernel_dropped_.load(std::memory_order_relaxed)},
            {"kernel_overruns", kernel_overruns_.load(std::memory_order_relaxed)},
            {"queue_dropped", queue_.dropped()},
            {"images_unknown", images_unknown_.load(std::memory_order_relaxed)}};
}

}  // namespace aegis::host::sources
