#include <atomic>
#include <thread>

#include "hosted/loaded_driver.hpp"
#include "suites/suites.hpp"
#include "support/message.hpp"

namespace aegis::bench {
namespace {

constexpr std::size_t kBytes = 160;

// Values: rate, the events that all producers together published per second.
Sample sample_producers(Session& session, bool both) {
    LoadedDriver loaded;
    std::atomic<bool> stop = false;  // relaxed: carries no data
    const auto produce = [&](Nanoseconds length) {
        constexpr int kPublishesPerClockCheck = 64;
        MessageSource<kBytes> source;
        const Nanoseconds start = now();
        while (!stop.load(std::memory_order_relaxed) && now() - start < length) {
            for (int i = 0; i < kPublishesPerClockCheck; ++i) {
                const Message<kBytes>& message = source.next();
                loaded.channel().publish(kMessageType, static_cast<std::int64_t>(message.ticket()), message.payload(),
                                         Message<kBytes>::kPayloadBytes);
            }
        }
        stop.store(true, std::memory_order_relaxed);
        return now() - start;
    };

    Nanoseconds elapsed = 0;
    Sample sample;
    sample.second_sleeps = !both;
    sample.usage = session.cores().run([&] { elapsed = produce(session.plan().sample); },
                                       [&] {
                                           if (both) {
                                               produce(session.plan().sample);
                                           }
                                       });
    sample.values["rate"] = static_cast<double>(loaded.channel().counters().published) / to_seconds(elapsed);
    return sample;
}

}  // namespace

void run_contention(Session& session) {
    session.measure({"contention",
                     {{"bytes", kBytes}},
                     {
                         {"1 producer", [&session] { return sample_producers(session, false); }},
                         {"2 producers", [&session] { return sample_producers(session, true); }},
                     }});
}

}  // namespace aegis::bench
