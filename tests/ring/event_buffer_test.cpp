// The private copy a reader gets.

#include "aegis/ring/event_buffer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "support/event_recipe.hpp"
#include "support/zeroed_region.hpp"

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

// Every size, to memory that has room for one event and not a byte more.
// Catches: a read to borrowed memory that writes elsewhere, behind it, or less than the event.
template <class Reader>
void expect_the_same_in_borrowed_memory(Reader& reader, ring::RingMemory<> memory, ring::Producer<>& producer) {
    constexpr test::EventRecipe kRecipe(1, 0, test::EventRecipe::kLargestPayload);
    constexpr std::byte kUntouched{0x5A};
    ring::Consumer<> witness(memory, {});
    ring::EventBuffer wanted;
    alignas(8) std::array<std::byte, ring::EventBuffer::kCapacity + 8> place;
    for (std::uint64_t ticket = 0; ticket < 1100; ++ticket) {
        test::publish_next(producer, kRecipe);
        ASSERT_EQ(witness.read(wanted), ring::ReadStatus::kEvent);
        place.fill(kUntouched);
        ring::BorrowedEvent event(place.data());
        ASSERT_EQ(reader.read(event), ring::ReadStatus::kEvent);
        EXPECT_EQ(event.data(), place.data());
        EXPECT_EQ(event.ticket(), ticket);
        ASSERT_EQ(event.size(), wanted.size());
        EXPECT_EQ(std::memcmp(event.data(), wanted.data(), event.size()), 0) << event.size();
        for (std::size_t i = ring::EventBuffer::kCapacity; i < place.size(); ++i) {
            ASSERT_EQ(place[i], kUntouched);
        }
    }
}

TEST(BorrowedEvent, IsWhatABufferOfItsOwnWouldHold) {
    test::FormattedRegion region(64);
    ring::Producer<> producer(region.memory());
    ring::Consumer<> consumer(region.memory(), {});
    expect_the_same_in_borrowed_memory(consumer, region.memory(), producer);
}

TEST(BorrowedEvent, IsThatOfAGroupToo) {
    test::FormattedRegion region(64);
    ring::Producer<> producer(region.memory());
    ring::ConsumerGroup<> group(region.memory(), {});
    ring::GroupMember<> member(group);
    expect_the_same_in_borrowed_memory(member, region.memory(), producer);
}

}  // namespace
}  // namespace aegis
