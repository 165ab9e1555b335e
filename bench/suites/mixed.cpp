// Events of every type from two cores at a fixed rate, through the driver and the agent, and the same load through the
// pull that the ring replaces.
#include <sched.h>
#include <time.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "agent/app/log.hpp"
#include "agent/app/reading.hpp"
#include "agent/format/ndjson_formatter.hpp"
#include "channels/pull_channel.hpp"
#include "hosted/driver_device.hpp"
#include "hosted/null_port.hpp"
#include "suites/suites.hpp"
#include "workload/mixed_events.hpp"

namespace aegis::bench {
namespace {

using workload::MixedEvent;

Nanoseconds thread_cpu() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * kSecond + time.tv_nsec;
}

void run_on_both(const Cores& cores) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cores.first, &set);
    CPU_SET(cores.second, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

// Where the sensors' events go, and the device that an agent reads them from.
class Way {
  public:
    virtual ~Way() = default;
    virtual std::unique_ptr<client::Device> open_device() = 0;
    virtual std::uint32_t transport() const = 0;
    // Any of two threads.
    virtual void publish(const MixedEvent& event) = 0;
};

// By the driver's own publish path; read from the ring, or by its own pull.
template <std::uint32_t kTransport>
class DriverWay final : public Way {
  public:
    std::unique_ptr<client::Device> open_device() override { return std::make_unique<DriverDevice>(loaded_); }
    std::uint32_t transport() const override { return kTransport; }
    void publish(const MixedEvent& event) override {
        loaded_.channel().publish(event.type, filetime_now(), event.payload.data(), event.payload_bytes);
    }

  private:
    LoadedDriver loaded_;
};

// The Part 2 design: a list of 4096 events under a spinlock, numbered in its order.
class ListWay final : public Way {
  public:
    std::unique_ptr<client::Device> open_device() override {
        return std::make_unique<Device>(loaded_, list_, published_);
    }
    std::uint32_t transport() const override { return AEGIS_TRANSPORT_PULL; }
    void publish(const MixedEvent& event) override {
        std::array<std::byte, AEGIS_RING_EVENT_BYTES> bytes;
        const AEGIS_EVENT_HEADER header{static_cast<std::uint16_t>(sizeof(header) + event.payload_bytes), event.type, 0,
                                        filetime_now()};
        std::memcpy(bytes.data(), &header, sizeof(header));
        std::memcpy(bytes.data() + sizeof(header), event.payload.data(), event.payload_bytes);
        list_.push(bytes.data(), header.Size, [this](void* copy) {
            const auto sequence = static_cast<std::uint32_t>(published_.load(std::memory_order_relaxed) + 1);
            std::memcpy(static_cast<std::byte*>(copy) + offsetof(AEGIS_EVENT_HEADER, Sequence), &sequence,
                        sizeof(sequence));
            published_.store(sequence, std::memory_order_relaxed);
        });
    }

  private:
    using List = EventList<PoolAllocator>;
    // Written under the list's lock; relaxed: who asks how many there are finds them in the list.
    using Count = std::atomic<std::uint64_t>;

    class Device final : public DriverDevice {
      public:
        Device(LoadedDriver& loaded, List& list, const Count& published)
            : DriverDevice(loaded), list_(list), published_(published) {}
        client::IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                                 std::chrono::nanoseconds limit) override {
            if (code == AEGIS_IOCTL_GET_EVENTS) {
                return {client::IoStatus::kOk, pull_events(list_, reply.data(), reply.size()), 0};
            }
            const client::IoResult result = DriverDevice::control(code, request, reply, limit);
            if (code == AEGIS_IOCTL_QUERY && result.status == client::IoStatus::kOk) {
                const std::uint64_t published = published_.load(std::memory_order_relaxed);
                std::memcpy(reply.data() + offsetof(AEGIS_QUERY_REPLY, Published), &published, sizeof(published));
            }
            return result;
        }

      private:
        List& list_;
        const Count& published_;
    };

    LoadedDriver loaded_;  // for all other requests
    List list_;
    Count published_ = 0;
};

