#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "aegis/ring/consumer.hpp"
#include "channels/channel.hpp"
#include "channels/page_memory.hpp"
#include "hosted/loaded_driver.hpp"
#include "suites/suites.hpp"
#include "support/message.hpp"

namespace aegis::bench {
namespace {

constexpr std::size_t kBytes = 160;
constexpr std::size_t kMostConsumers = 8;
// A doorbell armed for a ticket that no sample reaches: its consumer sleeps through.
constexpr Ticket kNotInThisSample = Ticket{1} << 50U;

enum class Consumers : bool { kAsleep, kBusy };

// Values: publish_ns, the wall time of one publish on a core that does nothing else.
template <class Publish>
Sample sample_publishes(Session& session, const ring::RingMemory<>& memory, std::size_t busy, const Publish& publish) {
    constexpr int kPublishesPerClockCheck = 64;
    std::atomic<bool> stop = false;  // relaxed: carries no data
    std::uint64_t published = 0;
    Nanoseconds elapsed = 0;

    Sample sample;
    sample.second_sleeps = busy == 0;
    sample.usage = session.cores().run(
        [&] {
            MessageSource<kBytes> source;
            const Nanoseconds start = now();
            while (elapsed < session.plan().sample) {
                for (int i = 0; i < kPublishesPerClockCheck; ++i) {
                    publish(source.next());
                }
                published += kPublishesPerClockCheck;
                elapsed = now() - start;
            }
            stop.store(true, std::memory_order_relaxed);
        },
        [&] {
            std::vector<ring::Consumer<>> consumers(busy, ring::Consumer<>(memory, {}));
            ring::EventBuffer event;
            while (!stop.load(std::memory_order_relaxed)) {
                bool any = false;
                for (ring::Consumer<>& consumer : consumers) {
                    any = consumer.read(event) != ring::ReadStatus::kEmpty || any;
                }
                if (consumers.empty()) {
                    std::this_thread::sleep_for(std::chrono::milliseconds(1));
                } else if (!any) {
                    ring::pause_after_empty_poll();
                }
            }
        });
    sample.values["publish_ns"] = static_cast<double>(elapsed) / static_cast<double>(published);
    return sample;
}

// The headers alone: one producer, no lock.
Sample sample_ring(Session& session, Consumers kind, std::size_t count) {
    constexpr std::uint8_t kNoSession[16] = {};
    struct alignas(AEGIS_CACHE_LINE) Page {
        std::atomic<std::uint64_t> wake_at = AEGIS_WAKE_NEVER;
        alignas(AEGIS_CACHE_LINE) std::atomic<std::uint64_t> cursor = 0;
    };

    const PageMemory pages(ring::region_bytes(kDefaultRingCells));
    const ring::RingMemory<> memory = ring::format_region(pages.data(), kDefaultRingCells, kNoSession);
    ring::Producer<> producer(memory);
    ring::DoorbellRinger<int, kMostConsumers> bells;
    std::vector<Page> consumer_pages(count);
    for (Page& page : consumer_pages) {
        bells.add(&page.wake_at, 0);
        if (kind == Consumers::kAsleep) {
            ring::DoorbellListener<>(&page.wake_at, &page.cursor).arm(memory, kNotInThisSample, 1);
        }
    }
    return sample_publishes(session, memory, kind == Consumers::kBusy ? count : 0, [&](const Message<kBytes>& message) {
        producer.publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                         Message<kBytes>::kPayloadBytes);
        bells.ring(producer.published(), [](int) {});
    });
}

// The driver's publish path: its lock, the ring, the doorbells of real consumers.
Sample sample_driver(Session& session, Consumers kind, std::size_t count) {
    LoadedDriver loaded;
    std::vector<std::unique_ptr<DriverClient>> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(std::make_unique<DriverClient>(loaded));
        clients.back()->attach();
        if (kind == Consumers::kAsleep) {
            clients.back()->listener().arm(clients.back()->memory(), kNotInThisSample, 1);
        }
    }
    return sample_publishes(session, loaded.channel().memory(), kind == Consumers::kBusy ? count : 0,
                            [&](const Message<kBytes>& message) {
                                loaded.channel().publish(kMessageType, static_cast<std::int64_t>(message.ticket()),
                                                         message.payload(), Message<kBytes>::kPayloadBytes);
                            });
}

}  // namespace

void run_publish_cost(Session& session) {
    Group ring_group{"publish cost, ring alone", {{"bytes", kBytes}}, {}};
    Group driver_group{"publish cost, driver", {{"bytes", kBytes}}, {}};
    const auto add = [&](Consumers kind, std::size_t count) {
        const std::string name =
            count == 0 ? "0" : fmt::format("{} {}", count, kind == Consumers::kBusy ? "busy" : "asleep");
        ring_group.contenders.push_back({name, [&session, kind, count] { return sample_ring(session, kind, count); }});
        driver_group.contenders.push_back(
            {name, [&session, kind, count] { return sample_driver(session, kind, count); }});
    };
    add(Consumers::kAsleep, 0);
    for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{4}, kMostConsumers}) {
        add(Consumers::kAsleep, count);
        add(Consumers::kBusy, count);
    }
    session.measure(ring_group);
    session.measure(driver_group);
}

}  // namespace aegis::bench
