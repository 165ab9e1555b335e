// The size of an event is not to be trusted before the second look, nor after it: it is clamped first.

#include "aegis/ring/event_read.hpp"

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

// Reads one event whose header claims `claimed` bytes from a ring of so many cells with `event_words` words each. Gives
// the size the reader settled on, and checks that it loaded exactly the words which that size needs, each of them once.
std::size_t size_read(std::size_t cells, std::size_t event_words, std::uint16_t claimed) {
    test::PrivateRing<HookedAtomics> ring(cells, event_words);
    const std::size_t words = std::min(cells * event_words, ring::EventBuffer::kCapacityWords);
    const auto word_of_event = [&](std::size_t word) { return ring.event(word / event_words) + word % event_words; };
    ring.event(0)[0].set_raw(std::uint64_t{0xABCDABCDABCD0000} | claimed);
    for (std::size_t word = 1; word < words; ++word) {
        word_of_event(word)->set_raw(word);
    }
    ring.version(0)->set_raw(2);

    ring::Consumer<HookedAtomics> consumer(ring.memory(), {});
    ring::EventBuffer event;
    std::fill_n(event.words(), ring::EventBuffer::kCapacityWords, std::uint64_t{0xEEEE});
    std::size_t loaded = 0;
    {
        const test::AccessHook hook([&](const test::Access& access) {
            const auto* word = static_cast<const HookedAtomics::Atomic<std::uint64_t>*>(access.word);
            if (loaded < words && word == word_of_event(loaded)) {
                ++loaded;
            } else if (word != nullptr) {
                EXPECT_TRUE(word == ring.version(0) || word == ring.ticket(0));
            }
        });
        EXPECT_EQ(consumer.read(event), ReadStatus::kEvent);
    }
    EXPECT_EQ(loaded, (event.size() + 7) / 8);
    EXPECT_EQ(event.header().Size, claimed);
    for (std::size_t word = 1; word < ring::EventBuffer::kCapacityWords; ++word) {
        EXPECT_EQ(event.words()[word], word < loaded ? word : 0xEEEE) << "word " << word << ", claimed " << claimed;
    }
    // The next event is looked for behind the cells that this one takes.
    const std::size_t taken = (event.size() + event_words * 8 - 1) / (event_words * 8);
    EXPECT_EQ(consumer.position(), taken) << claimed;
    return event.size();
}

struct Cells {
    std::size_t count;
    std::size_t event_words;
};

// Catches: the clamp dropped, its bounds off by one, the rounding to words off by one; a piece that is too long, too
// short or taken from the wrong cell; the next place off by one.
TEST(Clamp, HoldsEveryClaimedSizeBetweenHeaderAndCapacity) {
    for (const auto& [count, event_words] :
         {Cells{2, 2}, Cells{3, 2}, Cells{2, 4}, Cells{5, 6}, Cells{8, 22}, Cells{2, 200}}) {
        const std::size_t capacity = std::min<std::size_t>(count * event_words * 8, AEGIS_RING_EVENT_BYTES);
        for (std::size_t claimed = 0; claimed <= capacity + 40; ++claimed) {
            ASSERT_EQ(size_read(count, event_words, static_cast<std::uint16_t>(claimed)),
                      std::min(std::max<std::size_t>(claimed, 16), capacity))
                << claimed << " of " << capacity;
        }
        EXPECT_EQ(size_read(count, event_words, 0xFFFF), capacity);
        EXPECT_EQ(size_read(count, event_words, 0x8000), capacity);
    }
}

}  // namespace
}  // namespace aegis
