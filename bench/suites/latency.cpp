#include <fmt/format.h>
#include <time.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "aegis/ring/consumer.hpp"
#include "channels/pull_channel.hpp"
#include "hosted/loaded_driver.hpp"
#include "suites/suites.hpp"
#include "support/histogram.hpp"
#include "support/message.hpp"
#include "support/pacer.hpp"

namespace aegis::bench {
namespace {

constexpr std::size_t kBytes = 160;

// What a reader saw, and what it cost.
struct Reading {
    Histogram latency;
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;
    std::uint64_t corrupt = 0;
    std::uint64_t system_calls = 0;
    std::uint64_t signals = 0;

    std::uint64_t accounted() const { return delivered + lost + corrupt; }
};

class Recorder {
  public:
    explicit Recorder(Reading* reading) : reading_(reading) {}

    // The header's timestamp is the planned time.
    void event(Ticket ticket, const std::uint64_t* words) {
        const Nanoseconds seen = now();
        std::array<std::uint64_t, Message<kBytes>::kWords> copy;
        std::memcpy(copy.data(), words, kBytes);
        const auto planned = static_cast<Nanoseconds>(copy[1]);
        copy[1] = ticket;
        if (!check_.intact(ticket, copy.data())) {
            ++reading_->corrupt;
            return;
        }
        ++reading_->delivered;
        reading_->latency.record(seen - planned);
    }

