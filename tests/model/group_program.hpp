// A producer and the members of one group.
#pragma once

#include <array>
#include <memory>

#include "aegis/ring/consumer_group.hpp"
#include "model_ring.hpp"

namespace aegis::model {

struct GroupShape {
    ThreadId members = 2;
    unsigned before = 0;    // events published before the threads start
    unsigned during = 0;    // events published meanwhile
    unsigned attempts = 0;  // reads each member makes meanwhile
};

// `Group` and `Member`: ring::ConsumerGroup and ring::GroupMember, or wrong versions of them.
template <class Ring, class Group = ring::ConsumerGroup<ModelAtomics>, class Member = ring::GroupMember<ModelAtomics>>
class GroupProgram : public Program {
  public:
    explicit GroupProgram(const GroupShape& shape)
        : shape_(shape),
          ring_({0}),
          group_(ring_.memory(), {}),
          ledger_(Ring::kPattern, 0, true),
          members_{Member(group_), Member(group_), Member(group_)} {
        for (unsigned i = 0; i < shape_.before; ++i) {
            ring_.publish_next();
        }
    }

    void run(ThreadId thread) override {
        if (thread == 0) {
            for (unsigned i = 0; i < shape_.during; ++i) {
                ring_.publish_next();
            }
            return;
        }
        for (unsigned i = 0; i < shape_.attempts; ++i) {
            read_into(ledger_, ring_, members_[thread - 1U]);
        }
    }

    void finish() override {
        while (read_into(ledger_, ring_, members_[0]) != ReadStatus::kEmpty) {
        }
        check(group_.cursor() == ring_.begun(), "the group stopped before the end");
        ledger_.settle(group_.cursor());
        std::uint64_t delivered = 0;
        std::uint64_t lost = 0;
        for (const Member& member : members_) {
            delivered += member.delivered();
            lost += member.lost();
        }
        check(delivered == ledger_.delivered(), "delivered() of the members is what they delivered");
        check(lost == ledger_.lost(), "lost() of the members is what they lost");
    }

  private:
    GroupShape shape_;
    Ring ring_;
    Group group_;
    Ledger ledger_;
    std::array<Member, 3> members_;
};

template <class Test>
Result explore_group(const GroupShape& shape, Options options = {}) {
    options.threads = {"producer"};
    for (ThreadId i = 0; i < shape.members; ++i) {
        options.threads.push_back("member " + std::to_string(i + 1));
    }
    return Explorer::explore(options, [&] { return std::make_unique<Test>(shape); });
}

}  // namespace aegis::model
