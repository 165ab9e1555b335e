// The ring at full speed for as long as asked, with every check on.
//
//   aegis_ring_soak MINUTES
//
// Rounds of a few seconds, each with another number of cells and another payload size: one producer, two broadcast
// readers (one of them stalled at random), a group of two, and a reader that sleeps on its doorbell. A line of progress
// per round on stderr, one summary on stdout; exit code 1 when anything was wrong, 2 on wrong usage.

#include <time.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "contention/doorbell_rig.hpp"
#include "contention/jitter_atomics.hpp"
#include "contention/reading.hpp"
#include "contention/sleepers.hpp"
#include "support/seed.hpp"
#include "support/zeroed_region.hpp"

namespace aegis::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kRound{5};

// Which tickets a member took, as a sum that needs no memory: the parts of [a, b) telescope to mix(b) - mix(a), in any
// order, and a ticket that is missing or taken twice changes it.
class TicketSum {
  public:
    void add(ring::Ticket first, std::uint64_t count) { sum_ += mix(first + count) - mix(first); }
    void add(const TicketSum& other) { sum_ += other.sum_; }
    bool is_all_up_to(ring::Ticket end) const { return sum_ == mix(end) - mix(0); }

  private:
    std::uint64_t sum_ = 0;
};

struct Totals {
    std::uint64_t published = 0;
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;
    std::uint64_t sleeps = 0;
    std::vector<std::string> complaints;
};

struct Shape {
    std::uint32_t cells;
    std::size_t largest_payload;
};

class Round {
  public:
    Round(const Shape& shape, std::uint64_t seed)
        : recipe_(seed, 0, shape.largest_payload), region_(shape.cells), random_(seed) {}

    void run(Clock::time_point end, Totals& totals) {
        std::vector<std::thread> threads;
        threads.emplace_back([this] { read<ring::StdAtomics>(audits_[0]); });
        threads.emplace_back([this] { read<JitterAtomics>(audits_[1]); });
        for (std::size_t who = 0; who < kMembers; ++who) {
            threads.emplace_back([this, who] { share(who); });
        }
        threads.emplace_back(
            [this] { run_sleeping_consumer(region_.memory(), sleeper_, 1, audits_[2], traffic_, [] {}); });
        publish(end, totals);
        for (std::thread& thread : threads) {
            thread.join();
        }
        settle(totals);
    }

  private:
    static constexpr std::size_t kMembers = 2;

    template <class Atomics>
    void read(ReaderAudit& audit) {
        ring::Consumer<Atomics> consumer(
            ring::ring_memory_of<Atomics>(region_.bytes().data(), ring::load_identity(region_.bytes().data())), {});
        read_to_the_end(consumer, audit, traffic_);
    }

    void share(std::size_t who) {
        ring::GroupMember<> member(group_);
        ring::EventBuffer event;
        traffic_.read_to_the_end([&] {
            const ring::ReadStatus status = member.read(event);
            if (status == ring::ReadStatus::kEvent) {
                sums_[who].add(event.ticket(), 1);
                torn_ = torn_ || !recipe_.matches(event, event.ticket());
            } else if (status == ring::ReadStatus::kLapped) {
                sums_[who].add(member.last_loss().first, member.last_loss().count);
            }
            return status;
        });
        members_took_.fetch_add(member.delivered() + member.lost());
    }

    void publish(Clock::time_point end, Totals& totals) {
        ring::Producer<> producer(region_.memory());
        ring::DoorbellRinger<int, 1> ringer;
        ringer.add(&sleeper_.wake_at, 0);
        const auto signal = [this](int) {
            ++sleeper_.signals_sent;
            sleeper_.sleeper.signal();
        };
        // Bursts of any length; between them the sleeper is waited for, so that it sleeps and is woken.
        while (Clock::now() < end && totals.complaints.empty()) {
            for (std::uint64_t burst = random_.below(random_.one_in(8) ? 20000 : 20); burst > 0; --burst) {
                publish_next(producer, recipe_);
                traffic_.note_publish(producer.published());
                ringer.ring(producer.published(), signal);
            }
            sleeper_.activity.wait_until([&] {
                if (wakeup_is_lost(sleeper_, producer.published())) {
                    totals.complaints.emplace_back("a wakeup was lost");
                    signal(0);
                }
                return sleeper_.read_up_to.load() == producer.published();
            });
        }
        totals.published += producer.published();
        traffic_.end(producer.published());
        producer.close();
        ringer.ring_all(signal);
    }

