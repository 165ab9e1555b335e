#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"
#include "agent/app/log.hpp"
#include "agent/app/reading.hpp"
#include "agent/format/ndjson_formatter.hpp"
#include "agent/format/text_formatter.hpp"
#include "channels/page_memory.hpp"
#include "hosted/null_port.hpp"
#include "hosted/ring_device.hpp"
#include "suites/suites.hpp"

namespace aegis::bench {
namespace {

// As many events as the ring holds, read by one thread from beginning to end.
constexpr std::uint32_t kEvents = 16384;
constexpr std::uint32_t kCells = 2 * kEvents;  // none of them takes more than two

// A full ring of process events as a sensor publishes them: starts with a path, each followed by its exit.
class FullRing {
  public:
    FullRing() : pages_(ring::region_bytes(kCells)), memory_(ring::format_region(pages_.data(), kCells, kSession)) {
        ring::Producer<> producer(memory_);
        std::int64_t time = 133'000'000'000'000'000;  // in the year 2022
        for (std::uint32_t i = 0; i < kEvents / 2; ++i) {
            const std::u16string path = u"/usr/lib/x86_64-linux-gnu/some-package/a-program-" + number(i);
            AEGIS_PROCESS_PAYLOAD payload{};
            payload.ProcessId = 1000 + i;
            payload.ParentProcessId = 1;
            payload.CreatingProcessId = 1;
            payload.ImagePathLength = static_cast<std::uint16_t>(path.size());
            payload.ImagePathExact = 1;
            std::memcpy(payload.ImagePath, path.data(), path.size() * sizeof(char16_t));
            producer.publish(AEGIS_EVENT_PROCESS_CREATE, time++, &payload,
                             AEGIS_PROCESS_PAYLOAD_FIXED + path.size() * sizeof(char16_t));
            producer.publish(AEGIS_EVENT_PROCESS_EXIT, time++, &payload, AEGIS_PROCESS_PAYLOAD_FIXED);
        }
    }

    const ring::RingMemory<>& memory() const { return memory_; }

    // A client of the library that reads it from its first event on.
    LibraryClient open() const { return open_ring(pages_.data(), ring::region_bytes(kCells)); }

  private:
    static constexpr std::uint8_t kSession[16] = {};

    static std::u16string number(std::uint32_t value) {
        std::u16string text;
        for (const char digit : std::to_string(value)) {
            text += static_cast<char16_t>(digit);
        }
        return text;
    }

    PageMemory pages_;
    ring::RingMemory<> memory_;
};

// Values: rate, events per second of one core. `read` returns how many events it has read.
template <class Read>
Sample sample_alone(Session& session, const Read& read) {
    Nanoseconds elapsed = 0;
    std::uint64_t events = 0;
    Sample sample;
    sample.second_sleeps = true;
    sample.usage = session.cores().run(
        [&] {
            const Nanoseconds start = now();
            events = read();
            elapsed = now() - start;
        },
        [] {});
    sample.values["rate"] = static_cast<double>(events) / to_seconds(elapsed);
    return sample;
}

Sample sample_reading(Session& session, const FullRing& ring) {
    return sample_alone(session, [&] {
        ring::Consumer<> consumer(ring.memory(), {});
        ring::EventBuffer event;
        while (consumer.read(event) == ring::ReadStatus::kEvent) {
        }
        return consumer.delivered();
    });
}

// The agent's own classes from the ring to the write call.
Sample sample_printing(Session& session, const FullRing& ring, std::unique_ptr<agent::Formatter> formatter) {
    NullPort port;
    const LibraryClient opened = ring.open();
    agent::StderrLog log("aegis-bench", true);
    agent::Output output(port, false);
    agent::MalformedReporter malformed(log);
    agent::Counters counters;
    agent::PendingDetails details;
    std::vector<std::unique_ptr<agent::Printer>> printers;
    printers.push_back(
        std::make_unique<agent::Printer>(port, output, malformed, counters, details, std::move(formatter)));
    agent::RunControl control(port, 1, 0);
    agent::Reading reading({&port, &log, &control, opened.get(), &printers, true});
    control.end(agent::EndCause::kCount, kEvents);

    Sample sample = sample_alone(session, [&] {
        reading.run(0);
        agent::Totals totals;
        counters.add_to(totals);
        return totals.delivered;
    });
    sample.values["bytes_per_event"] = static_cast<double>(port.bytes()) / kEvents;
    return sample;
}

}  // namespace

void run_agent(Session& session) {
    const FullRing ring;
    agent::ProcessTable processes;
    const auto ndjson = [&] {
        return std::make_unique<agent::NdjsonFormatter>(agent::SessionId{}, "bench", processes, nullptr);
    };
    const auto text = [&] { return std::make_unique<agent::TextFormatter>(processes); };
    session.measure({"agent",
                     {},
                     {
                         {"reading alone", [&] { return sample_reading(session, ring); }},
                         {"to NDJSON", [&] { return sample_printing(session, ring, ndjson()); }},
                         {"to text", [&] { return sample_printing(session, ring, text()); }},
                     }});
}

}  // namespace aegis::bench
