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
    std::optional<ring::Consumer<>> alone;
    if (!has_reader_) {
        has_reader_ = true;
        if (has_process_barrier()) {
            alone.emplace(group_.memory(), start_);
        }
    } else {
        sole_reading_.take_away();
    }
    return std::make_unique<RingReader>(*this, alone);
}

std::int32_t RingReader::visit(const Visitor& visitor, Timeout timeout, std::string& /*error*/) {
    if (visitor.most == 0) {
        losses_.take(loss_counters(stream_->group().memory()));
        return tell_losses(visitor, losses_, *counters_);
    }
    return read(ShownItems(visitor, buffer_), visitor.most, timeout);
}

std::int32_t RingReader::fill(Batch& batch, std::uint32_t most, Timeout timeout, std::string& /*error*/) {
    return read(KeptItems(batch), most, timeout);
}

template <class Items>
std::int32_t RingReader::read(Items items, std::uint32_t most, Timeout timeout) {
    Visit<Items> visit = {items, most};
    const std::int32_t result = read_or_sleep(visit, timeout);
    if (std::exchange(slept_, false)) {
        stream_->watch().hand_over();
    }
    return result;
}

template <class Items>
std::int32_t RingReader::read_or_sleep(Visit<Items>& visit, Timeout timeout) {
    const bool waits = !timeout || timeout->count() > 0;
    if (waits && (stream_->interrupted() || (interrupted_ && look_at_device()))) {
        return AEGIS_INTERRUPTED;
    }
    DoorbellWatch::Deadline deadline;
    if (waits && timeout) {
        deadline = DoorbellWatch::Clock::now() + *timeout;
    }
    for (int looks = 1;; ++looks) {
        const End end = stream_->end();
        if (const std::int32_t visited = drain(visit, end.last); visited != 0) {
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

template <class Items>
std::int32_t RingReader::drain(Visit<Items>& visit, std::uint64_t last) {
    while (visit.goes_on()) {
        if (losses_.waiting()) {
            visit.hand_out(losses_.next(*counters_));
            continue;
        }
        const ring::Ticket cursor = stream_->group().cursor();
        if (cursor >= last) {
            break;
        }
        if (until_look_ == 0) {
            until_look_ = kReportInterval;
            look_around();
            continue;
        }
        const auto most = static_cast<std::uint32_t>(
            std::min<std::uint64_t>({until_look_, last - cursor, visit.most - visit.visited}));
        const ring::ReadStatus status = alone_ ? drain_alone(visit, most) : drain_shared(visit, most, last);
        if (status == ring::ReadStatus::kLapped) {
            counters_->see_lag(loss_.count + stream_->lag());
            Counters::add(counters_->overwritten, loss_.count);
            visit.hand_out(overwritten_item(loss_.first + 1, loss_.first + loss_.count));
        } else if (status == ring::ReadStatus::kEmpty) {
            if (alone_ && stream_->sole_reading().is_over()) {
                alone_.reset();
            } else if (!losses_.take(loss_counters(stream_->group().memory()))) {
                break;
            }
        }
    }
    return static_cast<std::int32_t>(visit.visited);
}

// Runs for each event: what need not be there is not. So they are counted behind the last of them: a store for each
// would be a tenth of what a small one costs.
template <class Items, class Read>
[[gnu::always_inline]] inline ring::ReadStatus RingReader::drain_by(Visit<Items>& visit, std::uint32_t most,
                                                                    Read read) {
    Items items = visit.items;
    ring::ReadStatus status = ring::ReadStatus::kEvent;
    std::uint32_t visited = 0;
    while (visited < most) {
        auto&& place = items.place();
        status = read(place);
        if (status != ring::ReadStatus::kEvent) {
            break;
        }
        ++visited;
        if (!items.take_event(place)) {
            visit.more = false;
            break;
        }
    }
    Counters::add(counters_->events, visited);
    visit.items = items;
    visit.visited += visited;
    until_look_ -= visited;
    return status;
}

ring::ReadStatus RingReader::drain_alone(Visit<ShownItems>& visit, std::uint32_t most) {
    return drain_by(visit, most, [this, &sole = stream_->sole_reading(), &group = stream_->group()](auto& place) {
        ring::ReadStatus status = ring::ReadStatus::kEmpty;
        if (sole.begin()) {
            status = alone_->read(place);
            group.follow(alone_->cursor(), alone_->position());
        }
        sole.finish();
        if (status == ring::ReadStatus::kLapped) {
            loss_ = alone_->last_loss();
        }
        return status;
    });
}

// No code of the caller's runs in between: all of them are one read.
ring::ReadStatus RingReader::drain_alone(Visit<KeptItems>& visit, std::uint32_t most) {
    SoleReading& sole = stream_->sole_reading();
    ring::ReadStatus status = ring::ReadStatus::kEmpty;
    if (sole.begin()) {
        status = drain_by(visit, most, [this](auto& place) { return alone_->read(place); });
        stream_->group().follow(alone_->cursor(), alone_->position());
    }
    sole.finish();
    if (status == ring::ReadStatus::kLapped) {
        loss_ = alone_->last_loss();
    }
    return status;
}

template <class Items>
ring::ReadStatus RingReader::drain_shared(Visit<Items>& visit, std::uint32_t most, std::uint64_t last) {
    return drain_by(visit, most, [this, last, &watch = stream_->watch()](auto& place) {
        // The others move it as well.
        if (stream_->group().cursor() >= last) {
            return ring::ReadStatus::kEmpty;
        }
        const ring::ReadStatus status = member_.read(place);
        if (status == ring::ReadStatus::kEvent) {
            watch.call_help_if_behind();
        } else if (status == ring::ReadStatus::kLapped) {
            loss_ = member_.last_loss();
        }
        return status;
    });
}

void RingReader::look_around() {
    stream_->report_cursor();
    look_for_losses();
    if (--until_costly_look_ == 0) {
        until_costly_look_ = kLooksPerCostlyLook;
        counters_->see_lag(stream_->lag());
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
    stream_->report_cursor();
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
