// Words that somebody else may write between two looks: the driver looks once.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <new>
#include <vector>

#include "channel/ring_channel.hpp"
#include "consumers/pull_cursor.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/watched_memory.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kCells = 64;

// The consumer page as the driver has it.
AEGIS_CONSUMER_PAGE* page_in_the_kernel(TestHost& host, AEGIS_CONSUMER_PAGE* mapped) {
    constexpr std::uint64_t kMark = 0x4D61726B4D61726BU;
    mapped->Cursor = kMark;
    for (const host::PoolBlock& block : host->pool_blocks()) {
        if (block.bytes == AEGIS_CONSUMER_PAGE_BYTES) {
            auto* page = static_cast<AEGIS_CONSUMER_PAGE*>(block.address);
            if (page->Cursor == kMark) {
                return page;
            }
        }
    }
    return nullptr;
}

// Catches: the cursor in the consumer's page loaded again for the lag: the client writes in between, and the lag wraps.
TEST(SharedWord, TheCursorOfAConsumerPageIsReadOncePerQuery) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const SetupResult setup = client.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    Activity(host).come_and_go(2);
    AEGIS_CONSUMER_PAGE* page = page_in_the_kernel(host, consumer_page_of(setup.reply));
    ASSERT_NE(page, nullptr);
    consumer_page_of(setup.reply)->Cursor = 1;
    QueryResult query;
    const unsigned once = WatchedMemory::accesses_of_a_load();
    {
        const WatchedMemory watched(page, AEGIS_CONSUMER_PAGE_BYTES);
        query = client.query();
        EXPECT_EQ(watched.accesses(), once);
    }
    EXPECT_EQ(query.reply->Consumers[0].Cursor, 1U);
    EXPECT_EQ(query.reply->Consumers[0].Lag, 7U);
}

// Catches: the cursor of a pull loaded again for the lag, while a pull goes on.
TEST(SharedWord, TheCursorOfAPullIsReadOncePerQuery) {
    const host::Executive executive;
    driver::RingChannel channel;
    ASSERT_EQ(channel.create(kCells), STATUS_SUCCESS);
    constexpr std::size_t kBytes = std::size_t{4} * 4096;
    static_assert(sizeof(driver::PullCursor) <= kBytes);
    void* pages = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    auto* cursor = new (pages) driver::PullCursor;
    cursor->initialize(channel.memory());
    std::vector<std::byte> output(AEGIS_MAX_EVENT_SIZE);
    EXPECT_EQ(cursor->pull(output.data(), output.size()), 0U);
    AEGIS_CONSUMER_INFO row{};
    const unsigned once = WatchedMemory::accesses_of_a_load();
    {
        const WatchedMemory watched(pages, kBytes);
        EXPECT_TRUE(cursor->describe(5, &row));
        // Whether it is used, where it is, what it lost.
        EXPECT_EQ(watched.accesses(), 3 * once);
    }
    EXPECT_EQ(row.Lag, 5U);
    cursor->~PullCursor();
    ::munmap(pages, kBytes);
    channel.destroy();
}

}  // namespace
}  // namespace aegis::test
