// Rounds of samples: every contender once per round, one after the other, so that whatever drifts hits all alike.
//
// A sample counts only if the machine left it alone: no CPU time was taken from a side that never sleeps, and the
// cores were as far apart and as fast after it as before. What does not count is repeated, then recorded as dropped
// with its reason. On a machine that never leaves a sample alone a group ends after some rounds or some time, whichever
// comes first, and is recorded as incomplete.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/core_pair.hpp"
#include "support/core_speed.hpp"
#include "support/histogram.hpp"
#include "support/line_transfer.hpp"
#include "support/results.hpp"

namespace aegis::bench {

// What one sample of one contender measured, under the names that the page uses.
using Values = std::map<std::string, double>;

struct Sample {
    Values values;
    PairUsage usage;
    // A side that sleeps by design uses less CPU time than wall time without having lost any.
    bool first_sleeps = false;
    bool second_sleeps = false;
    // For suites about latency: what the percentiles of all counted samples together are made of.
    std::shared_ptr<const Histogram> distribution;
};

struct Contender {
    std::string name;
    std::function<Sample()> take;
};

struct Group {
    std::string suite;
    std::map<std::string, double> parameters;
    std::vector<Contender> contenders;
};

struct Plan {
    int rounds = 9;                           // accepted samples of each contender in one regime
    Nanoseconds sample = 60 * kMillisecond;   // length of a throughput sample
    Nanoseconds group_limit = 150 * kSecond;  // no round of a group begins later than this
    bool quick = false;
};

class Session {
  public:
    Session(CorePair& cores, const Plan& plan, Results& results) : cores_(cores), plan_(plan), results_(results) {}

    CorePair& cores() { return cores_; }
    const Plan& plan() const { return plan_; }

    // Takes the samples of a group and records them all.
    void measure(const Group& group);

    // What a contender is, for the page.
    void describe(ContenderRecord record) { results_.add_contender(std::move(record)); }

    // Records that something could not be measured here, and why.
    void skip(const std::string& suite, const std::string& contender, const std::string& reason);

  private:
    // What the machine is like at one moment.
    struct Conditions {
        double transfer_ns;
        double step_ns;
    };

    struct Verdict {
        bool accepted;
        std::string reason;
    };

    // What one contender has in one regime by now.
    struct Taken {
        int samples = 0;
        Histogram distribution;
    };
    using TakenByRegime = std::map<Regime, Taken>;

    Conditions conditions();
    static Verdict judge(const Sample& sample, const Conditions& before, const Conditions& after);
    // Repeats a sample that does not count a few times, then gives up for this round.
    void take_sample(const Group& group, const Contender& contender, int round, TakenByRegime* taken);

    CorePair& cores_;
    Plan plan_;
    Results& results_;
};

}  // namespace aegis::bench