    // Adds this round's results up and checks them.
    void settle(Totals& totals) {
        const ring::Ticket end = traffic_.total();
        for (const ReaderAudit& audit : audits_) {
            totals.delivered += audit.delivered();
            totals.lost += audit.lost();
            if (!audit.complaint().empty()) {
                totals.complaints.push_back(audit.complaint());
            }
        }
        sums_[0].add(sums_[1]);
        if (!sums_[0].is_all_up_to(end) || members_took_.load() != end || group_.cursor() != end) {
            totals.complaints.emplace_back("the group's members did not take each event exactly once");
        }
        if (torn_) {
            totals.complaints.emplace_back("a member got an event that was not the published one");
        }
        totals.sleeps += sleeper_.sleeps.load();
    }

    EventRecipe recipe_;
    FormattedRegion region_;
    Random random_;
    Traffic traffic_;
    std::array<ReaderAudit, 3> audits_{ReaderAudit(recipe_, 0), ReaderAudit(recipe_, 0), ReaderAudit(recipe_, 0)};
    ring::ConsumerGroup<> group_{region_.memory(), {}};
    std::array<TicketSum, kMembers> sums_;
    std::atomic<std::uint64_t> members_took_{0};
    std::atomic<bool> torn_{false};
    SleepingConsumer<SpinSleeper> sleeper_;
};

void print(FILE* to, const char* head, const Totals& totals, double seconds) {
    std::fprintf(to, "%s seconds=%.0f published=%llu rate=%.2fM/s delivered=%llu lost=%llu sleeps=%llu errors=%zu\n",
                 head, seconds, static_cast<unsigned long long>(totals.published),
                 static_cast<double>(totals.published) / seconds / 1e6,
                 static_cast<unsigned long long>(totals.delivered), static_cast<unsigned long long>(totals.lost),
                 static_cast<unsigned long long>(totals.sleeps), totals.complaints.size());
    std::fflush(to);
}

int soak(double minutes) {
    constexpr std::array<Shape, 6> kShapes = {
        {{4096, 160}, {65, 1040}, {2, 64}, {23189, 1040}, {64, 16}, {100000, 300}}};
    Random random = random_stream(500);
    const Clock::time_point start = Clock::now();
    const Clock::time_point end =
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::ratio<60>>(minutes));
    const auto elapsed = [start] { return std::chrono::duration<double>(Clock::now() - start).count(); };
    Totals totals;
    for (std::size_t i = 0; Clock::now() < end && totals.complaints.empty(); ++i) {
        Round round(kShapes[i % kShapes.size()], random.next());
        round.run(std::min(end, Clock::now() + kRound), totals);
        print(stderr, "soak:", totals, elapsed());
    }
    for (const std::string& complaint : totals.complaints) {
        std::fprintf(stderr, "soak: %s\n", complaint.c_str());
    }
    print(stdout, totals.complaints.empty() ? "summary: ok" : "summary: FAILED", totals, elapsed());
    return totals.complaints.empty() ? 0 : 1;
}

}  // namespace
}  // namespace aegis::test

int main(int argc, char** argv) {
    char* rest = nullptr;
    const double minutes = argc == 2 ? std::strtod(argv[1], &rest) : 0;
    if (argc != 2 || *rest != '\0' || !(minutes > 0 && minutes <= 100000)) {
        std::fprintf(stderr, "usage: aegis_ring_soak MINUTES   (more than 0)\n");
        return 2;
    }
    return aegis::test::soak(minutes);
}
