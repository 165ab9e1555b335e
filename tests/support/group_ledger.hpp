// What the members of a group got, put together: each ticket exactly once, delivered or lost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "aegis/ring/consumer_group.hpp"
#include "support/event_recipe.hpp"

namespace aegis::test {

// One member's own records; each thread keeps its own and they are put together at the end.
class MemberRecord {
  public:
    explicit MemberRecord(const EventRecipe& recipe) : recipe_(recipe) {}

    // Call with the result of each read.
    template <class Atomics>
    void after_read(const ring::GroupMember<Atomics>& member, ring::ReadStatus status, const ring::EventBuffer& event) {
        if (status == ring::ReadStatus::kEvent) {
            if (!recipe_.matches(event, event.ticket())) {
                complain(recipe_.describe(event, event.ticket()));
            }
            add({event.ticket(), 1}, true);
            ++delivered_;
        } else if (status == ring::ReadStatus::kLapped) {
            add(member.last_loss(), false);
            lost_ += member.last_loss().count;
        }
        if (member.delivered() != delivered_ || member.lost() != lost_) {
            complain("the member's counts do not add up");
        }
    }

    struct Run {
        ring::Loss tickets;
        bool delivered;
    };

    const std::vector<Run>& runs() const { return runs_; }
    const std::string& complaint() const { return complaint_; }
    std::uint64_t delivered() const { return delivered_; }
    std::uint64_t lost() const { return lost_; }

  private:
    void add(const ring::Loss& tickets, bool delivered) {
        if (tickets.count == 0) {
            complain("an empty loss");
        }
        if (!runs_.empty()) {
            Run& last = runs_.back();
            const ring::Ticket next = last.tickets.first + last.tickets.count;
            if (tickets.first < next) {
                complain("a member went back");
            }
            if (tickets.first == next && last.delivered == delivered) {
                last.tickets.count += tickets.count;
                return;
            }
        }
        runs_.push_back({tickets, delivered});
    }

    void complain(const std::string& what) {
        if (complaint_.empty()) {
            complaint_ = what;
        }
    }

    EventRecipe recipe_;
    std::vector<Run> runs_;
    std::uint64_t delivered_ = 0;
    std::uint64_t lost_ = 0;
    std::string complaint_;
};

// Empty when the records together hold each ticket of [start, end) exactly once and no other; otherwise the first
// ticket that is missing or that two members have.
inline std::string disagreement(const std::vector<const MemberRecord*>& records, ring::Ticket start, ring::Ticket end) {
    std::vector<MemberRecord::Run> runs;
    for (const MemberRecord* record : records) {
        if (!record->complaint().empty()) {
            return record->complaint();
        }
        runs.insert(runs.end(), record->runs().begin(), record->runs().end());
    }
    std::sort(runs.begin(), runs.end(),
              [](const MemberRecord::Run& a, const MemberRecord::Run& b) { return a.tickets.first < b.tickets.first; });
    ring::Ticket next = start;
    std::ostringstream text;
    for (const MemberRecord::Run& run : runs) {
        if (run.tickets.first != next) {
            text << (run.tickets.first < next ? "taken twice: " : "taken by nobody: ")
                 << std::min(run.tickets.first, next);
            return text.str();
        }
        next += run.tickets.count;
    }
    if (next != end) {
        text << "ends at " << next << " instead of " << end;
    }
    return text.str();
}

}  // namespace aegis::test
