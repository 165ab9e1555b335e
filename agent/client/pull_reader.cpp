#include "agent/client/pull_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace aegis::client {
namespace {

using Clock = std::chrono::steady_clock;

AEGIS_EVENT_HEADER header_at(std::span<const std::byte> bytes) {
    AEGIS_EVENT_HEADER header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    return header;
}

// Whether the next event can be found behind this one.
bool has_stride(std::span<const std::byte> bytes) {
    if (bytes.size() < sizeof(AEGIS_EVENT_HEADER)) {
        return false;
    }
    const std::size_t size = header_at(bytes).Size;
    return size >= sizeof(AEGIS_EVENT_HEADER) && size <= bytes.size();
}

std::uint64_t count_events(std::span<const std::byte> bytes) {
    std::uint64_t count = 0;
    for (; has_stride(bytes); bytes = bytes.subspan(header_at(bytes).Size)) {
        ++count;
    }
    return count;
}

}  // namespace

void PulledRun::skip() {
    while (rest_.size() >= sizeof(AEGIS_EVENT_HEADER)) {
        sequence_ = widener_.widen(header_at(rest_).Sequence);
        if (sequence_ > skipped_) {
            return;
        }
        rest_ = has_stride(rest_) ? rest_.subspan(header_at(rest_).Size) : std::span<const std::byte>();
    }
}

// Behind an event without a possible size nothing can be found: it takes the rest, and what it hides shows as a gap.
aegis_item PulledRun::take() {
    if (rest_.size() < sizeof(AEGIS_EVENT_HEADER)) {
        return event_item(next_.value_or(0), std::exchange(rest_, {}));
    }
    if (next_ && sequence_ > *next_) {
        const std::uint64_t first = *std::exchange(next_, sequence_);
        return overwritten_item(first, sequence_ - 1);
    }
    const std::uint64_t sequence = sequence_;
    const std::span<const std::byte> event = has_stride(rest_) ? rest_.first(header_at(rest_).Size) : rest_;
    rest_ = rest_.subspan(event.size());
    next_ = sequence + 1;
    skip();
    return event_item(sequence, event);
}

PullStream::PullStream(Channel opened, const ReadingOptions& reading)
    : Stream(std::move(opened), reading), widener_(channel().at_open.Published) {}

std::unique_ptr<Reader> PullStream::make_reader() {
    return std::make_unique<PullReader>(*this);
}

std::int32_t PullStream::fill(PulledEvents& events, UntoldLosses& losses, Counters& counters, Deadline deadline,
                              bool waits, const End& end, std::string& error) {
    if (!turns_.take(deadline)) {
        return 0;
    }
    const Turn turn(turns_);
    while (true) {
        if (take_left_over(events)) {
            return 1;
        }
        // Without a wait the driver is asked whatever it said last; with one, when it is time.
        if (!waits || !dry_) {
            if (const std::int32_t result = ask(events, counters, error); result != 0) {
                return result;
            }
        }
        if (dry_ && !std::exchange(losses_asked_, true)) {
            tell_losses(losses);
            if (losses.waiting()) {
                return 1;
            }
        }
        if (end.result != AEGIS_OK) {
            return end.result;
        }
        if (look_at_device()) {
            return 0;
        }
        if (!waits || (deadline && Clock::now() >= *deadline)) {
            return 0;
        }
        if (dry_) {
            if (const std::int32_t result = pause(counters, deadline); result != 0) {
                return result;
            }
        }
    }
}

// 1: there are events. 0: there are none.
std::int32_t PullStream::ask(PulledEvents& events, Counters& counters, std::string& error) {
    const IoResult result = device().control(AEGIS_IOCTL_GET_EVENTS, {}, events.buffer, options().request_limit);
    switch (result.status) {
        case IoStatus::kOk:
            break;
        case IoStatus::kNoAnswer:
        case IoStatus::kInterrupted:
            error = no_answer(device(), "IOCTL_AEGIS_GET_EVENTS", result, options().request_limit).text;
            return AEGIS_NO_ANSWER;
        case IoStatus::kDriverGone:
            end_gone();
            return AEGIS_GONE;
        default:
            error = fmt::format("IOCTL_AEGIS_GET_EVENTS failed: {}; see the driver's own messages, then try again",
                                device().describe(result.code));
            return AEGIS_ERROR_FAILED;
    }
    const std::span<const std::byte> bytes = std::span(events.buffer).first(result.bytes);
    const std::uint64_t count = count_events(bytes);
    if (!next_) {
        find_start(count);
    }
    const std::uint64_t skipped = options().start == AEGIS_START_NOW ? channel().at_open.Published : 0;
    events.run.emplace(bytes, widener_, next_, skipped);
    // The others go on behind what this reader has.
    PulledRun behind = *events.run;
    while (!behind.empty()) {
        behind.take();
    }
    widener_ = behind.widener();
    next_ = behind.next();
    since_pause_ += count;
    dry_ = events.buffer.size() - bytes.size() >= AEGIS_MAX_EVENT_SIZE;
    losses_asked_ = false;
    asked_ = Clock::now();
    if (dry_) {
        counters.see_lag(since_pause_);
    }
    return events.has_some() ? 1 : 0;
}

