#include <atomic>
#include <memory>
#include <mutex>

#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"
#include "channels/channel.hpp"
#include "channels/event_allocators.hpp"
#include "channels/page_memory.hpp"
#include "channels/publish_locks.hpp"
#include "hosted/loaded_driver.hpp"
#include "suites/suites.hpp"
#include "support/message.hpp"

namespace aegis::bench {
namespace {

constexpr std::size_t kBytes = 160;

enum class Producers : bool { kOne, kTwo };

// Values: rate, the events that all producers together published per second.
template <class Publish>
Sample sample_producers(Session& session, Producers producers, const Publish& publish) {
    constexpr int kPublishesPerClockCheck = 64;
    std::atomic<bool> stop = false;  // relaxed: carries no data
    std::uint64_t published[2] = {};
    Nanoseconds elapsed = 0;
    const auto produce = [&](std::uint64_t* count) {
        MessageSource<kBytes> source;
        const Nanoseconds start = now();
        Nanoseconds time = start;
        while (!stop.load(std::memory_order_relaxed) && time - start < session.plan().sample) {
            for (int i = 0; i < kPublishesPerClockCheck; ++i) {
                publish(source.next());
            }
            *count += kPublishesPerClockCheck;
            time = now();
        }
        stop.store(true, std::memory_order_relaxed);
        return time - start;
    };

    Sample sample;
    sample.second_sleeps = producers == Producers::kOne;
    sample.usage = session.cores().run([&] { elapsed = produce(&published[0]); },
                                       [&] {
                                           if (producers == Producers::kTwo) {
                                               produce(&published[1]);
                                           }
                                       });
    sample.values["rate"] = static_cast<double>(published[0] + published[1]) / to_seconds(elapsed);
    return sample;
}

// The driver's own publish path, hosted.
Sample sample_driver(Session& session, Producers producers) {
    LoadedDriver loaded;
    return sample_producers(session, producers, [&](const Message<kBytes>& message) {
        loaded.channel().publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                                 Message<kBytes>::kPayloadBytes);
    });
}

// The ring's headers behind a lock.
template <class Lock>
Sample sample_lock(Session& session, Producers producers) {
    constexpr std::uint8_t kNoSession[16] = {};
    const PageMemory pages(ring::region_bytes(kDefaultRingCells));
    struct Locked {
        alignas(AEGIS_CACHE_LINE) Lock lock;
        alignas(AEGIS_CACHE_LINE) ring::Producer<> producer;
    };
    Locked locked;
    locked.producer = ring::Producer<>(ring::format_region(pages.data(), kDefaultRingCells, kNoSession));
    return sample_producers(session, producers, [&](const Message<kBytes>& message) {
        const std::lock_guard lock(locked.lock);
        locked.producer.publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                                Message<kBytes>::kPayloadBytes);
    });
}

}  // namespace

void run_contention(Session& session) {
    using enum Producers;
    session.measure(
        {"contention",
         {{"bytes", kBytes}},
         {
             {"driver, 1 producer", [&session] { return sample_driver(session, kOne); }},
             {"driver, 2 producers", [&session] { return sample_driver(session, kTwo); }},
             {"queued lock, 1 producer", [&session] { return sample_lock<QueuedLock>(session, kOne); }},
             {"queued lock, 2 producers", [&session] { return sample_lock<QueuedLock>(session, kTwo); }},
             {"test-and-set lock, 1 producer", [&session] { return sample_lock<SpinLock>(session, kOne); }},
             {"test-and-set lock, 2 producers", [&session] { return sample_lock<SpinLock>(session, kTwo); }},
             {"backing-off lock, 1 producer", [&session] { return sample_lock<BackingOffLock>(session, kOne); }},
             {"backing-off lock, 2 producers", [&session] { return sample_lock<BackingOffLock>(session, kTwo); }},
         }});
}

}  // namespace aegis::bench
