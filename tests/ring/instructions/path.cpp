// Publishes events, and reads each when told to, and does nothing else: what check_instructions.py counts.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"
#include "support/zeroed_region.hpp"

namespace {

using namespace aegis;

enum class What : std::uint8_t { kPublish, kRead, kReadBatch };

int run(What what, std::size_t event_bytes, std::uint64_t events) {
    constexpr std::uint32_t kCells = 600;
    constexpr std::uint64_t kBatch = 64;
    test::FormattedRegion region(kCells);
    ring::Producer<> producer(region.memory());
    ring::Consumer<> consumer(region.memory(), {});
    ring::EventBuffer event;
    alignas(16) static const std::byte payload[AEGIS_RING_EVENT_BYTES] = {};
    std::uint64_t seen = 0;
    for (std::uint64_t published = 0; published < events;) {
        for (std::uint64_t i = 0; i < kBatch; ++i, ++published) {
            producer.publish(AEGIS_EVENT_PROCESS_CREATE, 1, payload, event_bytes - sizeof(AEGIS_EVENT_HEADER));
        }
        if (what == What::kRead) {
            while (consumer.read(event) == ring::ReadStatus::kEvent) {
                seen += event.size();
            }
        } else if (what == What::kReadBatch) {
            consumer.read_batch(event, kBatch, [&](const ring::EventBuffer& one) { seen += one.size(); });
        }
    }
    return seen == (what == What::kPublish ? 0 : events * event_bytes) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: aegis_ring_path publish|read|batch EVENT_BYTES EVENTS\n");
        return 2;
    }
    const What what = std::strcmp(argv[1], "publish") == 0 ? What::kPublish
                      : std::strcmp(argv[1], "read") == 0  ? What::kRead
                                                           : What::kReadBatch;
    return run(what, std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10));
}
