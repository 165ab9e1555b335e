#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "aegis/ring/consumer.hpp"
#include "channels/pull_channel.hpp"
#include "hosted/loaded_driver.hpp"
#include "suites/suites.hpp"

namespace aegis::bench {
namespace {

constexpr std::size_t kBytes = 160;

struct Flooded {
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;
    std::uint64_t corrupt = 0;
    std::uint64_t signals = 0;
};

// `publish(message)` without end on one core, `read(stop)` on the other until the time is over.
// Values: rate, lost_part, corrupt, signals_per_10000 (of the events published), cpu_ns.
template <class Publish, class Read>
Sample sample_flood(Session& session, Nanoseconds length, const Publish& publish, const Read& read) {
    std::atomic<bool> stop = false;  // relaxed: carries no data
    std::uint64_t published = 0;
    Nanoseconds elapsed = 0;
    Flooded flooded;

    Sample sample;
    sample.first_sleeps = true;
    sample.usage = session.cores().run(
        [&] {
            const Nanoseconds start = now();
            read(&flooded, start + length);
            elapsed = now() - start;
            stop.store(true, std::memory_order_relaxed);
        },
        [&] {
            MessageSource<kBytes> source;
            while (!stop.load(std::memory_order_relaxed)) {
                publish(source.next());
                ++published;
            }
        });
    const auto intact = static_cast<double>(flooded.delivered);
    const auto lost = static_cast<double>(flooded.lost);
    sample.values["rate"] = intact / to_seconds(elapsed);
    sample.values["lost_part"] = intact + lost > 0 ? lost / (intact + lost) : 0;
    sample.values["corrupt"] = static_cast<double>(flooded.corrupt);
    sample.values["signals_per_10000"] = 1e4 * static_cast<double>(flooded.signals) / static_cast<double>(published);
    sample.values["cpu_ns"] = static_cast<double>(sample.usage.first.cpu + sample.usage.second.cpu) / intact;
    return sample;
}

Sample sample_ring(Session& session) {
    LoadedDriver loaded;
    DriverClient client(loaded);
    client.attach();
    return sample_flood(
        session, session.plan().sample,
        [&](const Message<kBytes>& message) {
            loaded.channel().publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                                     Message<kBytes>::kPayloadBytes);
        },
        [&](Flooded* flooded, Nanoseconds end) {
            constexpr int kLooksBeforeSleep = 4;  // as the agent
            constexpr int kReadsPerClockCheck = 256;
            const MessageCheck<kBytes> check;
            ring::Consumer<> consumer(client.memory(), {});
            ring::DoorbellListener<> listener = client.listener();
            ring::EventBuffer event;
            int empty_looks = 0;
            while (now() < end) {
                for (int i = 0; i < kReadsPerClockCheck; ++i) {
                    const ring::ReadStatus status = consumer.read(event);
                    if (status == ring::ReadStatus::kEvent) {
                        ++(check.intact(event.ticket(), event.words()) ? flooded->delivered : flooded->corrupt);
                        empty_looks = 0;
                    } else if (status == ring::ReadStatus::kEmpty) {
                        if (++empty_looks < kLooksBeforeSleep) {
                            ring::pause_after_empty_poll();
                        } else if (listener.arm(client.memory(), consumer.cursor(), 1)) {
                            empty_looks = 0;
                            flooded->signals += client.wait(kSecond) ? 1 : 0;
                            listener.disarm();
                        }
                    }
                }
            }
            flooded->lost = consumer.lost();
        });
}

// pull(buffer) is one IOCTL and returns the bytes it filled.
template <class Pull>
void read_by_pull(Nanoseconds end, Nanoseconds poll, Flooded* flooded, const Pull& pull) {
    const MessageCheck<kBytes> check;
    std::vector<std::byte> buffer(kPullBytes);
    Message<kBytes> copy;
    Ticket next = 0;
    while (now() < end) {
        const std::size_t bytes = pull(buffer);
        for (std::size_t offset = 0; offset < bytes;) {
            AEGIS_EVENT_HEADER header;
            std::memcpy(&header, buffer.data() + offset, sizeof(header));
            std::memcpy(copy.words.data(), buffer.data() + offset, kBytes);
            offset += header.Size;
            const Ticket ticket = header.Sequence - 1;
            flooded->lost += ticket - next;
            next = ticket + 1;
            // The driver hands process events out in full form: the rest is zero and the size another.
            copy.words[0] = first_header_word(kBytes, ticket);
            ++(check.intact(ticket, copy.words.data()) ? flooded->delivered : flooded->corrupt);
        }
        if (poll != 0) {
            std::this_thread::sleep_for(std::chrono::nanoseconds(poll));
        } else if (bytes == 0) {
            ring::pause_after_empty_poll();
        }
    }
}

// Long enough for a poll to happen a few times.
Nanoseconds length_for(const Session& session, Nanoseconds poll) {
    constexpr int kPolls = 3;
    return std::max(session.plan().sample, kPolls * poll);
}

Sample sample_own_pull(Session& session, Nanoseconds poll) {
    LoadedDriver loaded;
    DriverClient client(loaded);
    return sample_flood(
        session, length_for(session, poll),
        [&](const Message<kBytes>& message) {
            loaded.channel().publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                                     Message<kBytes>::kPayloadBytes);
        },
        [&](Flooded* flooded, Nanoseconds end) {
            read_by_pull(end, poll, flooded, [&](std::span<std::byte> buffer) { return client.pull(buffer); });
        });
}

Sample sample_part2_pull(Session& session, Nanoseconds poll) {
    EventList<PoolAllocator> list;
    Sample sample = sample_flood(
        session, length_for(session, poll),
        [&](const Message<kBytes>& message) { list.push(message.words.data(), kBytes); },
        [&](Flooded* flooded, Nanoseconds end) {
            read_by_pull(end, poll, flooded,
                         [&](std::span<std::byte> buffer) { return pull_events(list, buffer.data(), buffer.size()); });
        });
    sample.second_sleeps = true;  // in the allocator's lock
    return sample;
}

}  // namespace

void run_flood(Session& session) {
    constexpr Nanoseconds kPolls[] = {0, kMillisecond, 200 * kMillisecond};
    Group group{"flood", {{"bytes", kBytes}}, {}};
    group.contenders.push_back({"ring through the driver, doorbell", [&session] { return sample_ring(session); }});
    for (const Nanoseconds poll : kPolls) {
        const std::string pause = poll == 0 ? "no pause" : fmt::format("{} ms", poll / kMillisecond);
        group.contenders.push_back({"own pull, " + pause, [&session, poll] { return sample_own_pull(session, poll); }});
        group.contenders.push_back(
            {"IOCTL pull, " + pause, [&session, poll] { return sample_part2_pull(session, poll); }});
    }
    session.measure(group);
}

}  // namespace aegis::bench
