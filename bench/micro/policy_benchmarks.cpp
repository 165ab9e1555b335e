// What a policy's verdict costs a callback, by Google Benchmark: the driver's own code in the hosted executive.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "agent/config/policy_blob.hpp"
#include "channel/ring_channel.hpp"
#include "driver/host/executive/executive.hpp"
#include "micro/policy_rules.hpp"
#include "nt/system_clock.hpp"
#include "policy/policy_store.hpp"

namespace {

using namespace aegis;

constexpr std::uint32_t kProcess = 4000;
constexpr std::uint32_t kCreator = 100;

// So many rules, the last of which names the path and decides.
std::vector<agent::PolicyRule> rules(std::int64_t count) {
    constexpr std::uint32_t kStarts = 1U << AEGIS_EVENT_PROCESS_CREATE;
    std::vector<agent::PolicyRule> rules = bench::rules_beside(count - 1, kStarts);
    if (count > 0) {
        rules.push_back({u"\\Device\\HarddiskVolume3\\Windows\\System32", kStarts, AEGIS_POLICY_REPORT});
    }
    return rules;
}

void require(bool done, const char* what) {
    if (!done) {
        std::fprintf(stderr, "aegis-bench-micro: cannot %s\n", what);
        std::exit(1);
    }
}

// A policy in force, in no driver: what the sensors ask, and nothing else.
class Policy {
  public:
    Policy(const agent::PolicyTypes& types, const std::vector<agent::PolicyRule>& paths) {
        require(NT_SUCCESS(clock_.initialize()), "find the clock");
        require(NT_SUCCESS(store_->create(*channel_, clock_)), "make the table of upper case");
        const std::vector<std::byte> blob = agent::policy_blob(types, paths, {}, {});
        std::vector<std::uint64_t> aligned((blob.size() + 7) / 8);
        std::copy(blob.begin(), blob.end(), reinterpret_cast<std::byte*>(aligned.data()));
        AEGIS_SET_POLICY_REPLY reply;
        const driver::FastMutexScope turn(store_->turn());
        require(NT_SUCCESS(store_->set(this, 1, aligned.data(), blob.size(), &reply)), "set the policy");
    }
    ~Policy() {
        store_->end(this);
        store_->destroy();
    }
    Policy(const Policy&) = delete;
    Policy& operator=(const Policy&) = delete;

    driver::PolicyStore& store() { return *store_; }

  private:
    host::Executive executive_{{.debug_print = [](ULONG, std::string_view) {}}};
    driver::SystemClock clock_;
    std::unique_ptr<driver::RingChannel> channel_ = std::make_unique<driver::RingChannel>();
    std::unique_ptr<driver::PolicyStore> store_ = std::make_unique<driver::PolicyStore>();
};

agent::PolicyTypes all_types(std::uint32_t operations) {
    agent::PolicyTypes types{};
    for (const unsigned type : {AEGIS_EVENT_PROCESS_CREATE, AEGIS_EVENT_PROCESS_EXIT, AEGIS_EVENT_THREAD_CREATE,
                                AEGIS_EVENT_THREAD_EXIT, AEGIS_EVENT_IMAGE_LOAD}) {
        types[type].Operations = operations;
        types[type].Default = operations == 0 ? AEGIS_POLICY_DROP : AEGIS_POLICY_REPORT;
    }
    return types;
}

driver::Subject start() {
    return {AEGIS_EVENT_PROCESS_CREATE,
            kProcess,
            kCreator,
            {reinterpret_cast<const WCHAR*>(bench::kPath64.data()), bench::kPath64.size()},
            0,
            true};
}

void verdict_of_a_type_that_is_off(benchmark::State& state) {
    Policy policy(all_types(0), {});
    const driver::Subject subject = start();
    for ([[maybe_unused]] auto _ : state) {
        benchmark::DoNotOptimize(policy.store().process_started(subject));
    }
}
BENCHMARK(verdict_of_a_type_that_is_off);

// Of what is no process's start or end: nothing is remembered of it.
void verdict_of_an_image_that_is_off(benchmark::State& state) {
    Policy policy(all_types(0), {});
    for ([[maybe_unused]] auto _ : state) {
        benchmark::DoNotOptimize(policy.store().is_off(AEGIS_EVENT_IMAGE_LOAD));
    }
}
BENCHMARK(verdict_of_an_image_that_is_off);

void verdict_without_a_path(benchmark::State& state) {
    Policy policy(all_types(AEGIS_POLICY_OPERATION_ANY), {});
    const driver::Subject subject{AEGIS_EVENT_THREAD_EXIT, kProcess, 0, {}, 0, false};
    for ([[maybe_unused]] auto _ : state) {
        const bool off = policy.store().is_off(AEGIS_EVENT_THREAD_EXIT);
        benchmark::DoNotOptimize(off ? driver::Decision{} : policy.store().happened(subject));
    }
}
BENCHMARK(verdict_without_a_path);

// The argument: rules by path. The verdict leaves a mark for the process's end, which is taken with it.
void verdict_with_a_path(benchmark::State& state) {
    Policy policy(all_types(AEGIS_POLICY_OPERATION_ANY), rules(state.range(0)));
    const driver::Subject subject = start();
    for ([[maybe_unused]] auto _ : state) {
        benchmark::DoNotOptimize(policy.store().process_started(subject));
    }
}
BENCHMARK(verdict_with_a_path)->Arg(0)->Arg(16)->Arg(1024);

}  // namespace
