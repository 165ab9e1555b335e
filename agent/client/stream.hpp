// What those that share a client have in common, and one reader's part in it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "aegis/client.h"
#include "agent/client/batch.hpp"
#include "agent/client/channel.hpp"
#include "agent/client/loss_watch.hpp"

namespace aegis::client {

// One reader's counts. It alone writes, anyone may look: relaxed throughout, each value stands for itself.
struct Counters {
    std::atomic<std::uint64_t> events{0};
    std::atomic<std::uint64_t> overwritten{0};
    std::array<std::atomic<std::uint64_t>, AEGIS_LOST_REASONS> lost_before{};
    std::atomic<std::uint64_t> wakeups{0};
    std::atomic<std::uint64_t> max_lag{0};

    static void add(std::atomic<std::uint64_t>& counter, std::uint64_t count) {
        counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }
    void see_lag(std::uint64_t lag) {
        if (lag > max_lag.load(std::memory_order_relaxed)) {
            max_lag.store(lag, std::memory_order_relaxed);
        }
    }
    void add_to(aegis_stats& stats) const;
};

// Who sees the items of one call.
struct Visitor {
    aegis_visitor visit;
    void* context;
    std::uint32_t most;  // 0: losses alone

    bool wants_more(const aegis_item& item) const { return visit(context, &item) == 0; }
};

class Reader {
  public:
    virtual ~Reader() = default;

    // As aegis_visit. Negative results but those without a story leave it in `error`.
    virtual std::int32_t visit(const Visitor& visitor, Timeout timeout, std::string& error) = 0;

    // As aegis_next_batch: up to `most` items, one at least. Copies what visit() hands out, unless there is a way to
    // read right into the batch.
    virtual std::int32_t fill(Batch& batch, std::uint32_t most, Timeout timeout, std::string& error);
};

struct ReadingOptions {
    std::uint32_t start = AEGIS_START_KEPT;
    std::uint32_t wakeup_batch = 1;
    std::chrono::milliseconds poll_interval{200};
    std::chrono::nanoseconds request_limit = std::chrono::seconds(10);
};

// How reading ends, as whoever finds out has left it for the others.
struct End {
    std::int32_t result = AEGIS_OK;  // AEGIS_OK: not yet
    // Sequences up to here are still read; what comes later no more.
    std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
};

// Any thread, unless something else is said.
class Stream {
  public:
    Stream(Channel channel, const ReadingOptions& options);
    virtual ~Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    virtual std::unique_ptr<Reader> make_reader() = 0;
    virtual std::uint32_t transport() const = 0;
    virtual std::uint32_t wakeup_batch() const { return 1; }
    // As aegis_info.start.
    virtual std::uint64_t start() const = 0;
    virtual std::uint64_t lag() const = 0;
    virtual std::uint64_t published() const = 0;

    Device& device() { return *channel_.device; }
    const Device& device() const { return *channel_.device; }
    const Channel& channel() const { return channel_; }
    const ReadingOptions& options() const { return options_; }
    LossWatch& losses() { return losses_; }

    // Signal-safe. The flag is what busy readers look at, the device what ends waits.
    void interrupt();
    void resume();
    bool interrupted() const { return interrupted_.load(std::memory_order_relaxed); }

    // Asked before a look: what was published before an end that comes after it is still read.
    End end() const;
    // Somebody stops the driver: what it has published by now is still read. A driver that has died looks the same at
    // first; whether it answers tells the two apart.
    void stop();
    void end_gone();

    // As aegis_query; what it says is remembered for published().
    std::optional<Error> query(std::chrono::nanoseconds limit, AEGIS_QUERY_REPLY& reply);
    std::uint64_t published_by_query() const { return published_by_query_.load(std::memory_order_relaxed); }

    // A reader's, from its beginning to its end.
    Counters& add_counters();
    void retire(const Counters& counters);
    void total(aegis_stats& stats) const;

  private:
    static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

    Channel channel_;
    const ReadingOptions options_;
    LossWatch losses_;
    std::atomic<bool> interrupted_{false};  // says nothing about other memory: relaxed
    std::atomic<std::uint64_t> stop_limit_{kNoLimit};
    std::atomic<bool> gone_{false};
    std::atomic<std::uint64_t> published_by_query_;
    mutable std::mutex mutex_;                         // guards what follows, not what the counters hold
    std::vector<std::unique_ptr<Counters>> counters_;  // of those that read
    aegis_stats retired_{};                            // of those that have left
};

// For a client that only asks.
class NoStream final : public Stream {
  public:
    using Stream::Stream;
    std::unique_ptr<Reader> make_reader() override;
    std::uint32_t transport() const override { return AEGIS_TRANSPORT_NONE; }
    std::uint64_t start() const override { return 0; }
    std::uint64_t lag() const override { return 0; }
    std::uint64_t published() const override { return published_by_query(); }
};

}  // namespace aegis::client
