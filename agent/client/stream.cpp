#include "agent/client/stream.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace aegis::client {
namespace {

class NoReader final : public Reader {
  public:
    std::int32_t visit(const Visitor& /*visitor*/, Timeout /*timeout*/, std::string& error) override {
        error = "this client was opened with AEGIS_TRANSPORT_NONE, which reads nothing";
        return AEGIS_ERROR_UNSUPPORTED;
    }
};

std::int32_t add_to_batch(void* batch, const aegis_item* item) {
    return static_cast<Batch*>(batch)->add(*item) ? 0 : 1;
}

}  // namespace

std::int32_t Reader::fill(Batch& batch, std::uint32_t most, Timeout timeout, std::string& error) {
    return visit({add_to_batch, &batch, most}, timeout, error);
}

void Counters::add_to(aegis_stats& stats) const {
    stats.events += events.load(std::memory_order_relaxed);
    stats.overwritten += overwritten.load(std::memory_order_relaxed);
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        stats.lost_before[reason] += lost_before[reason].load(std::memory_order_relaxed);
    }
    stats.wakeups += wakeups.load(std::memory_order_relaxed);
    stats.max_lag = std::max(stats.max_lag, max_lag.load(std::memory_order_relaxed));
}

Stream::Stream(Channel channel, const ReadingOptions& options)
    : channel_(std::move(channel)),
      options_(options),
      losses_(loss_counters(channel_.at_open)),
      published_by_query_(channel_.at_open.Published) {}

void Stream::interrupt() {
    interrupted_.store(true, std::memory_order_relaxed);
    device().interrupt();
}

// The flag last: an interrupt in between leaves at least the device interrupted.
void Stream::resume() {
    device().resume();
    interrupted_.store(false, std::memory_order_relaxed);
}

End Stream::end() const {
    // Acquire; pair with the stores in stop and end_gone: who looks at the ring after it sees what was published
    // before them.
    if (gone_.load(std::memory_order_acquire)) {
        return {AEGIS_GONE};
    }
    const std::uint64_t limit = stop_limit_.load(std::memory_order_acquire);
    return limit == kNoLimit ? End{} : End{AEGIS_STOPPING, limit};
}

void Stream::stop() {
    AEGIS_QUERY_REPLY reply;
    const std::optional<Error> error = query(kGraceAtTheEnd, reply);
    if (error && error->code == AEGIS_GONE) {
        end_gone();
        return;
    }
    // A producer that died between an event and its count leaves the count one behind. Where the driver does not
    // answer, a reader that pulls reads what it is given.
    const bool known = !error || transport() == AEGIS_TRANSPORT_RING;
    const std::uint64_t limit = known ? published() + 1 : kNoLimit - 1;
    std::uint64_t none = kNoLimit;
    stop_limit_.compare_exchange_strong(none, limit, std::memory_order_release, std::memory_order_relaxed);
}

void Stream::end_gone() {
    gone_.store(true, std::memory_order_release);
}

std::optional<Error> Stream::query(std::chrono::nanoseconds limit, AEGIS_QUERY_REPLY& reply) {
    std::optional<Error> error = query_driver(device(), limit, reply);
    if (!error) {
        published_by_query_.store(reply.Published, std::memory_order_relaxed);
    }
    return error;
}

Counters& Stream::add_counters() {
    const std::scoped_lock lock(mutex_);
    return *counters_.emplace_back(std::make_unique<Counters>());
}

void Stream::retire(const Counters& counters) {
    const std::scoped_lock lock(mutex_);
    counters.add_to(retired_);
    std::erase_if(counters_, [&counters](const auto& own) { return own.get() == &counters; });
}

void Stream::total(aegis_stats& stats) const {
    {
        const std::scoped_lock lock(mutex_);
        stats = retired_;
        for (const std::unique_ptr<Counters>& counters : counters_) {
            counters->add_to(stats);
        }
    }
    stats.lag = lag();
    stats.published = published();
}

std::unique_ptr<Reader> NoStream::make_reader() {
    return std::make_unique<NoReader>();
}

}  // namespace aegis::client
