// ConsumerGroup and GroupMember, as shipped, and the two wrong ways to claim that the design names.

#include <gmock/gmock.h>

#include "group_program.hpp"

namespace aegis::model {
namespace {

using testing::HasSubstr;
using HeaderOnly = ModelRing<2, 0>;
using OneWord = ModelRing<2, 1>;

template <class Ring>
void expect_correct(const GroupShape& shape) {
    const Result result = explore_group<GroupProgram<Ring>>(shape);
    EXPECT_TRUE(result.passed) << result.failure;
}

// Each catches: a claim that is no compare-exchange, one before the copy is validated, one of the wrong ticket,
// a loss that two members count or none.
TEST(Group, TwoMembersShareEventsThatAreThere) {
    expect_correct<OneWord>({.members = 2, .before = 2, .attempts = 3});
}

TEST(Group, TwoMembersShareEventsThatArrive) {
    expect_correct<HeaderOnly>({.members = 2, .during = 2, .attempts = 2});
}

TEST(Group, TwoMembersAreLappedTogether) {
    expect_correct<HeaderOnly>({.members = 2, .before = 2, .during = 1, .attempts = 1});
    expect_correct<OneWord>({.members = 2, .before = 2, .during = 1, .attempts = 1});
    expect_correct<ModelRingOf<3, 2, 1>>({.members = 2, .before = 2, .during = 1, .attempts = 1});
}

TEST(Group, ThreeMembersShare) {
    expect_correct<HeaderOnly>({.members = 3, .before = 2, .during = 0, .attempts = 1});
}

// A group whose claim does what the policy says, otherwise like ring::ConsumerGroup.
template <class Claim>
class WrongGroup {
  public:
    WrongGroup(ModelMemory ring_memory, ring::Beginning start) : memory(ring_memory), cursor_word(start.ticket) {}

    Ticket cursor() const { return cursor_word.load(std::memory_order_relaxed); }

    ModelMemory memory;
    ModelWord cursor_word;
};

template <class Claim>
class WrongMember {
  public:
    explicit WrongMember(WrongGroup<Claim>& group) : group_(&group) {}

    ReadStatus read(EventBuffer& out) {
        // Every event takes one cell here: the ticket is the position.
        const Ticket cursor = Claim::ticket(*group_);
        const ring::detail::EventRead result =
            ring::detail::read_event(group_->memory, group_->memory.place_of(cursor), out);
        if (result.status == ReadStatus::kEvent) {
            Claim::take(*group_, cursor + 1);
            ++delivered_;
        }
        return result.status;
    }

    std::uint64_t delivered() const { return delivered_; }
    static std::uint64_t lost() { return 0; }
    static ring::Loss last_loss() { return {}; }

  private:
    WrongGroup<Claim>* group_;
    std::uint64_t delivered_ = 0;
};

struct ClaimByStore {
    template <class Group>
    static Ticket ticket(Group& group) {
        return group.cursor();
    }
    template <class Group>
    static void take(Group& group, Ticket next) {
        group.cursor_word.store(next, std::memory_order_release);
    }
};

struct ClaimByFetchAdd {
    template <class Group>
    static Ticket ticket(Group& group) {
        return group.cursor_word.fetch_add(1, std::memory_order_acq_rel);
    }
    template <class Group>
    static void take(Group&, Ticket) {}
};

template <class Claim>
Result explore_wrong(const GroupShape& shape) {
    return explore_group<GroupProgram<HeaderOnly, WrongGroup<Claim>, WrongMember<Claim>>>(shape);
}

TEST(GroupNegative, AStoreIsNoClaim) {
    const Result result = explore_wrong<ClaimByStore>({.members = 2, .before = 1, .attempts = 1});
    EXPECT_FALSE(result.passed);
    EXPECT_THAT(result.failure, HasSubstr("a ticket twice"));
}

// One event, two members: the second takes a ticket that does not exist yet, and nobody comes back for it.
TEST(GroupNegative, AFetchAddRunsPastTheHead) {
    const Result result = explore_wrong<ClaimByFetchAdd>({.members = 2, .before = 1, .during = 1, .attempts = 1});
    EXPECT_FALSE(result.passed);
    EXPECT_THAT(result.failure, HasSubstr("before the end"));
}

}  // namespace
}  // namespace aegis::model
