// What aegis_next_batch writes, byte for byte, and where it ends; how a reader that waits pulls.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "aegis/client.h"
#include "support/fake_system.hpp"

namespace aegis {
namespace {

using test::FakeSystem;

using Bytes = std::vector<std::byte>;

agent::Client open(FakeSystem& system, std::uint32_t transport, std::uint32_t poll_ms) {
    aegis_options options = {};
    options.size = sizeof(options);
    options.transport = transport;
    options.poll_ms = poll_ms;
    aegis_client* client = nullptr;
    EXPECT_EQ(system.open_client(options, &client), AEGIS_OK) << aegis_last_error();
    return agent::Client(client);
}

Bytes bytes_of(const aegis_item& item) {
    const auto* const data = static_cast<const std::byte*>(item.data);
    return {data, data + item.bytes};
}

class Batch : public testing::TestWithParam<std::uint32_t> {};

INSTANTIATE_TEST_SUITE_P(Both, Batch, testing::Values(AEGIS_TRANSPORT_RING, AEGIS_TRANSPORT_PULL),
                         [](const auto& tested) { return tested.param == AEGIS_TRANSPORT_RING ? "Ring" : "Pull"; });

// Events of every length that a path of one to eighty characters gives, as visitors see them and as a batch has them.
// Catches: bytes left out at the end of an event, data that are not aligned, a batch that goes beyond its buffer.
TEST_P(Batch, HasTheBytesThatVisitorsSee) {
    constexpr std::size_t kEvents = 80;
    constexpr std::uint32_t kBufferBytes = 2 * AEGIS_MAX_EVENT_SIZE + 40;
    constexpr std::byte kUntouched{0x5A};
    FakeSystem system(1024);
    for (std::uint32_t i = 1; i <= kEvents; ++i) {
        system.publish_start({.pid = i, .parent = 1, .creator = 1, .path = std::u16string(i, u'a')});
    }
    std::vector<Bytes> seen;
    const auto see = [](void* context, const aegis_item* item) -> std::int32_t {
        static_cast<std::vector<Bytes>*>(context)->push_back(bytes_of(*item));
        return 0;
    };
    {
        const agent::Client visiting = open(system, AEGIS_TRANSPORT_RING, 1);
        while (aegis_visit(visiting.get(), see, &seen, 1000, 0) > 0) {
        }
    }
    ASSERT_EQ(seen.size(), kEvents);

    const agent::Client client = open(system, GetParam(), 1);
    alignas(8) std::array<std::byte, kBufferBytes + AEGIS_MAX_EVENT_SIZE> buffer;
    std::array<aegis_item, 16> items = {};
    std::size_t read = 0;
    while (read < kEvents) {
        buffer.fill(kUntouched);
        items[0].size = sizeof(aegis_item);
        const std::int32_t count =
            aegis_next_batch(client.get(), items.data(), items.size(), buffer.data(), kBufferBytes, AEGIS_FOREVER);
        ASSERT_GT(count, 0) << aegis_last_error();
        for (std::int32_t i = 0; i < count; ++i, ++read) {
            const aegis_item& item = items[static_cast<std::size_t>(i)];
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(item.data) % 8, 0U);
            Bytes bytes = bytes_of(item);
            const Bytes& wanted = seen[read];
            if (GetParam() == AEGIS_TRANSPORT_PULL) {
                // The full form: another size, and zero behind the path.
                ASSERT_GE(bytes.size(), wanted.size());
                std::memcpy(bytes.data(), wanted.data(), sizeof(std::uint16_t));
                bytes.resize(wanted.size());
            }
            EXPECT_EQ(bytes, wanted) << "event " << read + 1;
        }
        for (std::size_t byte = kBufferBytes; byte < buffer.size(); ++byte) {
            ASSERT_EQ(buffer[byte], kUntouched) << "beyond the buffer, by " << byte - kBufferBytes;
        }
    }
}

// With this time between two questions only what fits into the first answer would come.
// Catches: a reader that waits although the driver's last answer filled its buffer.
TEST(PullReading, FullBuffersFollowEachOtherWithoutAPause) {
    constexpr std::uint32_t kEvents = 1000;
    FakeSystem system(1024);
    system.publish_starts(1, kEvents);
    const agent::Client client = open(system, AEGIS_TRANSPORT_PULL, 86'400'000);
    aegis_item item = {};
    item.size = sizeof(item);
    for (std::uint64_t sequence = 1; sequence <= kEvents; ++sequence) {
        ASSERT_EQ(aegis_next(client.get(), &item, AEGIS_FOREVER), 1) << aegis_last_error();
        ASSERT_EQ(item.sequence, sequence);
    }
}

}  // namespace
}  // namespace aegis
