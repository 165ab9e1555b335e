#include "driver/host/sources/synthetic_source.hpp"

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <limits>
#include <utility>

#include "driver/host/sources/nt_clock.hpp"

namespace aegis::host::sources {
namespace {

constexpr auto kSecond = static_cast<double>(kNanosecondsPerSecond);
// How often a fast source wakes: what falls due in between is delivered as one batch.
constexpr double kBatchNanoseconds = 1e6;
// Events between two looks at the stop signal.
constexpr std::uint64_t kMostAtOnce = 1024;

}  // namespace

std::optional<SourceError> SyntheticSource::start(ActivitySink& sink) {
    thread_ = std::thread([this, &sink] { run(sink); });
    return std::nullopt;
}

void SyntheticSource::stop() {
    stop_.set();
    if (thread_.joinable()) {
        thread_.join();
    }
}

std::uint64_t SyntheticSource::due(std::int64_t elapsed) const {
    const std::uint64_t most = options_.count == 0 ? std::numeric_limits<std::uint64_t>::max() : options_.count;
    if (options_.rate == 0) {
        return most;
    }
    const double events = static_cast<double>(elapsed) * options_.rate / kSecond;
    return std::min(most, static_cast<std::uint64_t>(events));
}

void SyntheticSource::run(ActivitySink& sink) {
    const std::int64_t begin = clock_nanoseconds(CLOCK_MONOTONIC);
    const double period = options_.rate == 0 ? 0 : std::max(kBatchNanoseconds, kSecond / options_.rate);
    std::uint64_t done = 0;
    std::int64_t pause = 0;
    while (stop_.keep_going(-1, pause)) {
        const std::int64_t elapsed = clock_nanoseconds(CLOCK_MONOTONIC) - begin;
        const std::uint64_t wanted = due(elapsed);
        const std::uint64_t batch = std::min(wanted - std::min(wanted, done), kMostAtOnce);
        for (std::uint64_t i = 0; i < batch; ++i) {
            deliver(sink);
        }
        done += batch;
        if (options_.count != 0 && done == options_.count) {
            return;
        }
        pause = batch == kMostAtOnce || options_.rate == 0 ? 0 : static_cast<std::int64_t>(period);
    }
}

void SyntheticSource::queue(SyntheticEvent event) {
    const auto add = [this](const auto& all) { next_.insert(next_.end(), all.begin(), all.end()); };
    if (!event.is_start) {
        if (options_.threads) {
            add(threads_.before_end_of(event.pid));
        }
        next_.emplace_back(std::move(event));
        return;
    }
    next_.emplace_back(event);
    const std::vector<SyntheticThread> threads =
        options_.threads ? threads_.after(event) : std::vector<SyntheticThread>();
    if (options_.handles) {
        add(handles_.after(event));
    }
    // The first thread loads the images, and makes the others when it has.
    if (!threads.empty()) {
        next_.emplace_back(threads.front());
    }
    if (options_.images) {
        add(images_.after(event));
    }
    if (options_.registry) {
        add(registry_.after(event));
    }
    for (std::size_t i = 1; i < threads.size(); ++i) {
        next_.emplace_back(threads[i]);
    }
}

void SyntheticSource::deliver(ActivitySink& sink) {
    if (next_.empty()) {
        queue(generator_.next());
    }
    if (const auto* const thread = std::get_if<SyntheticThread>(&next_.front())) {
        deliver_thread(*thread, sink);
    } else if (const auto* const image = std::get_if<SyntheticImage>(&next_.front())) {
        deliver_image(*image, sink);
    } else if (const auto* const handle = std::get_if<SyntheticHandle>(&next_.front())) {
        deliver_handle(*handle, sink);
    } else if (const auto* const change = std::get_if<SyntheticRegistryChange>(&next_.front())) {
        deliver_registry(*change, sink);
    } else {
        deliver_process(std::get<SyntheticEvent>(next_.front()), sink);
    }
    next_.pop_front();
    delivered_.fetch_add(1, std::memory_order_relaxed);
}

void SyntheticSource::deliver_process(const SyntheticEvent& event, ActivitySink& sink) {
    if (event.is_start) {
        const NtTime now = nt_now();
        sink.process_started({.pid = event.pid,
                              .parent = event.parent,
                              .creator = event.creator,
                              .image = event.image,
                              .image_exact = event.image_exact,
                              .command_line = event.command_line,
                              .owner = ProcessOwner{.uid = event.uid, .session = event.session},
                              .created = now,
                              .time = now});
    } else {
        sink.process_ended(event.pid, nt_now(), event.status);
    }
}

void SyntheticSource::deliver_thread(const SyntheticThread& thread, ActivitySink& sink) {
    if (thread.is_start) {
        sink.thread_started({.pid = thread.pid,
                             .tid = thread.tid,
                             .creator = thread.creator,
                             .creator_tid = thread.creator_tid,
                             .start_address = thread.start_address,
                             .time = nt_now()});
    } else {
        sink.thread_ended({.pid = thread.pid, .tid = thread.tid, .status = thread.status, .time = nt_now()});
    }
}

void SyntheticSource::deliver_image(const SyntheticImage& image, ActivitySink& sink) {
    sink.image_loaded({.pid = image.pid,
                       .tid = threads_.first_of(image.pid),
                       .path = image.path,
                       .path_exact = image.exact,
                       .base = image.base,
                       .size = image.size,
                       .time = nt_now()});
}

void SyntheticSource::deliver_handle(const SyntheticHandle& handle, ActivitySink& sink) {
    sink.handle_opened({.pid = handle.pid,
                        .tid = threads_.first_of(handle.pid),
                        .target = handle.target,
                        .target_tid = handle.of_thread ? threads_.first_of(handle.target) : 0,
                        .access = handle.access,
                        .made = true,
                        .duplicate = handle.duplicate,
                        .source = handle.source,
                        .destination = handle.destination,
                        .time = nt_now()});
}

void SyntheticSource::deliver_registry(const SyntheticRegistryChange& change, ActivitySink& sink) {
    sink.registry_changed({.pid = change.pid,
                           .tid = threads_.first_of(change.pid),
                           .kind = change.kind,
                           .key = change.key,
                           .name = change.name,
                           .type = change.type,
                           .data = change.data,
                           .data_bytes = change.data.size(),
                           .time = nt_now()});
}

std::vector<Counter> SyntheticSource::counters() const {
    return {{"events", delivered_.load(std::memory_order_relaxed)}};
}

}  // namespace aegis::host::sources
