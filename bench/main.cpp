// aegis-bench: measures, and writes what it measured as JSON. The page and the ratios are made from that.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "suites/suites.hpp"
#include "support/machine.hpp"

namespace {

using namespace aegis::bench;

using Suite = std::pair<const char*, void (*)(Session&)>;

constexpr Suite kSuites[] = {
    {"throughput", run_throughput},
    {"rings", run_rings},
    {"library", run_library},
    {"cell-sizes", run_cell_sizes},
    {"kept-events", run_kept_events},
    {"publish-cost", run_publish_cost},
    {"doorbell-cost", run_doorbell_cost},
    {"contention", run_contention},
    {"one-way", run_one_way},
    {"latency", run_latency},
    {"overload", run_overload},
    {"flood", run_flood},
    {"agent", run_agent},
    {"mixed", run_mixed},
};

std::vector<std::string> suite_names() {
    std::vector<std::string> names;
    for (const auto& [name, run] : kSuites) {
        names.emplace_back(name);
    }
    return names;
}

int measure(int argc, char** argv) {
    Plan plan;
    int sample_ms = 0;
    std::string out = "bench.json";
    std::vector<std::string> chosen;

    CLI::App app("Measures the ring against its rivals and its limits.");
    app.add_flag("--quick", plan.quick, "fewer sizes and shorter samples: one minute instead of eight");
    app.add_option("--rounds", plan.rounds, "samples of each contender that must count")->check(CLI::PositiveNumber);
    app.add_option("--sample-ms", sample_ms, "length of one throughput sample")->check(CLI::PositiveNumber);
    app.add_option("--out", out, "file for the results");
    app.add_option("--suite", chosen, "run these suites only")->check(CLI::IsMember(suite_names()));
    CLI11_PARSE(app, argc, argv);

    if (plan.quick) {
        plan.group_limit = 25 * kSecond;
    }
    plan.sample = (plan.quick ? 20 : 50) * kMillisecond;
    if (sample_ms != 0) {
        plan.sample = sample_ms * kMillisecond;
    }

    const Cores pair = choose_cores();
    CorePair cores(pair);
    Results results;
    describe_machine(pair, &results);
    Session session(cores, plan, results);
    for (const auto& [name, run] : kSuites) {
        if (chosen.empty() || std::find(chosen.begin(), chosen.end(), name) != chosen.end()) {
            run(session);
            // After each, so that a suite that fails loses no other's samples.
            results.write(out);
        }
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return measure(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "aegis-bench: %s\n", error.what());
        return 1;
    }
}
