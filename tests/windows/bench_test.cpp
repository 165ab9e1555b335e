// AegisBench.exe runs, measures something with each of its benchmarks, and says what it leaves out. What it measures
// under Wine says nothing about Windows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <map>
#include <string>
#include <vector>

#include "driver_service.hpp"
#include "program_process.hpp"

namespace aegis::windows_test {
namespace {

// One result of Google Benchmark's JSON.
struct Measured {
    double real_time;
    double events_per_second;
};

// By name, without what Google Benchmark adds to it. An error in a benchmark, or output that is no JSON, is a failure.
std::map<std::string, Measured> measured_by(const ProgramResult& bench) {
    std::map<std::string, Measured> results;
    rapidjson::Document document;
    // The clock of CPU time may not have ticked: such a rate is written as Infinity.
    EXPECT_FALSE(document.Parse<rapidjson::kParseNanAndInfFlag>(bench.output.c_str()).HasParseError())
        << bench.output << bench.errors;
    if (document.HasParseError()) {
        return results;
    }
    for (const auto& run : document["benchmarks"].GetArray()) {
        std::string name = run["name"].GetString();
        EXPECT_FALSE(run.HasMember("error_occurred")) << name << ": " << run["error_message"].GetString();
        for (const char* suffix : {"/process_time", "/real_time", "/manual_time", "/iterations:"}) {
            if (const std::size_t at = name.find(suffix); at != std::string::npos) {
                name.erase(at);
            }
        }
        results[name] = {run["real_time"].GetDouble(),
                         run.HasMember("items_per_second") ? run["items_per_second"].GetDouble() : 0};
    }
    return results;
}

std::vector<std::string> names_of(const std::map<std::string, Measured>& results) {
    std::vector<std::string> names;
    for (const auto& [name, result] : results) {
        names.push_back(name);
    }
    return names;
}

ProgramResult run_bench(const std::string& filter) {
    return ProgramProcess("AegisBench.exe",
                          "--benchmark_min_time=0.001 --benchmark_format=json --benchmark_filter=" + filter)
        .wait();
}

// Catches: a benchmark that is not linked in or ends with an error, a message that arrives corrupt, a receiver that
// never gets what it waits for, silence about a missing driver, another exit code.
TEST(Bench, RunsInOneProcessWithoutADriver) {
    const ProgramResult bench = run_bench(".");
    EXPECT_EQ(bench.exit_code, 0U) << bench.errors;
    EXPECT_THAT(bench.errors, testing::HasSubstr("the driver's benchmarks are left out: cannot open"));
    EXPECT_THAT(bench.errors, testing::HasSubstr("AegisMonTest.sys"));

    std::vector<std::string> expected = {"arm_and_disarm", "read_nothing", "publish_with_bells/0",
                                         "publish_with_bells/1", "publish_with_bells/8"};
    for (const char* name : {"publish", "read", "copy_in_and_out", "publish_and_read"}) {
        for (const char* size : {"<48>", "<160>", "<320>", "<1056>"}) {
            expected.push_back(std::string(name) + size);
        }
    }
    const auto results = measured_by(bench);
    for (const char* name :
         {"ring", "ring, doorbell registered", "block hand-off", "unvalidated ring", "moodycamel ConcurrentQueue",
          "moodycamel ReaderWriterQueue", "mutex + deque", "spinlock + list"}) {
        for (const char* size : {"/160", "/1056"}) {
            expected.push_back(std::string("two cores/") + name + size);
            EXPECT_GT(results.at(expected.back()).events_per_second, 0) << expected.back();
        }
    }
    EXPECT_THAT(names_of(results), testing::UnorderedElementsAreArray(expected));
    for (const auto& [name, result] : results) {
        EXPECT_GT(result.real_time, 0) << name;
    }
}

// The pull runs against the real driver image. Catches: a control request that the driver refuses, a reader that waits
// for events that never come, silence about the ring that Wine cannot map.
TEST(Bench, PullsFromTheTestDriver) {
    DriverService service("AegisMonTest", "AegisMonTest.sys");
    service.start();
    const ProgramResult bench = run_bench("driver/");
    EXPECT_EQ(bench.exit_code, 0U) << bench.errors;
    EXPECT_THAT(bench.errors, testing::HasSubstr("the driver's ring are left out: it cannot be mapped: "));
    const auto results = measured_by(bench);
    EXPECT_THAT(names_of(results),
                testing::UnorderedElementsAre("driver/publish", "driver/pull read", "driver/pull flood",
                                              "driver/pull 1 ms latency", "driver/pull 200 ms latency"));
}

// Catches: benchmarks that need the test build and run, or fail, with the shipped one.
TEST(Bench, SaysThatTheShippedDriverDoesNotPublish) {
    DriverService service("AegisMon", "AegisMon.sys");
    service.start();
    const ProgramResult bench = run_bench("driver/");
    EXPECT_EQ(bench.exit_code, 0U) << bench.errors;
    EXPECT_THAT(bench.errors, testing::HasSubstr("does not publish on request"));
    EXPECT_THAT(bench.output, testing::Not(testing::HasSubstr("driver/")));
}

}  // namespace
}  // namespace aegis::windows_test
