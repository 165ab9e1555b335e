// Random histories of one producer, several consumers and a group, each step compared with a model that knows no
// slots, versions or fences: only how many events were published and how many a ring keeps.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "support/event_recipe.hpp"
#include "support/group_ledger.hpp"
#include "support/private_ring.hpp"
#include "support/random.hpp"
#include "support/reader_audit.hpp"

namespace aegis {
namespace {

using ring::ReadStatus;

constexpr std::size_t kEventWords = 9;
constexpr test::EventRecipe kRecipe(9, 0, (kEventWords - 2) * 8);

// What a reader at `cursor` must find.
struct Expected {
    ReadStatus status;
    ring::Ticket next;
};

Expected expect_read(ring::Ticket cursor, ring::Ticket published, std::uint64_t slots) {
    if (cursor == published) {
        return {ReadStatus::kEmpty, cursor};
    }
    if (published - cursor <= slots) {
        return {ReadStatus::kEvent, cursor + 1};
    }
    return {ReadStatus::kLapped, published - slots + 1 + slots / 4};
}

struct Reader {
    Reader(ring::RingMemory<> memory, ring::Ticket start) : consumer(memory, start), audit(kRecipe, start) {}

    ring::Consumer<> consumer;
    test::ReaderAudit audit;
};

struct History {
    std::uint64_t slots;
    ring::Ticket first;
    std::uint64_t seed;
};

void PrintTo(const History& history, std::ostream* out) {
    *out << history.slots << " slots from ticket " << history.first << ", seed " << history.seed;
}

class ReferenceModel : public testing::TestWithParam<History> {
  protected:
    static constexpr std::size_t kReaders = 4;
    static constexpr std::size_t kMembers = 3;

    void attach(std::size_t who, ring::Ticket start) {
        readers_[who] = std::make_unique<Reader>(ring_.memory(), start);
    }

    void check_reader(std::size_t who) {
        Reader& reader = *readers_[who];
        ring::EventBuffer event;
        const ring::Ticket cursor = reader.consumer.cursor();
        const Expected expected = expect_read(cursor, producer_.published(), GetParam().slots);
        ASSERT_EQ(reader.consumer.lag(), producer_.published() - cursor);
        const ReadStatus status = reader.consumer.read(event);
        reader.audit.after_read(reader.consumer, status, event);
        ASSERT_EQ(status, expected.status);
        ASSERT_EQ(reader.consumer.cursor(), expected.next);
        ASSERT_EQ(reader.audit.complaint(), "");
    }

    void check_member(std::size_t who) {
        ring::EventBuffer event;
        const Expected expected = expect_read(group_.cursor(), producer_.published(), GetParam().slots);
        const ReadStatus status = members_[who].read(event);
        records_[who].after_read(members_[who], status, event);
        ASSERT_EQ(status, expected.status);
        ASSERT_EQ(group_.cursor(), expected.next);
    }

    test::PrivateRing<> ring_{GetParam().slots, kEventWords};
    ring::Producer<> producer_{ring_.memory(), GetParam().first};
    std::unique_ptr<Reader> readers_[kReaders];
    ring::ConsumerGroup<> group_{ring_.memory(), GetParam().first};
    ring::GroupMember<> members_[kMembers] = {ring::GroupMember<>(group_), ring::GroupMember<>(group_),
                                              ring::GroupMember<>(group_)};
    test::MemberRecord records_[kMembers] = {test::MemberRecord(kRecipe), test::MemberRecord(kRecipe),
                                             test::MemberRecord(kRecipe)};
};

std::vector<History> histories() {
    std::vector<History> all;
    for (const std::uint64_t slots : {2U, 4U, 8U, 32U, 128U}) {
        for (const ring::Ticket first :
             {ring::Ticket{0}, ring::Ticket{0xFFFFFFFF - 500}, ring::kTicketLimit - 200000}) {
            for (std::uint64_t seed = 1; seed <= 4; ++seed) {
                all.push_back({slots, first, seed});
            }
        }
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(Histories, ReferenceModel, testing::ValuesIn(histories()));

// Catches: any off-by-one in empty, intact and lapped, in resume position, counts, lag or attach position.
TEST_P(ReferenceModel, EveryStepIsAsTheModelSays) {
    const auto [slots, first, seed] = GetParam();
    test::Random random(seed * 1000 + slots);
    for (std::size_t who = 0; who < kReaders; ++who) {
        attach(who, first);
    }
    for (int step = 0; step < 6000; ++step) {
        switch (random.below(16)) {
            case 0:  // enough to lap everybody now and then
                test::publish_many(producer_, kRecipe, random.below(2 * slots + 2));
                break;
            case 1:
            case 2:
            case 3:
            case 4:
            case 5:
                test::publish_next(producer_, kRecipe);
                break;
            case 6:
                if (producer_.published() - first >= slots) {
                    const std::size_t who = random.below(kReaders);
                    attach(who,
                           random.one_in(2) ? ring::oldest_ticket(ring_.memory()) : ring_.memory().load_published());
                    ASSERT_NE(expect_read(readers_[who]->consumer.cursor(), producer_.published(), slots).status,
                              ReadStatus::kLapped);
                }
                break;
            case 7:
            case 8:
            case 9:
                ASSERT_NO_FATAL_FAILURE(check_member(random.below(kMembers)));
                break;
            default:
                ASSERT_NO_FATAL_FAILURE(check_reader(random.below(kReaders)));
                break;
        }
    }
    EXPECT_EQ(test::disagreement({&records_[0], &records_[1], &records_[2]}, first, group_.cursor()), "");
    EXPECT_GT(records_[0].delivered() + records_[1].delivered() + records_[2].delivered(), 0U);
    EXPECT_GT(records_[0].lost() + records_[1].lost() + records_[2].lost(), 0U);
}

}  // namespace
}  // namespace aegis
