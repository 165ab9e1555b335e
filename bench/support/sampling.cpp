#include "support/sampling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace aegis::bench {
namespace {

constexpr int kAttemptsPerSample = 3;
constexpr int kRoundsPerWantedRound = 3;
constexpr double kMaxLostPart = 0.02;
constexpr double kMaxTransferChange = 1.3;
constexpr double kMaxSpeedChange = 1.04;

bool differ(double before, double after, double most) {
    return std::max(before, after) > most * std::min(before, after);
}

std::string title_of(const Group& group) {
    std::string text = group.suite;
    for (const auto& [name, value] : group.parameters) {
        text += fmt::format(" {}={}", name, value);
    }
    return text;
}

// For a plot with a logarithmic axis towards certainty.
std::map<double, double> points_of(const Histogram& histogram) {
    std::map<double, double> points;
    for (const double part :
         {0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999}) {
        points[part] = histogram.value_at(part);
    }
    return points;
}

}  // namespace

Session::Conditions Session::conditions() {
    return {line_transfer_ns(cores_), core_step_ns(cores_)};
}

Session::Verdict Session::judge(const Sample& sample, const Conditions& before, const Conditions& after) {
    // Per event, where there were none.
    if (std::any_of(sample.values.begin(), sample.values.end(),
                    [](const auto& value) { return !std::isfinite(value.second); })) {
        return {false, "nothing was delivered"};
    }
    if (!sample.first_sleeps && sample.usage.first.lost() > kMaxLostPart) {
        return {false, fmt::format("first core lost {:.0f} % of its time", 100 * sample.usage.first.lost())};
    }
    if (!sample.second_sleeps && sample.usage.second.lost() > kMaxLostPart) {
        return {false, fmt::format("second core lost {:.0f} % of its time", 100 * sample.usage.second.lost())};
    }
    if (sample.usage.stolen > 0) {
        return {false, "the hypervisor took time"};
    }
    if (regime_of(before.transfer_ns) != regime_of(after.transfer_ns) ||
        differ(before.transfer_ns, after.transfer_ns, kMaxTransferChange)) {
        return {false,
                fmt::format("line transfer changed from {:.0f} to {:.0f} ns", before.transfer_ns, after.transfer_ns)};
    }
    if (differ(before.step_ns, after.step_ns, kMaxSpeedChange)) {
        return {false, fmt::format("clock changed from {:.3f} to {:.3f} ns a step", before.step_ns, after.step_ns)};
    }
    return {true, ""};
}

void Session::take_sample(const Group& group, const Contender& contender, int round, TakenByRegime* taken) {
    for (int attempt = 0; attempt < kAttemptsPerSample; ++attempt) {
        const Conditions before = conditions();
        const Sample sample = contender.take();
        const Conditions after = conditions();
        const Verdict verdict = judge(sample, before, after);
        const double transfer = (before.transfer_ns + after.transfer_ns) / 2;
        const double step = (before.step_ns + after.step_ns) / 2;
        const Regime regime = regime_of(transfer);
        results_.add_sample({group.suite, group.parameters, contender.name, round, transfer, step, name_of(regime),
                             verdict.accepted, verdict.reason, sample.values});
        if (verdict.accepted) {
            Taken& here = (*taken)[regime];
            ++here.samples;
            if (sample.distribution != nullptr) {
                here.distribution.merge(*sample.distribution);
            }
            return;
        }
    }
}

void Session::measure(const Group& group) {
    const Nanoseconds start = now();
    std::vector<TakenByRegime> taken(group.contenders.size());
    // What every contender has in the regime that has more.
    const auto complete = [&] {
        int most = 0;
        for (const Regime regime : {Regime::kNear, Regime::kFar}) {
            int fewest = plan_.rounds;
            for (TakenByRegime& of : taken) {
                fewest = std::min(fewest, of[regime].samples);
            }
            most = std::max(most, fewest);
        }
        return most;
    };
    int round = 0;
    while (complete() < plan_.rounds && round < plan_.rounds * kRoundsPerWantedRound &&
           now() - start < plan_.group_limit) {
        for (std::size_t i = 0; i < group.contenders.size(); ++i) {
            take_sample(group, group.contenders[i], round, &taken[i]);
        }
        ++round;
    }
    for (std::size_t i = 0; i < group.contenders.size(); ++i) {
        for (const auto& [regime, of] : taken[i]) {
            if (of.distribution.total() != 0) {
                results_.add_distribution({group.suite, group.parameters, group.contenders[i].name, name_of(regime),
                                           of.distribution.total(), points_of(of.distribution)});
            }
        }
    }
    fmt::print(stderr, "{}: {} rounds in {:.1f} s\n", title_of(group), round, to_seconds(now() - start));
    if (complete() < plan_.rounds) {
        fmt::print(stderr, "{}: gave up: the machine left only {} of {} samples of every contender alone\n",
                   title_of(group), complete(), plan_.rounds);
        results_.add_incomplete({title_of(group), round, complete(), plan_.rounds});
    }
}

void Session::skip(const std::string& suite, const std::string& contender, const std::string& reason) {
    fmt::print(stderr, "{}: {} skipped: {}\n", suite, contender, reason);
    results_.add_skipped(suite, contender, reason);
}

}  // namespace aegis::bench
