// A new driver session under an old consumer: another session id, tickets from 0 again.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/producer.hpp"
#include "support/event_recipe.hpp"
#include "support/one_cell.hpp"
#include "support/reader_audit.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

constexpr test::EventRecipe kOldRecipe(5, 0, 100);
constexpr test::EventRecipe kNewRecipe(6, 0, 100);
constexpr std::uint32_t kCells = 64;

class NewSession : public testing::Test {
  protected:
    // The driver was unloaded and loaded again, and its memory lies where the old one lay.
    void restart() {
        std::memset(region_.bytes().data(), 0, region_.bytes().size());
        producer_ = ring::Producer<>(ring::format_region(region_.bytes().data(), kCells, test::kSessionB));
    }

    ring::OpenedRegion<> open() { return ring::open_region(region_.bytes().data(), region_.bytes().size()); }

    test::FormattedRegion region_{kCells, test::kSessionA};
    ring::Producer<> producer_{region_.memory()};
};

TEST_F(NewSession, IsToldByItsIdAlone) {
    const AEGIS_RING_IDENTITY old = open().identity;
    EXPECT_TRUE(ring::same_session(old, open().identity));
    restart();
    EXPECT_FALSE(ring::same_session(old, open().identity));
    EXPECT_EQ(old.CellCount, open().identity.CellCount);
}

// Until the consumer looks at the id, it waits at its cursor: it takes no event of the new session for an old one
// while the new session has fewer events, and no loss is made up.
TEST_F(NewSession, AnOldConsumerWaitsRatherThanGoingBack) {
    test::publish_many(producer_, kOldRecipe, 1000);
    ring::Consumer<> consumer(region_.memory(), test::at(990));
    test::ReaderAudit audit(kOldRecipe, 990);
    EXPECT_EQ(audit.drain(consumer), 10U);
    restart();
    for (int i = 0; i < 900; ++i) {
        test::publish_next(producer_, kNewRecipe);
        ring::EventBuffer event;
        ASSERT_EQ(consumer.read(event), ring::ReadStatus::kEmpty) << i;
    }
    EXPECT_EQ(consumer.cursor(), 1000U);
    EXPECT_EQ(consumer.lost(), 0U);
    EXPECT_EQ(consumer.lag(), 0U);
}

TEST_F(NewSession, AConsumerThatStartsOverGetsEveryEventOfIt) {
    test::publish_many(producer_, kOldRecipe, 100);
    ring::Consumer<> consumer(region_.memory(), {});
    test::ReaderAudit old_audit(kOldRecipe, 0);
    old_audit.drain(consumer);
    restart();
    test::publish_many(producer_, kNewRecipe, 50);

    const ring::OpenedRegion<> opened = open();
    ASSERT_EQ(opened.error, ring::RegionError::kNone);
    const ring::Beginning oldest = ring::oldest_event(opened.memory);
    EXPECT_EQ(oldest.ticket, 0U);
    consumer = ring::Consumer<>(opened.memory, oldest);
    test::ReaderAudit audit(kNewRecipe, oldest.ticket);
    EXPECT_EQ(audit.drain(consumer), 50U);
    EXPECT_EQ(audit.complaint(), "");
}

}  // namespace
}  // namespace aegis
