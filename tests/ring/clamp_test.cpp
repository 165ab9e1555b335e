// The size of an event is not to be trusted before the second look, nor after it: it is clamped first.

#include "aegis/ring/slot_read.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "aegis/ring/consumer.hpp"
#include "support/private_ring.hpp"
#include "support/stepping.hpp"

namespace aegis {
namespace {

using ring::ReadStatus;
using test::HookedAtomics;

// Reads one event whose header claims `claimed` bytes from a slot of `event_words` words. Gives the size the reader
// settled on, and checks that it loaded exactly the words which that size needs, each of them once.
std::size_t size_read(std::size_t event_words, std::uint16_t claimed) {
    test::PrivateRing<HookedAtomics> ring(2, event_words);
    ring.event(0)[0].set_raw(std::uint64_t{0xABCDABCDABCD0000} | claimed);
    for (std::size_t word = 1; word < event_words; ++word) {
        ring.event(0)[word].set_raw(word);
    }
    ring.version(0)->set_raw(2);

    ring::Consumer<HookedAtomics> consumer(ring.memory(), 0);
    ring::EventBuffer event;
    std::fill_n(event.words(), ring::EventBuffer::kCapacityWords, std::uint64_t{0xEEEE});
    std::size_t loaded = 0;
    {
        const test::AccessHook hook([&](const test::Access& access) {
            const auto* word = static_cast<const HookedAtomics::Atomic<std::uint64_t>*>(access.word);
            if (word == ring.event(0) + loaded) {
                ++loaded;
            } else if (word != nullptr) {
                EXPECT_EQ(word, ring.version(0));
            }
        });
        EXPECT_EQ(consumer.read(event), ReadStatus::kEvent);
    }
    EXPECT_EQ(loaded, (event.size() + 7) / 8);
    EXPECT_EQ(event.header().Size, claimed);
    for (std::size_t word = 1; word < ring::EventBuffer::kCapacityWords; ++word) {
        EXPECT_EQ(event.words()[word], word < loaded ? word : 0xEEEE) << "word " << word << ", claimed " << claimed;
    }
    return event.size();
}

// Catches: the clamp dropped, its bounds off by one, the rounding to words off by one.
TEST(Clamp, HoldsEveryClaimedSizeBetweenHeaderAndSlot) {
    for (const std::size_t event_words : {2U, 3U, 10U, 135U}) {
        const std::size_t capacity = event_words * 8;
        for (std::size_t claimed = 0; claimed <= capacity + 40; ++claimed) {
            ASSERT_EQ(size_read(event_words, static_cast<std::uint16_t>(claimed)),
                      std::min(std::max<std::size_t>(claimed, 16), capacity))
                << claimed << " of " << capacity;
        }
        EXPECT_EQ(size_read(event_words, 0xFFFF), capacity);
        EXPECT_EQ(size_read(event_words, 0x8000), capacity);
    }
}

// Another driver version may have larger slots than this reader's buffer.
//
// Catches: the clamp to the slot alone, which would write beyond the buffer.
TEST(Clamp, NeverExceedsTheBuffer) {
    EXPECT_EQ(size_read(136, 1080), 1080U);
    EXPECT_EQ(size_read(136, 1081), 1080U);
    EXPECT_EQ(size_read(136, 1088), 1080U);
    EXPECT_EQ(size_read(1000, 0xFFFF), 1080U);
}

}  // namespace
}  // namespace aegis