  private:
    Reading* reading_;
    MessageCheck<kBytes> check_;
};

struct Load {
    double per_second;
    std::uint64_t count;
};

template <class Send, class Read>
Sample sample_latency(Session& session, const Load& load, const Send& send, const Read& read) {
    const auto reading = std::make_shared<Reading>();
    Sample sample;
    sample.distribution = std::shared_ptr<Histogram>(reading, &reading->latency);
    sample.first_sleeps = true;  // the reader
    sample.usage = session.cores().run([&] { read(reading.get()); },
                                       [&] {
                                           MessageSource<kBytes> source;
                                           send_on_schedule(load.per_second, load.count, [&](Nanoseconds planned) {
                                               send(source.next(), planned);
                                               return true;
                                           });
                                       });
    const double millions = static_cast<double>(load.count) / 1e6;
    sample.values["p50_ns"] = reading->latency.value_at(0.5);
    sample.values["p90_ns"] = reading->latency.value_at(0.9);
    sample.values["p99_ns"] = reading->latency.value_at(0.99);
    sample.values["p999_ns"] = reading->latency.value_at(0.999);
    sample.values["p9999_ns"] = reading->latency.value_at(0.9999);
    sample.values["lost_part"] = static_cast<double>(reading->lost) / static_cast<double>(load.count);
    sample.values["corrupt"] = static_cast<double>(reading->corrupt);
    sample.values["system_calls_per_million"] = static_cast<double>(reading->system_calls) / millions;
    sample.values["signals_per_million"] = static_cast<double>(reading->signals) / millions;
    sample.values["cpu_s_per_million"] = to_seconds(sample.usage.first.cpu) / millions;
    return sample;
}

// How the ring's reader passes the time with nothing to read.
enum class Idle : std::uint8_t { kSpin, kDoorbell };

Sample sample_ring(Session& session, const Load& load, Idle idle) {
    LoadedDriver loaded;
    DriverClient client(loaded);
    client.attach();
    const auto send = [&](const Message<kBytes>& message, Nanoseconds planned) {
        loaded.channel().publish(kMessageType, planned, message.payload(), Message<kBytes>::kPayloadBytes);
    };
    const auto read = [&](Reading* reading) {
        constexpr int kLooksBeforeSleep = 4;  // as the agent
        constexpr int kSystemCallsPerWait = 2;
        Recorder recorder(reading);
        ring::Consumer<> consumer(client.memory(), {});
        ring::DoorbellListener<> listener = client.listener();
        ring::EventBuffer event;
        int empty_looks = 0;
        while (reading->accounted() < load.count) {
            const ring::ReadStatus status = consumer.read(event);
            reading->lost = consumer.lost();
            if (status == ring::ReadStatus::kEvent) {
                recorder.event(event.ticket(), event.words());
                empty_looks = 0;
            } else if (status == ring::ReadStatus::kEmpty) {
                if (idle == Idle::kSpin || ++empty_looks < kLooksBeforeSleep) {
                    ring::pause_after_empty_poll();
                } else if (listener.arm(client.memory(), consumer.cursor(), 1)) {
                    empty_looks = 0;
                    reading->signals += client.wait(kSecond) ? 1 : 0;
                    reading->system_calls += kSystemCallsPerWait;
                    listener.disarm();
                }
            }
        }
    };
    Sample sample = sample_latency(session, load, send, read);
    sample.first_sleeps = idle == Idle::kDoorbell;
    return sample;
}

void sleep_for(Nanoseconds time) {
    const timespec pause{time / kSecond, time % kSecond};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
}

// pull(buffer) is one IOCTL and returns the bytes it filled. As an agent does, it is called until it brings nothing.
template <class Pull>
void read_by_pull(const Load& load, Nanoseconds poll, Reading* reading, const Pull& pull) {
    Recorder recorder(reading);
    std::vector<std::byte> buffer(kPullBytes);
    Message<kBytes> copy;
    Ticket next = 0;
    while (reading->accounted() < load.count) {
        const std::size_t bytes = pull(buffer);
        ++reading->system_calls;
        for (std::size_t offset = 0; offset < bytes;) {
            AEGIS_EVENT_HEADER header;
            std::memcpy(&header, buffer.data() + offset, sizeof(header));
            std::memcpy(copy.words.data(), buffer.data() + offset, kBytes);
            offset += header.Size;
            const Ticket ticket = header.Sequence - 1;
            reading->lost += ticket - next;
            next = ticket + 1;
            // The driver hands process events out in full form: the rest is zero and the size another.
            copy.words[0] = first_header_word(kBytes, ticket);
            recorder.event(ticket, copy.words.data());
        }
        if (bytes == 0) {
            if (poll == 0) {
                ring::pause_after_empty_poll();
            } else {
                sleep_for(poll);
                ++reading->system_calls;
            }
        }
    }
}

Sample sample_own_pull(Session& session, const Load& load, Nanoseconds poll) {
    LoadedDriver loaded;
    DriverClient client(loaded);
    return sample_latency(
        session, load,
        [&](const Message<kBytes>& message, Nanoseconds planned) {
            loaded.channel().publish(kMessageType, planned, message.payload(), Message<kBytes>::kPayloadBytes);
        },
        [&](Reading* reading) {
            read_by_pull(load, poll, reading, [&](std::span<std::byte> buffer) { return client.pull(buffer); });
        });
}

Sample sample_part2_pull(Session& session, const Load& load, Nanoseconds poll) {
    EventList<PoolAllocator> list;
    return sample_latency(
        session, load,
        [&](const Message<kBytes>& message, Nanoseconds planned) {
            Message<kBytes> stamped = message;
            stamped.words[1] = static_cast<std::uint64_t>(planned);
            list.push(stamped.words.data(), kBytes);
        },
        [&](Reading* reading) {
            read_by_pull(load, poll, reading,
                         [&](std::span<std::byte> buffer) { return pull_events(list, buffer.data(), buffer.size()); });
        });
}

struct Way {
    const char* name;
    Sample (*sample)(Session&, const Load&);
};

constexpr Way kWays[] = {
    {"ring, spinning", [](Session& session, const Load& load) { return sample_ring(session, load, Idle::kSpin); }},
    {"ring, doorbell", [](Session& session, const Load& load) { return sample_ring(session, load, Idle::kDoorbell); }},
    {"own pull, 1 ms", [](Session& session, const Load& load) { return sample_own_pull(session, load, kMillisecond); }},
    {"IOCTL pull, no pause", [](Session& session, const Load& load) { return sample_part2_pull(session, load, 0); }},
    {"IOCTL pull, 1 ms",
     [](Session& session, const Load& load) { return sample_part2_pull(session, load, kMillisecond); }},
    {"IOCTL pull, 200 ms",
     [](Session& session, const Load& load) { return sample_part2_pull(session, load, 200 * kMillisecond); }},
};

void measure_rate(Session& session, double per_second) {
    const Nanoseconds length = session.plan().quick ? kSecond / 4 : kSecond;
    const Load load{per_second, static_cast<std::uint64_t>(per_second * to_seconds(length))};
    Group group{"latency", {{"per_second", per_second}}, {}};
    for (const Way& way : kWays) {
        group.contenders.push_back({way.name, [&session, &load, &way] { return way.sample(session, load); }});
    }
    session.measure(group);
}

}  // namespace

void run_latency(Session& session) {
    measure_rate(session, 10'000);
    if (!session.plan().quick) {
        measure_rate(session, 1'000);
        measure_rate(session, 100'000);
    }
}

}  // namespace aegis::bench