// Until it is time to ask again.
std::int32_t PullStream::pause(Counters& counters, Deadline deadline) {
    const Clock::time_point due = asked_ + options().poll_interval;
    const Clock::time_point until = deadline ? std::min(due, *deadline) : due;
    backlog_.store(std::exchange(since_pause_, 0), std::memory_order_relaxed);
    switch (device().wait(std::max<std::chrono::nanoseconds>(until - Clock::now(), std::chrono::nanoseconds(0)))) {
        case WaitStatus::kInterrupted:
            return AEGIS_INTERRUPTED;
        case WaitStatus::kStopping:
        case WaitStatus::kDriverGone:
            dry_ = false;
            return 0;
        case WaitStatus::kSignalled:
        case WaitStatus::kTimeout:
            break;
    }
    if (Clock::now() >= due) {
        Counters::add(counters.wakeups, 1);
        dry_ = false;
    }
    return 0;
}

void PullStream::tell_losses(UntoldLosses& losses) {
    AEGIS_QUERY_REPLY reply;
    // A driver that does not answer is found out by the next question for events.
    if (!query(options().request_limit, reply)) {
        losses.take(loss_counters(reply));
    }
}

// The driver's place for this handle was set when the handle was opened. What was overwritten before the first pull
// leaves no gap between two events; only the driver's own count of it shows it.
void PullStream::find_start(std::uint64_t first_events) {
    if (options().start == AEGIS_START_NOW) {
        next_ = channel().at_open.Published + 1;
        start_.store(*next_, std::memory_order_relaxed);
        return;
    }
    AEGIS_QUERY_REPLY reply;
    if (query(options().request_limit, reply)) {
        return;
    }
    const AEGIS_CONSUMER_INFO* own = nullptr;
    for (const AEGIS_CONSUMER_INFO& row : reply.Consumers) {
        if (row.Transport == AEGIS_TRANSPORT_PULL && row.ProcessId == device().process_id()) {
            if (own != nullptr) {
                return;
            }
            own = &row;
        }
    }
    if (own != nullptr) {
        next_ = own->Cursor - own->Lost - first_events + 1;
        start_.store(*next_, std::memory_order_relaxed);
    }
}

// Whether it has something to say that ends reading; makes it known to all.
bool PullStream::look_at_device() {
    if (end().result != AEGIS_OK) {
        return false;
    }
    switch (device().look()) {
        case WaitStatus::kStopping:
            stop();
            return true;
        case WaitStatus::kDriverGone:
            end_gone();
            return true;
        default:
            return false;
    }
}

bool PullStream::take_left_over(PulledEvents& events) {
    const std::scoped_lock lock(mutex_);
    if (left_over_.empty()) {
        return false;
    }
    events = std::move(*left_over_.back());
    left_over_.pop_back();
    return true;
}

void PullStream::give_back(std::unique_ptr<PulledEvents> events) {
    const std::scoped_lock lock(mutex_);
    left_over_.push_back(std::move(events));
}

PullReader::~PullReader() {
    if (events_->has_some()) {
        stream_->give_back(std::move(events_));
    }
    stream_->retire(*counters_);
}

std::int32_t PullReader::visit(const Visitor& visitor, Timeout timeout, std::string& error) {
    if (visitor.most == 0) {
        AEGIS_QUERY_REPLY reply;
        if (!stream_->query(stream_->options().request_limit, reply)) {
            losses_.take(loss_counters(reply));
        }
        return tell_losses(visitor, losses_, *counters_);
    }
    const bool waits = !timeout || timeout->count() > 0;
    if (waits && stream_->interrupted()) {
        return AEGIS_INTERRUPTED;
    }
    Deadline deadline;
    if (timeout) {
        deadline = Clock::now() + *timeout;
    }
    while (true) {
        const End end = stream_->end();
        if (const std::int32_t visited = drain(visitor, end.last); visited != 0) {
            return visited;
        }
        if (end.result == AEGIS_GONE) {
            return end.result;
        }
        const bool may_wait = waits && end.result == AEGIS_OK;
        const std::int32_t filled = stream_->fill(*events_, losses_, *counters_, deadline, may_wait, end, error);
        // An end that was found out meanwhile: one more look.
        if (filled < 0 || (filled == 0 && stream_->end().result == end.result)) {
            return filled;
        }
    }
}

std::int32_t PullReader::drain(const Visitor& visitor, std::uint64_t last) {
    aegis_item item;
    std::int32_t visited = 0;
    for (bool more = true; more && static_cast<std::uint32_t>(visited) < visitor.most && next(last, item); ++visited) {
        more = visitor.wants_more(item);
    }
    return visited;
}

bool PullReader::next(std::uint64_t last, aegis_item& item) {
    if (losses_.waiting()) {
        item = losses_.next(*counters_);
        return true;
    }
    if (!events_->has_some()) {
        return false;
    }
    item = events_->run->take();
    const bool event = item.kind == AEGIS_ITEM_EVENT;
    // Of a gap the event behind it decides.
    if ((event ? item.sequence : item.last + 1) > last) {
        events_->run.reset();
        return false;
    }
    if (reinterpret_cast<std::uintptr_t>(item.data) % alignof(std::uint64_t) != 0) {
        aligned_.resize(item.bytes / sizeof(std::uint64_t) + 1);
        item.data = std::memcpy(aligned_.data(), item.data, item.bytes);
    }
    Counters::add(event ? counters_->events : counters_->overwritten, item.count);
    return true;
}

}  // namespace aegis::client
