// The private copy a reader gets.

#include "aegis/ring/event_buffer.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace aegis {
namespace {

TEST(EventBuffer, HoldsTheLargestEventOfARing) {
    EXPECT_EQ(ring::EventBuffer::kCapacity, 1056U);
    EXPECT_EQ(ring::EventBuffer::kCapacityWords, 132U);
    EXPECT_EQ(ring::kEventHeaderWords, 2U);
}

TEST(EventBuffer, ReadsHeaderAndPayloadFromItsWords) {
    ring::EventBuffer buffer;
    const AEGIS_EVENT_HEADER header = {20, 7, 9, -5};
    std::memcpy(buffer.words(), &header, sizeof(header));
    std::memcpy(buffer.words() + 2, "abcd", 4);
    buffer.assign(8, 20);

    EXPECT_EQ(buffer.ticket(), 8U);
    EXPECT_EQ(buffer.size(), 20U);
    EXPECT_EQ(buffer.header().Size, 20U);
    EXPECT_EQ(buffer.header().Type, 7U);
    EXPECT_EQ(buffer.header().Sequence, 9U);
    EXPECT_EQ(buffer.header().Timestamp, -5);
    EXPECT_EQ(buffer.payload_size(), 4U);
    EXPECT_EQ(std::memcmp(buffer.payload(), "abcd", 4), 0);
    EXPECT_EQ(static_cast<const std::byte*>(buffer.payload()) - static_cast<const std::byte*>(buffer.data()), 16);
}

TEST(EventBuffer, IsAnEventWithoutPayloadAtFirst) {
    ring::EventBuffer buffer;
    EXPECT_EQ(buffer.ticket(), 0U);
    EXPECT_EQ(buffer.size(), 16U);
    EXPECT_EQ(buffer.payload_size(), 0U);
}

// The agent reads payload structs in place.
TEST(EventBuffer, IsAlignedForAnyPayloadStruct) {
    ring::EventBuffer buffer;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 16, 0U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.payload()) % 16, 0U);
}

}  // namespace
}  // namespace aegis
