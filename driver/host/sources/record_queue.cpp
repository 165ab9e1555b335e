#include "driver/host/sources/record_queue.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <mutex>
#include <system_error>
#include <utility>

namespace aegis::host::sources {

PriorityInheritingMutex::PriorityInheritingMutex() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&mutex_, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

PriorityInheritingMutex::~PriorityInheritingMutex() {
    pthread_mutex_destroy(&mutex_);
}

RecordQueue::RecordQueue() : ready_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!ready_) {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
}

void RecordQueue::make_fit(DetailBytes& details) {
    const std::size_t bytes = details.arguments ? details.arguments->size() : 0;
    if (argument_bytes_ + bytes > kMostArgumentBytes) {
        details.arguments.reset();
    } else {
        argument_bytes_ += bytes;
    }
}

void RecordQueue::push(std::vector<ActivityRecord>& records, std::uint64_t lost_before) {
    bool first = false;
    {
        const std::lock_guard guard(mutex_);
        const bool was_empty = queued_.empty() && lost_pending_ == 0;
        lost_pending_ += lost_before;
        const std::size_t fitting = std::min(records.size(), kCapacity - queued_.size());
        if (fitting > 0) {
            records.front().lost_before = std::exchange(lost_pending_, 0);
            for (std::size_t i = 0; i < fitting; ++i) {
                make_fit(records[i].details);
            }
            std::move(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(fitting),
                      std::back_inserter(queued_));
        }
        dropped_.fetch_add(records.size() - fitting, std::memory_order_relaxed);
        lost_pending_ += records.size() - fitting;
        first = was_empty && (!queued_.empty() || lost_pending_ != 0);
    }
    records.clear();
    if (first) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(ready_.get(), &one, sizeof(one));
    }
}

std::uint64_t RecordQueue::take(std::vector<ActivityRecord>& records) {
    // The signal is taken back before the queue is emptied: a push in between makes it readable again,
    // the other way round its signal would be lost.
    std::uint64_t signals = 0;
    [[maybe_unused]] const ssize_t bytes = ::read(ready_.get(), &signals, sizeof(signals));
    records.clear();
    const std::lock_guard guard(mutex_);
    queued_.swap(records);
    argument_bytes_ = 0;
    return std::exchange(lost_pending_, 0);
}

}  // namespace aegis::host::sources