// One core's sensors: half of the rate, a millisecond's worth at a time, as much as is due.
std::uint64_t publish_on_schedule(Way& way, const std::vector<MixedEvent>& events, double per_second,
                                  Nanoseconds length) {
    constexpr Nanoseconds kStep = kMillisecond;
    const Nanoseconds start = now();
    std::uint64_t published = 0;
    for (Nanoseconds step = kStep; step <= length; step += kStep) {
        const Nanoseconds planned = start + step;
        const timespec wake{planned / kSecond, planned % kSecond};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr) == EINTR) {
        }
        if (now() > start + 2 * length) {
            break;  // the machine does not give what was asked for
        }
        const auto due = static_cast<std::uint64_t>(per_second * to_seconds(step));
        for (; published < due; ++published) {
            way.publish(events[published % events.size()]);
        }
    }
    return published;
}

// Values: offered, delivered (events per second), lost_part, p50_us, p99_us (from its timestamp to its written line),
// agent_ns and sensor_ns (CPU time per event, the agent's and the publishers').
template <class AnyWay>
Sample sample_mixed(Session& session, const std::vector<MixedEvent>& events, double per_second, Nanoseconds length) {
    AnyWay way;
    NullPort port;
    const LibraryClient opened = open_device(way.open_device(), way.transport());
    port.reads_from(opened.get());
    agent::StderrLog log("aegis-bench", true);
    agent::Output output(port, true);
    agent::MalformedReporter malformed(log);
    agent::Counters counters;
    agent::ProcessTable processes;
    agent::PendingDetails details;
    std::vector<std::unique_ptr<agent::Printer>> printers;
    printers.push_back(std::make_unique<agent::Printer>(
        port, output, malformed, counters, details,
        std::make_unique<agent::NdjsonFormatter>(agent::SessionId{}, "bench", processes, nullptr)));
    agent::RunControl control(port, 1, 0);
    agent::Reading reading({&port, &log, &control, opened.get(), &printers, true});

    Nanoseconds agent_cpu = 0;
    const Cores cores = session.cores().cores();
    std::thread agent([&] {
        run_on_both(cores);
        reading.run(0);
        agent_cpu = thread_cpu();
    });
    std::array<std::uint64_t, 2> published{};
    const auto side = [&](std::size_t index) {
        return [&, index] { published[index] = publish_on_schedule(way, events, per_second / 2, length); };
    };
    const Nanoseconds start = now();
    Sample sample;
    sample.first_sleeps = sample.second_sleeps = true;
    sample.usage = session.cores().run(side(0), side(1));
    const auto offered = static_cast<double>(published[0] + published[1]);
    control.end(agent::EndCause::kCount, published[0] + published[1]);
    agent.join();
    const double elapsed = to_seconds(now() - start);

    agent::Totals totals;
    counters.add_to(totals);
    const agent::LatencyReport latency = output.latency();
    const auto delivered = static_cast<double>(totals.delivered);
    sample.values["offered"] = offered / elapsed;
    sample.values["delivered"] = delivered / elapsed;
    sample.values["lost_part"] = static_cast<double>(totals.lost) / offered;
    sample.values["p50_us"] = static_cast<double>(latency.median) / 10;
    sample.values["p99_us"] = static_cast<double>(latency.p99) / 10;
    sample.values["agent_ns"] = static_cast<double>(agent_cpu) / delivered;
    sample.values["sensor_ns"] = static_cast<double>(sample.usage.first.cpu + sample.usage.second.cpu) / offered;
    return sample;
}

}  // namespace

void run_mixed(Session& session) {
    const std::vector<MixedEvent> events = workload::mixed_events();
    const Nanoseconds length = session.plan().quick ? kSecond / 10 : kSecond / 4;
    for (const double per_second : {100'000.0, 300'000.0, 1'000'000.0, 2'000'000.0}) {
        const auto contender = [&](const char* name, auto take) {
            return Contender{name, [&session, &events, per_second, length, take] {
                                 return take(session, events, per_second, length);
                             }};
        };
        session.measure({"mixed",
                         {{"per_second", per_second}},
                         {
                             contender("ring", sample_mixed<DriverWay<AEGIS_TRANSPORT_RING>>),
                             contender("own pull, 1 ms", sample_mixed<DriverWay<AEGIS_TRANSPORT_PULL>>),
                             contender("IOCTL pull, 1 ms", sample_mixed<ListWay>),
                         }});
        if (session.plan().quick) {
            break;
        }
    }
}

}  // namespace aegis::bench
