// Random histories of one producer, several consumers and a group, each step compared with a model that knows no
// versions or fences: only how many cells each event takes and how many a ring has.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
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

// Cells of four words, events of one to three cells.
constexpr std::size_t kEventWords = 4;
constexpr test::EventRecipe kRecipe(9, 0, 80);

// What a reader at `cursor` must find.
struct Expected {
    ReadStatus status;
    ring::Ticket next;
};

// Where each event began.
class Model {
  public:
    Model(std::uint64_t cells, ring::Beginning first) : cells_(cells), first_(first), next_(first.position) {}

    void publish() {
        begins_.push_back(next_);
        const std::size_t bytes = 16 + kRecipe.payload_bytes(first_.ticket + begins_.size() - 1);
        next_ += (bytes + kEventWords * 8 - 1) / (kEventWords * 8);
    }

    Expected read(ring::Ticket cursor) const {
        const std::size_t index = cursor - first_.ticket;
        if (index == begins_.size()) {
            return {ReadStatus::kEmpty, cursor};
        }
        if (intact(begins_[index])) {
            return {ReadStatus::kEvent, cursor + 1};
        }
        const ring::Position newest = begins_.back();
        const ring::Position oldest = newest + 1 >= cells_ ? newest + 2 - cells_ : 0;
        const ring::Position from = std::max(oldest + cells_ / 4, begins_[index] + 1);
        if (from > newest) {
            return {ReadStatus::kEmpty, cursor};
        }
        return {ReadStatus::kLapped, first_.ticket + first_from(from)};
    }

    ring::Ticket oldest() const {
        std::size_t index = 0;
        while (!intact(begins_[index])) {
            ++index;
        }
        return first_.ticket + index;
    }

  private:
    bool intact(ring::Position position) const { return next_ <= position + cells_; }

    // The first intact event that begins there or later.
    std::size_t first_from(ring::Position position) const {
        auto begin = std::lower_bound(begins_.begin(), begins_.end(), position);
        while (!intact(*begin)) {
            ++begin;
        }
        return static_cast<std::size_t>(begin - begins_.begin());
    }

    std::uint64_t cells_;
    ring::Beginning first_;
    ring::Position next_;
    std::vector<ring::Position> begins_;
};

struct Reader {
    Reader(ring::RingMemory<> memory, ring::Beginning start) : consumer(memory, start), audit(kRecipe, start.ticket) {}

    ring::Consumer<> consumer;
    test::ReaderAudit audit;
};

struct History {
    std::uint64_t cells;
    ring::Beginning first;
    std::uint64_t seed;
};

void PrintTo(const History& history, std::ostream* out) {
    *out << history.cells << " cells from position " << history.first.position << ", seed " << history.seed;
}

class ReferenceModel : public testing::TestWithParam<History> {
  protected:
    static constexpr std::size_t kReaders = 4;
    static constexpr std::size_t kMembers = 3;

    void publish(std::uint64_t count) {
        for (; count > 0; --count) {
            test::publish_next(producer_, kRecipe);
            model_.publish();
        }
    }

    void attach(std::size_t who, ring::Beginning start) {
        readers_[who] = std::make_unique<Reader>(ring_.memory(), start);
    }

    void check_reader(std::size_t who) {
        Reader& reader = *readers_[who];
        ring::EventBuffer event;
        const ring::Ticket cursor = reader.consumer.cursor();
        const Expected expected = model_.read(cursor);
        ASSERT_EQ(reader.consumer.lag(), producer_.published() - cursor);
        const ReadStatus status = reader.consumer.read(event);
        reader.audit.after_read(reader.consumer, status, event);
        ASSERT_EQ(status, expected.status);
        ASSERT_EQ(reader.consumer.cursor(), expected.next);
        ASSERT_EQ(reader.audit.complaint(), "");
    }

    void check_member(std::size_t who) {
        ring::EventBuffer event;
        const Expected expected = model_.read(group_.cursor());
        const ReadStatus status = members_[who].read(event);
        records_[who].after_read(members_[who], status, event);
        ASSERT_EQ(status, expected.status);
        ASSERT_EQ(group_.cursor(), expected.next);
    }

    test::PrivateRing<> ring_{GetParam().cells, kEventWords};
    Model model_{GetParam().cells, GetParam().first};
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
    for (const std::uint64_t cells : {3U, 4U, 7U, 32U, 129U}) {
        for (const ring::Beginning first : {ring::Beginning{0, 0}, ring::Beginning{0xFFFFFFFF - 500, 0xFFFFFFF0 - 500},
                                            ring::Beginning{ring::kPositionLimit - 2000000, 3}}) {
            for (std::uint64_t seed = 1; seed <= 4; ++seed) {
                all.push_back({cells, first, seed});
            }
        }
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(Histories, ReferenceModel, testing::ValuesIn(histories()));

// Catches: any off-by-one in empty, intact and lapped, in resume position, counts, lag or attach position.
TEST_P(ReferenceModel, EveryStepIsAsTheModelSays) {
    const auto [cells, first, seed] = GetParam();
    test::Random random(seed * 1000 + cells);
    for (std::size_t who = 0; who < kReaders; ++who) {
        attach(who, first);
    }
    for (int step = 0; step < 6000; ++step) {
        switch (random.below(16)) {
            case 0:  // enough to lap everybody now and then
                publish(random.below(2 * cells + 2));
                break;
            case 1:
            case 2:
            case 3:
            case 4:
            case 5:
                publish(1);
                break;
            case 6:
                if (producer_.published() != first.ticket) {
                    const std::size_t who = random.below(kReaders);
                    const bool oldest = random.one_in(2);
                    attach(who, oldest ? ring::oldest_event(ring_.memory()) : ring::next_event(ring_.memory()));
                    ASSERT_EQ(readers_[who]->consumer.cursor(), oldest ? model_.oldest() : producer_.published());
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
    EXPECT_EQ(test::disagreement({&records_[0], &records_[1], &records_[2]}, first.ticket, group_.cursor()), "");
    EXPECT_GT(records_[0].delivered() + records_[1].delivered() + records_[2].delivered(), 0U);
    EXPECT_GT(records_[0].lost() + records_[1].lost() + records_[2].lost(), 0U);
}

}  // namespace
}  // namespace aegis
