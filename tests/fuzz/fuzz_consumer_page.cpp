// Arbitrary writes to a consumer page while events flow. The driver reads the page as a hint; whatever it holds costs
// nobody but its owner anything.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "fuzz/byte_source.hpp"
#include "fuzz/driver_fuzz.hpp"

namespace aegis::test {
namespace {

constexpr std::size_t kConsumers = 3;
constexpr std::size_t kMaxSteps = 256;

struct Consumer {
    std::unique_ptr<Client> client;
    std::atomic<std::uint64_t>* page = nullptr;
};

Consumer new_consumer(TestHost& host) {
    Consumer consumer{std::make_unique<Client>(host), nullptr};
    require(NT_SUCCESS(consumer.client->open()), "the device cannot be opened");
    const SetupResult setup = consumer.client->setup();
    require(NT_SUCCESS(setup.status), "setup failed");
    consumer.page = reinterpret_cast<std::atomic<std::uint64_t>*>(consumer_page_of(setup.reply));
    return consumer;
}

// A word of the page: mostly one of the two that mean something.
std::size_t word_index(ByteSource& input) {
    static_assert(offsetof(AEGIS_CONSUMER_PAGE, WakeAt) == 0);
    switch (input.below(4)) {
        case 0:
            return offsetof(AEGIS_CONSUMER_PAGE, Cursor) / 8;
        case 1:
            return input.take<std::uint16_t>() % (AEGIS_CONSUMER_PAGE_BYTES / 8);
        default:
            return 0;
    }
}

// Near the numbers that matter, or anything.
std::uint64_t word_value(ByteSource& input, std::uint64_t published) {
    switch (input.below(3)) {
        case 0:
            return published + static_cast<std::uint64_t>(static_cast<std::int64_t>(input.take<std::int8_t>()));
        case 1:
            return static_cast<std::uint64_t>(static_cast<std::int64_t>(input.take<std::int8_t>()));
        default:
            return input.take<std::uint64_t>();
    }
}

// How many of the consumers the events up to this number wake.
std::uint64_t due_at(const std::array<Consumer, kConsumers>& consumers, std::uint64_t published) {
    std::uint64_t due = 0;
    for (const Consumer& consumer : consumers) {
        const std::uint64_t wake_at = consumer.page[0].load(std::memory_order_relaxed);
        due += wake_at != AEGIS_WAKE_NEVER && wake_at <= published ? 1 : 0;
    }
    return due;
}

void run(ByteSource& input) {
    TestHost host;
    require(NT_SUCCESS(host.load_small()), "the driver does not load");
    {
        Bystander bystander(host);
        std::array<Consumer, kConsumers> consumers{new_consumer(host), new_consumer(host), new_consumer(host)};
        Activity activity(host);
        std::uint64_t published = 0;
        std::uint64_t due = 0;  // bells that must have rung
        // The start or the end of a process, right behind its details: who is woken by one is not by the other.
        const auto expect_process_event = [&] {
            published += 2;
            due += due_at(consumers, published);
        };
        for (std::size_t i = 0; i < kMaxSteps && !input.empty(); ++i) {
            Consumer& consumer = consumers[input.below(kConsumers)];
            switch (input.below(4)) {
                case 0:
                    expect_process_event();
                    activity.create(kFirstFreePid + static_cast<std::uint32_t>(published));
                    bystander.read();
                    break;
                case 1: {
                    const QueryResult query = consumer.client->query();
                    require(query.reply->WakeupsSent == due, "a bell rang that was not due, or did not ring");
                    for (const AEGIS_CONSUMER_INFO& row : query.reply->Consumers) {
                        require(row.Lag <= published, "a lag is larger than what was published");
                    }
                    break;
                }
                case 2:
                    if (input.below(8) == 0) {
                        // For the old one ends.
                        consumer.page[0].store(AEGIS_WAKE_NEVER, std::memory_order_relaxed);
                        expect_process_event();
                        consumer = new_consumer(host);
                        bystander.read();
                    }
                    break;
                default: {
                    const std::size_t index = word_index(input);
                    consumer.page[index].store(word_value(input, published), std::memory_order_relaxed);
                }
            }
        }
        bystander.check();
    }
    host.unload();
    require(!host->driver_loaded(), "the driver does not unload");
}

}  // namespace
}  // namespace aegis::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    aegis::test::ByteSource input(data, bytes);
    aegis::test::run(input);
    return 0;
}
