// The two copy bodies against memcpy: every length, every alignment, nothing touched beyond.

#include "aegis/ring/cell_copy.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "aegis/ring/atomics.hpp"
#include "aegis/ring_layout.h"
#include "support/hooked_atomics.hpp"
#include "support/random.hpp"

namespace aegis {
namespace {

using Word = std::atomic<std::uint64_t>;

struct WordBody : ring::StdAtomics {
    static constexpr bool kVectorCopy = false;
};

#if defined(__x86_64__)
struct VectorBody : ring::StdAtomics {
    static constexpr bool kVectorCopy = true;
};
using Bodies = testing::Types<WordBody, VectorBody>;
#else
using Bodies = testing::Types<WordBody>;
#endif

constexpr std::size_t kLargest = AEGIS_RING_EVENT_BYTES;
constexpr std::size_t kLargestWords = kLargest / 8;
constexpr std::size_t kLineWords = AEGIS_CACHE_LINE / 8;
constexpr std::size_t kVectorBytes = 16;
constexpr std::byte kGuard{0xA5};

std::vector<std::byte> random_bytes(std::size_t count) {
    test::Random random(count);
    std::vector<std::byte> bytes(count);
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(random.next());
    }
    return bytes;
}

template <class Body>
class CellCopy : public testing::Test {};
TYPED_TEST_SUITE(CellCopy, Bodies);

// Catches: a block or word step off by one, a tail that is dropped, not zeroed or longer than its bytes.
TYPED_TEST(CellCopy, IntoCellEqualsMemcpyWithZeroTailForEveryLengthAndAlignment) {
    constexpr std::size_t kArea = kLineWords + kLargestWords + kLineWords;
    const std::vector<std::byte> source = random_bytes(kLargest + kVectorBytes);
    alignas(AEGIS_CACHE_LINE) std::array<Word, kArea> cell;
    std::array<std::byte, kArea * 8> expected;
    std::memset(expected.data(), static_cast<int>(kGuard), expected.size());

    for (std::size_t at = 0; at < kLineWords; ++at) {
        for (std::size_t misaligned = 0; misaligned < kVectorBytes; ++misaligned) {
            for (std::size_t bytes = 0; bytes <= kLargest; ++bytes) {
                std::memset(static_cast<void*>(cell.data()), static_cast<int>(kGuard), sizeof(cell));
                ring::detail::copy_into_cell<TypeParam>(cell.data() + at, source.data() + misaligned, bytes);

                constexpr std::size_t kUnit = ring::detail::kUnitBytes<TypeParam>;
                const std::size_t touched = (bytes + kUnit - 1) / kUnit * kUnit;
                std::byte* const begin = expected.data() + at * 8;
                std::memset(begin, 0, touched);
                std::memcpy(begin, source.data() + misaligned, bytes);
                ASSERT_EQ(std::memcmp(cell.data(), expected.data(), sizeof(cell)), 0)
                    << bytes << " bytes from alignment " << misaligned << " to word " << at;
                std::memset(begin, static_cast<int>(kGuard), touched);
            }
        }
    }
}

// Catches: the two ways of a size differing, a bound of the short one off, a byte touched beyond.
TYPED_TEST(CellCopy, UsualSizesAreCopiedExactly) {
    constexpr std::size_t kMost = ring::detail::kMostVectorBytes;
    constexpr std::size_t kFewest = TypeParam::kVectorCopy ? ring::detail::kFewestVectorBytes : 0;
    constexpr std::size_t kUnit = ring::detail::kUnitBytes<TypeParam>;
    const std::vector<std::byte> source = random_bytes(kMost + kVectorBytes);
    for (std::size_t misaligned = 0; misaligned < kVectorBytes; ++misaligned) {
        for (std::size_t bytes = kFewest; bytes <= kMost; ++bytes) {
            alignas(kVectorBytes) std::array<Word, kMost / 8 + 2> cell;
            std::array<std::byte, sizeof(cell)> expected;
            std::memset(static_cast<void*>(cell.data()), static_cast<int>(kGuard), sizeof(cell));
            std::memset(expected.data(), static_cast<int>(kGuard), expected.size());
            std::memset(expected.data(), 0, (bytes + kUnit - 1) / kUnit * kUnit);
            std::memcpy(expected.data(), source.data() + misaligned, bytes);
            ring::detail::copy_usual_into_cell<TypeParam>(cell.data(), source.data() + misaligned, bytes);
            ASSERT_EQ(std::memcmp(cell.data(), expected.data(), sizeof(cell)), 0) << bytes << " bytes in";

            std::array<std::uint64_t, kMost / 8 + 2> copy;
            std::memset(copy.data(), static_cast<int>(kGuard), sizeof(copy));
            ring::detail::copy_usual_out_of_cell<TypeParam>(copy.data(), cell.data(), bytes);
            ASSERT_EQ(std::memcmp(copy.data(), expected.data(), sizeof(copy)), 0) << bytes << " bytes out";
        }
    }
}

// Catches: the words exchanged, one of them lost or another one given.
TYPED_TEST(CellCopy, AHeaderIsStoredAndCopiedWithItsFirstWordGiven) {
    alignas(kVectorBytes) std::array<Word, 4> cell = {};
    ring::detail::store_header<TypeParam>(cell.data() + 1, std::uint64_t{0x1122334455667788}, std::uint64_t{9});
    EXPECT_EQ(cell[0].load(), 0U);
    EXPECT_EQ(cell[1].load(), 0x1122334455667788U);
    EXPECT_EQ(cell[2].load(), 9U);
    EXPECT_EQ(cell[3].load(), 0U);
    std::array<std::uint64_t, 4> copy = {};
    EXPECT_EQ(ring::detail::copy_header<TypeParam>(copy.data() + 1, cell.data() + 1), 0x1122334455667788U);
    EXPECT_EQ(copy, (std::array<std::uint64_t, 4>{0, 0x1122334455667788U, 9, 0}));
}

// Catches: a block or word step off by one, a wrong offset inside a block, a word too many.
TYPED_TEST(CellCopy, OutOfCellEqualsMemcpyForEveryLengthAndAlignment) {
    const std::vector<std::byte> bytes = random_bytes((kLargestWords + kLineWords) * 8);
    alignas(AEGIS_CACHE_LINE) std::array<Word, kLargestWords + kLineWords> cell;
    std::memcpy(static_cast<void*>(cell.data()), bytes.data(), bytes.size());
    alignas(kVectorBytes) std::array<std::uint64_t, kLargestWords + 4> copy;
    std::array<std::byte, sizeof(copy)> expected;
    std::memset(expected.data(), static_cast<int>(kGuard), expected.size());

    for (std::size_t from = 0; from < kLineWords; ++from) {
        for (std::size_t at = 0; at < 2; ++at) {
            for (std::size_t words = 0; words <= kLargestWords; ++words) {
                copy.fill(0xA5A5A5A5A5A5A5A5U);
                ring::detail::copy_out_of_cell<TypeParam>(copy.data() + at, cell.data() + from, words * 8);

                // Whole units.
                constexpr std::size_t kUnit = ring::detail::kUnitBytes<TypeParam>;
                const std::size_t copied = (words * 8 + kUnit - 1) / kUnit * kUnit;
                std::memcpy(expected.data() + at * 8, bytes.data() + from * 8, copied);
                ASSERT_EQ(std::memcmp(copy.data(), expected.data(), sizeof(copy)), 0)
                    << words << " words from word " << from << " to word " << at;
                std::memset(expected.data() + at * 8, static_cast<int>(kGuard), copied);
            }
        }
    }
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

// Catches: the slow copy shipped, or the one that sanitizers cannot see tested under them.
TEST(CellCopyChoice, IsTheVectorBodyUnlessASanitizerLooks) {
#if defined(__x86_64__)
    EXPECT_EQ(ring::StdAtomics::kVectorCopy, !kSanitized);
#else
    EXPECT_FALSE(ring::StdAtomics::kVectorCopy);
#endif
}

TEST(CellCopyBlock, CopiesItsBytesAndNoOther) {
#if defined(__x86_64__)
    const std::vector<std::byte> source = random_bytes(ring::detail::kVectorBlockBytes + 2);
    std::array<std::byte, ring::detail::kVectorBlockBytes + 2> target;
    target.fill(kGuard);
    ring::detail::copy_vector_block(target.data() + 1, source.data() + 1);
    EXPECT_EQ(std::memcmp(target.data() + 1, source.data() + 1, ring::detail::kVectorBlockBytes), 0);
    EXPECT_EQ(target.front(), kGuard);
    EXPECT_EQ(target.back(), kGuard);
#else
    GTEST_SKIP() << "vector copy is for x86-64";
#endif
}

#if defined(__x86_64__)
// The compiler may keep in registers what it thinks the copy does not touch, and leave out stores that it thinks nobody
// reads.
//
// Catches: an operand of the assembly left out.
template <std::size_t kBytes, class Copy>
void expect_compiler_knows(const Copy& copy) {
    static volatile unsigned char unknown = 0x5A;
    std::array<unsigned char, kBytes> source = {};
    std::array<unsigned char, kBytes> target = {};
    int wrong = 0;
    for (unsigned round = 0; round < 4; ++round) {
        const auto first = static_cast<unsigned char>(unknown + round);
        const auto last = static_cast<unsigned char>(unknown - round);
        source.front() = first;
        source.back() = last;
        target.front() = 1;
        target.back() = 2;
        copy(target.data(), source.data());
        wrong += target.front() == first ? 0 : 1;
        wrong += target.back() == last ? 0 : 1;
    }
    EXPECT_EQ(wrong, 0);
}

TEST(CellCopyBlock, TellsTheCompilerWhatItReadsAndWrites) {
    expect_compiler_knows<ring::detail::kVectorBlockBytes>(
        [](void* to, const void* from) { ring::detail::copy_vector_block(to, from); });
    expect_compiler_knows<ring::detail::kVectorBytes>(
        [](void* to, const void* from) { ring::detail::copy_vector(to, from); });
}

TEST(CellCopyBlock, CopiesAVectorAndGivesItsFirstWord) {
    expect_compiler_knows<ring::detail::kVectorBytes>(
        [](void* to, const void* from) { ring::detail::copy_vector_and_look(to, from); });
    const std::array<std::uint64_t, 4> from = {1, 0x1122334455667788U, 0x99AABBCCDDEEFF00U, 4};
    std::array<std::uint64_t, 4> to = {5, 6, 7, 8};
    EXPECT_EQ(ring::detail::copy_vector_and_look(to.data() + 1, from.data() + 1), from[1]);
    EXPECT_EQ(to, (std::array<std::uint64_t, 4>{5, from[1], from[2], 8}));
}

TEST(CellCopyBlock, CopiesOneWordHalfAWordOrAByte) {
    expect_compiler_knows<8>([](void* to, const void* from) { ring::detail::copy_scalar<std::uint64_t>(to, from); });
    expect_compiler_knows<4>([](void* to, const void* from) { ring::detail::copy_scalar<std::uint32_t>(to, from); });
    expect_compiler_knows<2>([](void* to, const void* from) {
        ring::detail::copy_ends<std::uint8_t>(static_cast<std::byte*>(to), static_cast<const std::byte*>(from), 2);
    });
}

TEST(CellCopyBlock, StoresTwoWordsAtOnce) {
    std::array<std::uint64_t, 4> words = {1, 2, 3, 4};
    ring::detail::store_vector(words.data() + 1, 0x1122334455667788U, 0x99AABBCCDDEEFF00U);
    EXPECT_EQ(words, (std::array<std::uint64_t, 4>{1, 0x1122334455667788U, 0x99AABBCCDDEEFF00U, 4}));
}
#endif

// Catches: a byte that is read from beyond, lost, or put in the wrong place.
TEST(CellCopyTail, IsThoseBytesAndZeros) {
    const std::array<std::byte, 8> bytes = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                            std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};
    for (std::size_t count = 1; count <= bytes.size(); ++count) {
        std::uint64_t expected = 0;
        std::memcpy(&expected, bytes.data(), count);
        EXPECT_EQ(ring::detail::load_private_bytes(bytes.data(), count), expected) << count;
    }
}

// A tool that sees atomics must see each word of a cell once, as a relaxed access: plain or repeated accesses would
// be a race, or a value looked at twice.
//
// Catches: a word stored twice or skipped, any order but relaxed.
TEST(CellCopyWords, EachWordIsStoredOnceAndRelaxed) {
    using HookedWord = test::HookedAtomics::Atomic<std::uint64_t>;
    std::array<std::byte, 77> source = {};
    std::array<HookedWord, 12> cell;
    std::array<int, 12> stores = {};
    {
        const test::AccessHook hook([&](const test::Access& access) {
            EXPECT_EQ(access.op, test::Op::kStore);
            EXPECT_EQ(access.order, std::memory_order_relaxed);
            ++stores[static_cast<std::size_t>(static_cast<const HookedWord*>(access.word) - cell.data())];
        });
        ring::detail::copy_into_cell<test::HookedAtomics>(cell.data(), source.data(), source.size());
    }
    EXPECT_EQ(stores, (std::array<int, 12>{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0}));
}

// Catches: a word loaded twice or skipped, any order but relaxed.
TEST(CellCopyWords, EachWordIsLoadedOnceAndRelaxed) {
    using HookedWord = test::HookedAtomics::Atomic<std::uint64_t>;
    std::array<HookedWord, 12> cell;
    std::array<std::uint64_t, 12> copy = {};
    std::array<int, 12> loads = {};
    {
        const test::AccessHook hook([&](const test::Access& access) {
            EXPECT_EQ(access.op, test::Op::kLoad);
            EXPECT_EQ(access.order, std::memory_order_relaxed);
            ++loads[static_cast<std::size_t>(static_cast<const HookedWord*>(access.word) - cell.data())];
        });
        ring::detail::copy_out_of_cell<test::HookedAtomics>(copy.data(), cell.data(), 80);
    }
    EXPECT_EQ(loads, (std::array<int, 12>{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0}));
}

}  // namespace
}  // namespace aegis
