// Reading by IOCTL at intervals, for a process that cannot map the ring or was told not to.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/client/items.hpp"
#include "agent/client/sequence.hpp"
#include "agent/client/stream.hpp"
#include "agent/client/turns.hpp"

namespace aegis::client {

// Where somebody is in the events that one question brought.
class PulledRun {
  public:
    // `bytes`: events in full form, one behind the other. `next`: the sequence that must follow what was seen before,
    // where that is known. What has a sequence up to `skipped` is passed over.
    PulledRun(std::span<const std::byte> bytes, const SequenceWidener& widener, std::optional<std::uint64_t> next,
              std::uint64_t skipped)
        : rest_(bytes), widener_(widener), next_(next), skipped_(skipped) {
        skip();
    }

    bool empty() const { return rest_.empty(); }
    // The next event, or the gap before it. Only while not empty().
    aegis_item take();

    const SequenceWidener& widener() const { return widener_; }
    std::optional<std::uint64_t> next() const { return next_; }

  private:
    // To the next event that is wanted, whose sequence is known then.
    void skip();

    std::span<const std::byte> rest_;
    SequenceWidener widener_;
    std::optional<std::uint64_t> next_;
    std::uint64_t skipped_;
    std::uint64_t sequence_ = 0;  // of the event at the beginning of rest_
};

struct PulledEvents {
    static constexpr std::size_t kBufferBytes = std::size_t{64} << 10U;

    std::vector<std::byte> buffer = std::vector<std::byte>(kBufferBytes);
    std::optional<PulledRun> run;  // none, or empty: nothing left

    bool has_some() const { return run && !run->empty(); }
};

// The readers ask one at a time, and each keeps what its question brought for itself.
class PullStream final : public Stream {
  public:
    PullStream(Channel channel, const ReadingOptions& options);

    std::unique_ptr<Reader> make_reader() override;
    std::uint32_t transport() const override { return AEGIS_TRANSPORT_PULL; }
    std::uint64_t start() const override { return start_.load(std::memory_order_relaxed); }
    std::uint64_t lag() const override { return backlog_.load(std::memory_order_relaxed); }
    std::uint64_t published() const override { return published_by_query(); }

    // Fills `events`, which has none, or tells `losses` what the driver counted. Returns 1 when either has something; 0
    // when there is nothing now (without a wait) or by `deadline`; or how reading ends or fails. `end` was asked
    // before.
    std::int32_t fill(PulledEvents& events, UntoldLosses& losses, Counters& counters, Deadline deadline, bool waits,
                      const End& end, std::string& error);
    // What a reader that leaves has not handed out.
    void give_back(std::unique_ptr<PulledEvents> events);

  private:
    std::int32_t ask(PulledEvents& events, Counters& counters, std::string& error);
    std::int32_t pause(Counters& counters, Deadline deadline);
    // False: nobody has left any.
    bool take_left_over(PulledEvents& events);
    void tell_losses(UntoldLosses& losses);
    void find_start(std::uint64_t first_events);
    bool look_at_device();

    std::atomic<std::uint64_t> backlog_{0};  // events that one poll brought, over all its buffers; of the last one
    std::atomic<std::uint64_t> start_{0};

    Turns turns_;  // one asks, the others wait; guards what follows
    SequenceWidener widener_;
    std::optional<std::uint64_t> next_;  // the 64-bit sequence that must follow what was seen
    bool dry_ = false;                   // the last answer left room in its buffer
    bool losses_asked_ = false;          // since then
    std::uint64_t since_pause_ = 0;
    std::chrono::steady_clock::time_point asked_;

    std::mutex mutex_;  // guards left_over_
    std::vector<std::unique_ptr<PulledEvents>> left_over_;
};

class PullReader final : public Reader {
  public:
    explicit PullReader(PullStream& stream)
        : stream_(&stream),
          counters_(&stream.add_counters()),
          losses_(stream),
          events_(std::make_unique<PulledEvents>()) {}
    ~PullReader() override;
    PullReader(const PullReader&) = delete;
    PullReader& operator=(const PullReader&) = delete;

    std::int32_t visit(const Visitor& visitor, Timeout timeout, std::string& error) override;

  private:
    std::int32_t drain(const Visitor& visitor, std::uint64_t last);
    bool next(std::uint64_t last, aegis_item& item);

    PullStream* stream_;
    Counters* counters_;
    UntoldLosses losses_;
    std::unique_ptr<PulledEvents> events_;
    std::vector<std::uint64_t> aligned_;  // an event behind one whose size is odd
};

}  // namespace aegis::client
