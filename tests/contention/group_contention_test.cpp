// Members of a group in threads, beside broadcast readers: each event goes to exactly one member.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "aegis/ring/producer.hpp"
#include "contention/jitter_atomics.hpp"
#include "contention/reading.hpp"
#include "contention/scale.hpp"
#include "support/seed.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

struct Setup {
    std::uint32_t cells;
    unsigned groups;
    unsigned members;
};

void PrintTo(const Setup& setup, std::ostream* out) {
    *out << setup.groups << " groups of " << setup.members << " members over " << setup.cells << " cells";
}

class GroupContention : public testing::TestWithParam<Setup> {
  protected:
    template <class Atomics>
    ring::RingMemory<Atomics> memory() {
        return ring::ring_memory_of<Atomics>(region_.bytes().data(), ring::load_identity(region_.bytes().data()));
    }

    template <class Atomics>
    void run(std::uint64_t events) {
        const auto [cells, group_count, member_count] = GetParam();
        std::vector<std::unique_ptr<ring::ConsumerGroup<Atomics>>> groups;
        for (unsigned i = 0; i < group_count; ++i) {
            groups.push_back(std::make_unique<ring::ConsumerGroup<Atomics>>(memory<Atomics>(), ring::Beginning{}));
        }
        const unsigned all = group_count * member_count;
        std::vector<test::MemberRecord> records(all, test::MemberRecord(recipe_));
        std::vector<std::thread> threads;
        for (unsigned who = 0; who < all; ++who) {
            threads.emplace_back([&, who, members = member_count] {
                test::Jitter::seed(test::random_stream(who).next());
                ring::GroupMember<Atomics> member(*groups[who / members]);
                test::read_to_the_end(member, records[who], traffic_);
            });
        }
        test::ReaderAudit audit(recipe_, 0);
        std::thread broadcast([&] {
            ring::Consumer<> consumer(memory<ring::StdAtomics>(), {});
            test::read_to_the_end(consumer, audit, traffic_);
        });

        ring::Producer<> producer(memory<ring::StdAtomics>());
        for (std::uint64_t i = 0; i < events; ++i) {
            test::publish_next(producer, recipe_);
            traffic_.note_publish(producer.published());
            if (i % 1024 == 0) {
                sched_yield();
            }
        }
        traffic_.end(producer.published());
        for (std::thread& thread : threads) {
            thread.join();
        }
        broadcast.join();

        EXPECT_EQ(audit.complaint(), "");
        for (unsigned i = 0; i < group_count; ++i) {
            std::vector<const test::MemberRecord*> members;
            std::uint64_t total = 0;
            for (unsigned m = 0; m < member_count; ++m) {
                members.push_back(&records[i * member_count + m]);
                total += members.back()->delivered() + members.back()->lost();
            }
            EXPECT_EQ(test::disagreement(members, 0, events), "");
            EXPECT_EQ(total, events);
            EXPECT_EQ(groups[i]->cursor(), events);
        }
    }

    test::EventRecipe recipe_{test::run_seed(), 0, 300};
    test::FormattedRegion region_{GetParam().cells};
    test::Traffic traffic_;
};

INSTANTIATE_TEST_SUITE_P(Setups, GroupContention,
                         testing::Values(Setup{2, 1, 2}, Setup{8, 1, 8}, Setup{64, 2, 2}, Setup{64, 3, 3},
                                         Setup{4096, 1, 4}));

// Catches: the claim made of a load and a store, or dropped; a claim before the copy.
TEST_P(GroupContention, MembersTogetherSeeEachEventExactlyOnce) {
    run<ring::StdAtomics>(test::scaled(100000));
}

TEST_P(GroupContention, StalledMembersLoseNothingThatOthersCanTake) {
    run<test::JitterAtomics>(test::scaled(50000));
}

}  // namespace
}  // namespace aegis
