// Replies to a query of releases before and after this one, and of drivers that are broken or mean harm.

#include "agent/client/query_reply.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "support/seed.hpp"

namespace aegis {
namespace {

// A reply as a driver writes it whose rows and head are as long as it likes, filled so that each field tells where it
// belongs, and with 0xEE where this release knows nothing.
struct Layout {
    std::uint32_t head_bytes = AEGIS_QUERY_HEAD_BYTES;
    AEGIS_ROWS callbacks = {144, 2, sizeof(AEGIS_CALLBACK_HEALTH)};
    AEGIS_ROWS consumers = {288, 3, sizeof(AEGIS_CONSUMER_INFO)};
    std::uint32_t bytes = 408;
};

AEGIS_CALLBACK_HEALTH callback(std::uint32_t i) {
    return {i + 1, 1, -1, i, 1000 + i, 15, 1 + i, 2, 3, 4, 5 - i};
}

AEGIS_CONSUMER_INFO consumer(std::uint32_t i) {
    return {AEGIS_TRANSPORT_RING, 100 + i, 200 + i, 300 + i, 400 + i, 500 + i};
}

std::vector<std::byte> reply_of(const Layout& layout) {
    std::vector<std::byte> reply(layout.bytes, std::byte{0xEE});
    AEGIS_QUERY_REPLY head = {};
    head.Version = AEGIS_CONTROL_VERSION;
    head.Bytes = layout.bytes;
    head.Published = 77;
    head.PolicyGeneration = 5;
    head.HeadBytes = layout.head_bytes;
    head.CallbackRows = layout.callbacks;
    head.ConsumerRows = layout.consumers;
    std::memcpy(reply.data(), &head, AEGIS_QUERY_HEAD_BYTES);
    for (std::uint32_t i = 0; i < layout.callbacks.Count; ++i) {
        const AEGIS_CALLBACK_HEALTH row = callback(i);
        std::memcpy(reply.data() + layout.callbacks.Offset + i * layout.callbacks.RowBytes, &row, sizeof(row));
    }
    for (std::uint32_t i = 0; i < layout.consumers.Count; ++i) {
        const AEGIS_CONSUMER_INFO row = consumer(i);
        std::memcpy(reply.data() + layout.consumers.Offset + i * layout.consumers.RowBytes, &row, sizeof(row));
    }
    return reply;
}

template <class Row>
bool same(const Row& one, const Row& other) {
    return std::memcmp(&one, &other, sizeof(Row)) == 0;
}

void expect_read(const Layout& layout) {
    AEGIS_QUERY_REPLY known;
    std::memset(&known, 0xAB, sizeof(known));
    EXPECT_EQ(client::read_query_reply(reply_of(layout), known), std::nullopt);
    EXPECT_EQ(known.Published, 77U);
    EXPECT_EQ(known.PolicyGeneration, 5U);
    for (std::uint32_t i = 0; i < AEGIS_MAX_CALLBACKS; ++i) {
        EXPECT_TRUE(same(known.Callbacks[i], i < layout.callbacks.Count ? callback(i) : AEGIS_CALLBACK_HEALTH{})) << i;
    }
    for (std::uint32_t i = 0; i < AEGIS_MAX_HANDLES; ++i) {
        EXPECT_TRUE(same(known.Consumers[i], i < layout.consumers.Count ? consumer(i) : AEGIS_CONSUMER_INFO{})) << i;
    }
}

TEST(QueryReply, OfThisReleaseIsRead) {
    expect_read({});
}

// Catches: this release's lengths or places taken for the reply's, a row that is read beyond what is known of it.
TEST(QueryReply, OfALaterReleaseIsReadByItsOwnLengths) {
    Layout later;
    later.head_bytes = 200;
    later.callbacks = {600, 5, 96};
    later.consumers = {200, 7, 56};
    later.bytes = 600 + 5 * 96 + 24;
    expect_read(later);
}

TEST(QueryReply, WithoutRowsIsRead) {
    Layout empty;
    empty.callbacks.Count = 0;
    empty.consumers.Count = 0;
    expect_read(empty);
}

TEST(QueryReply, WithAsManyRowsAsThereMayBeIsRead) {
    Layout full;
    full.callbacks = {144, AEGIS_MAX_CALLBACKS, sizeof(AEGIS_CALLBACK_HEALTH)};
    full.consumers = {144 + 32 * 72, AEGIS_MAX_HANDLES, sizeof(AEGIS_CONSUMER_INFO)};
    full.bytes = sizeof(AEGIS_QUERY_REPLY);
    expect_read(full);
}

void expect_broken(const std::function<void(Layout&)>& damage, const std::string& reason) {
    Layout layout;
    std::vector<std::byte> reply = reply_of(layout);
    damage(layout);
    AEGIS_QUERY_REPLY head = {};
    std::memcpy(&head, reply.data(), AEGIS_QUERY_HEAD_BYTES);
    head.Bytes = layout.bytes;
    head.HeadBytes = layout.head_bytes;
    head.CallbackRows = layout.callbacks;
    head.ConsumerRows = layout.consumers;
    std::memcpy(reply.data(), &head, AEGIS_QUERY_HEAD_BYTES);
    AEGIS_QUERY_REPLY known = {};
    known.Published = 3;
    EXPECT_EQ(client::read_query_reply(reply, known), reason);
    EXPECT_EQ(known.Published, 3U) << "changed by a reply that is not read";
}

// Each rule of AEGIS_QUERY_REPLY alone. Catches: any check left out, or with its boundary moved; a sum that wraps.
TEST(QueryReply, ThatIsBrokenIsRefusedWithItsFault) {
    expect_broken([](Layout& it) { it.bytes = 407; }, "it has 408 bytes and says 407");
    expect_broken([](Layout& it) { it.bytes = 409; }, "it has 408 bytes and says 409");
    expect_broken([](Layout& it) { it.head_bytes = 143; }, "its head has 143 of 408 bytes, where 144 are the least");
    expect_broken([](Layout& it) { it.head_bytes = 409; }, "its head has 409 of 408 bytes, where 144 are the least");
    expect_broken([](Layout& it) { it.callbacks.Count = 33; }, "it has 33 rows of callbacks, where 32 are the most");
    expect_broken([](Layout& it) { it.callbacks.Count = UINT32_MAX; },
                  "it has 4294967295 rows of callbacks, where 32 are the most");
    expect_broken([](Layout& it) { it.consumers.Count = 129; }, "it has 129 rows of consumers, where 128 are the most");
    expect_broken([](Layout& it) { it.callbacks.RowBytes = 64; },
                  "its rows of callbacks have 64 bytes: no multiple of 8 from 72 on");
    expect_broken([](Layout& it) { it.callbacks.RowBytes = 76; },
                  "its rows of callbacks have 76 bytes: no multiple of 8 from 72 on");
    expect_broken([](Layout& it) { it.consumers.RowBytes = 0; },
                  "its rows of consumers have 0 bytes: no multiple of 8 from 40 on");
    expect_broken([](Layout& it) { it.callbacks.Offset = 136; },
                  "its rows of callbacks are at bytes 136 to 280: not from a multiple of 8 on, between 144 and 408");
    expect_broken([](Layout& it) { it.callbacks.Offset = 148; },
                  "its rows of callbacks are at bytes 148 to 292: not from a multiple of 8 on, between 144 and 408");
    expect_broken([](Layout& it) { it.consumers.Offset = 296; },
                  "its rows of consumers are at bytes 296 to 416: not from a multiple of 8 on, between 144 and 408");
    expect_broken([](Layout& it) { it.consumers.Offset = 0xFFFFFFF8; },
                  "its rows of consumers are at bytes 4294967288 to 4294967408: not from a multiple of 8 on, between "
                  "144 and 408");
    expect_broken(
        [](Layout& it) { it.callbacks.RowBytes = 0xFFFFFFF8; },
        "its rows of callbacks are at bytes 144 to 8589934720: not from a multiple of 8 on, between 144 and 408");
}

TEST(QueryReply, ThatIsShorterThanAHeadIsRefused) {
    const std::vector<std::byte> reply = reply_of({});
    for (std::size_t bytes = 0; bytes < AEGIS_QUERY_HEAD_BYTES; ++bytes) {
        // A buffer that ends where the reply ends, for AddressSanitizer.
        const std::vector<std::byte> cut(reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(bytes));
        AEGIS_QUERY_REPLY known = {};
        EXPECT_EQ(client::read_query_reply(cut, known),
                  "it has " + std::to_string(bytes) + " bytes, where 144 are the least");
    }
}

// Whatever the words of the head say, nothing outside of the reply is read (AddressSanitizer looks) and what is read
// fits. Catches: a check that is right for likely numbers only.
TEST(QueryReply, WithAnyWordsInItsHeadIsReadOrRefused) {
    test::Random random = test::random_stream(0x9E7);
    unsigned refused = 0;
    constexpr unsigned kReplies = 20'000;
    for (unsigned i = 0; i < kReplies; ++i) {
        std::vector<std::byte> reply = reply_of({});
        for (std::uint32_t changes = 1 + static_cast<std::uint32_t>(random.below(3)); changes != 0; --changes) {
            // HeadBytes and what follows it in the head.
            const std::size_t word = 112 + 4 * random.below(8);
            const auto value = static_cast<std::uint32_t>(random.below(2) == 0 ? random.below(512) : random.next());
            std::memcpy(reply.data() + word, &value, sizeof(value));
        }
        AEGIS_QUERY_REPLY known = {};
        refused += client::read_query_reply(reply, known).has_value() ? 1 : 0;
    }
    EXPECT_GT(refused, kReplies / 2);
    EXPECT_LT(refused, kReplies);
}

}  // namespace
}  // namespace aegis
