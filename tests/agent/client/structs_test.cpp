// Structs of callers that were compiled against an earlier or a later release than the library.

#include "agent/client/structs.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace aegis {
namespace {

// One struct in three releases.
struct First {
    std::uint32_t size;
    std::uint32_t count;
};
struct Second {
    std::uint32_t size;
    std::uint32_t count;
    std::uint64_t more;
};
struct Third {
    std::uint32_t size;
    std::uint32_t count;
    std::uint64_t more;
    std::uint64_t most;
};

// A caller's struct and what lies behind it in its memory.
template <class Struct>
struct Memory {
    Struct callers;
    std::uint64_t behind = 0xABABABABABABABAB;
};

// Catches: a field written that the caller does not have; its size changed.
TEST(Structs, AnEarlierCallerGetsWhatItHas) {
    Memory<First> memory;
    memory.callers = {sizeof(First), 1};
    client::hand_out(Second{sizeof(Second), 2, 3}, memory.callers.size, &memory.callers);
    EXPECT_EQ(memory.callers.size, sizeof(First));
    EXPECT_EQ(memory.callers.count, 2U);
    EXPECT_EQ(memory.behind, 0xABABABABABABABABU);
}

// Catches: a field left as it was, which the caller takes for an answer; one too many.
TEST(Structs, ALaterCallerGetsZeroWhereThisLibrarySaysNothing) {
    Memory<Third> memory;
    memory.callers = {sizeof(Third), 1, 1, 1};
    client::hand_out(Second{sizeof(Second), 2, 3}, memory.callers.size, &memory.callers);
    EXPECT_EQ(memory.callers.size, sizeof(Third));
    EXPECT_EQ(memory.callers.count, 2U);
    EXPECT_EQ(memory.callers.more, 3U);
    EXPECT_EQ(memory.callers.most, 0U);
    EXPECT_EQ(memory.behind, 0xABABABABABABABABU);
}

// Catches: a read beyond the caller's struct, or a default other than zero for what it does not say.
TEST(Structs, AnEarlierCallerIsUnderstood) {
    Memory<First> memory;
    memory.callers = {sizeof(First), 7};
    Second own = {1, 1, 1};
    EXPECT_TRUE(client::take_in(reinterpret_cast<const Second*>(&memory), own));
    EXPECT_EQ(own.size, sizeof(First));
    EXPECT_EQ(own.count, 7U);
    EXPECT_EQ(own.more, 0U);
}

// Catches: a wish of a later caller that is passed over in silence; one refused that says nothing new.
TEST(Structs, ALaterCallerIsUnderstoodWhileItSaysNothingNew) {
    for (std::size_t byte = 0; byte <= sizeof(std::uint64_t); ++byte) {
        Memory<Third> memory;
        memory.callers = {sizeof(Third), 7, 8, 0};
        if (byte < sizeof(std::uint64_t)) {
            reinterpret_cast<std::byte*>(&memory.callers.most)[byte] = std::byte{1};
        }
        Second own = {};
        EXPECT_EQ(client::take_in(reinterpret_cast<const Second*>(&memory.callers), own),
                  byte == sizeof(std::uint64_t));
        EXPECT_EQ(own.count, 7U);
        EXPECT_EQ(own.more, 8U);
    }
}

}  // namespace
}  // namespace aegis
