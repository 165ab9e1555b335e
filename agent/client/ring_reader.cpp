#include "agent/client/ring_reader.hpp"

#include <algorithm>
#include <utility>

namespace aegis::client {
namespace {

ring::Beginning beginning(const Channel& channel, std::uint32_t start) {
    const ring::RingMemory<>& memory = channel.ring->memory;
    return start == AEGIS_START_NOW ? ring::next_event(memory) : ring::oldest_event(memory, ring::Headroom::kSome);
}

// A bell that rings when the ring is full rings too late.
std::uint32_t fitting_batch(const ring::RingMemory<>& memory, std::uint32_t batch) {
    const std::uint64_t most = std::max<std::uint64_t>(memory.cell_count() / memory.most_cells() / 2, 1);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(batch, most));
}

}  // namespace

RingStream::RingStream(Channel opened, const ReadingOptions& reading)
    : Stream(std::move(opened), reading),
      start_(beginning(channel(), reading.start)),
      batch_(fitting_batch(channel().ring->memory, reading.wakeup_batch)),
      group_(channel().ring->memory, start_),
      listener_(channel().ring->listener()),
      watch_(device(), group_, channel().ring->listener(), losses(), batch_) {}

std::unique_ptr<Reader> RingStream::make_reader() {
    return std::make_unique<RingReader>(*this);
}

std::int32_t RingReader::visit(const Visitor& visitor, Timeout timeout, std::string& /*error*/) {
    if (visitor.most == 0) {
        losses_.take(loss_counters(stream_->group().memory()));
        return tell_losses(visitor, losses_, *counters_);
    }
    const std::int32_t result = read(visitor, timeout);
    if (std::exchange(slept_, false)) {
        stream_->watch().hand_over();
    }
    return result;
}

std::int32_t RingReader::read(const Visitor& visitor, Timeout timeout) {
    const bool waits = !timeout || timeout->count() > 0;
    if (waits && (stream_->interrupted() || (interrupted_ && look_at_device()))) {
        return AEGIS_INTERRUPTED;
    }
    DoorbellWatch::Deadline deadline;
    if (timeout) {
        deadline = DoorbellWatch::Clock::now() + *timeout;
    }
    for (int looks = 1;; ++looks) {
        const End end = stream_->end();
        if (const std::int32_t visited = drain(visitor, end.last); visited != 0) {
            return visited;
        }
        if (end.result != AEGIS_OK) {
            return end.result;
        }
        if (stream_->end().result != AEGIS_OK) {
            // Found out meanwhile: one more look.
        } else if (stream_->closing()) {
            // Who sees "closing" sees every event before it: one more look reads them all.
            stream_->end_gone();
        } else if (!waits || (deadline && DoorbellWatch::Clock::now() >= *deadline)) {
            look_at_device();
            if (stream_->end().result == AEGIS_OK) {
                return 0;
            }
        } else if (looks < kLooksBeforeSleep) {
            ring::pause_after_empty_poll();
        } else {
            looks = 0;
            if (const std::int32_t result = sleep(deadline); result != AEGIS_OK) {
                return result;
            }
        }
    }
}

std::int32_t RingReader::drain(const Visitor& visitor, std::uint64_t last) {
    aegis_item item;
    std::int32_t visited = 0;
    for (bool more = true; more && static_cast<std::uint32_t>(visited) < visitor.most && next(last, item); ++visited) {
        more = visitor.wants_more(item);
    }
    return visited;
}

bool RingReader::next(std::uint64_t last, aegis_item& item) {
    while (true) {
        if (losses_.waiting()) {
            item = losses_.next(*counters_);
            return true;
        }
        if (stream_->group().cursor() >= last) {
            return false;
        }
        if (until_look_ == 0) {
            until_look_ = kReportInterval;
            look_around();
            continue;
        }
        switch (member_.read(buffer_)) {
            case ring::ReadStatus::kEvent:
                --until_look_;
                stream_->watch().call_help_if_behind();
                Counters::add(counters_->events, 1);
                item =
                    event_item(buffer_.ticket() + 1, {static_cast<const std::byte*>(buffer_.data()), buffer_.size()});
                return true;
            case ring::ReadStatus::kLapped: {
                const ring::Loss& loss = member_.last_loss();
                counters_->see_lag(loss.count + stream_->lag());
                Counters::add(counters_->overwritten, loss.count);
                item = overwritten_item(loss.first + 1, loss.first + loss.count);
                return true;
            }
            case ring::ReadStatus::kEmpty:
                if (!losses_.take(loss_counters(stream_->group().memory()))) {
                    return false;
                }
                break;
        }
    }
}

void RingReader::look_around() {
    take_note_of_progress();
    look_for_losses();
    if (--until_device_look_ == 0) {
        until_device_look_ = kLooksPerDeviceLook;
        look_at_device();
    }
}

void RingReader::look_for_losses() {
    if (noticed_ && stream_->group().cursor() >= noticed_->published) {
        losses_.take(noticed_->counters);
        noticed_.reset();
    }
    if (!noticed_) {
        const LossCounters now = loss_counters(stream_->group().memory());
        if (stream_->losses().has_grown(now)) {
            noticed_ = NoticedLoss{now, stream_->published()};
        }
    }
}

void RingReader::take_note_of_progress() {
    counters_->see_lag(stream_->lag());
    stream_->report_cursor();
}

bool RingReader::look_at_device() {
    const WaitStatus status = stream_->device().look();
    interrupted_ = status == WaitStatus::kInterrupted;
    if (status == WaitStatus::kStopping) {
        stream_->stop();
    } else if (status == WaitStatus::kDriverGone) {
        stream_->end_gone();
    }
    return interrupted_;
}

std::int32_t RingReader::sleep(DoorbellWatch::Deadline deadline) {
    take_note_of_progress();
    slept_ = true;
    switch (stream_->watch().sleep(deadline)) {
        case DoorbellWatch::Outcome::kLookAgain:
        case DoorbellWatch::Outcome::kTimeout:
            return stream_->interrupted() ? AEGIS_INTERRUPTED : AEGIS_OK;
        case DoorbellWatch::Outcome::kWoken:
            Counters::add(counters_->wakeups, 1);
            counters_->see_lag(stream_->lag());
            return AEGIS_OK;
        case DoorbellWatch::Outcome::kInterrupted:
            return AEGIS_INTERRUPTED;
        case DoorbellWatch::Outcome::kStopping:
            stream_->stop();
            return AEGIS_OK;
        case DoorbellWatch::Outcome::kDriverGone:
            stream_->end_gone();
            return AEGIS_OK;
    }
    return AEGIS_OK;
}

}  // namespace aegis::client
