// AegisAgent.exe against AegisMonTest.sys, both as built for Windows. Under Wine no ring can be mapped, so the agent
// reads by pull.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "control_device.hpp"
#include "driver_service.hpp"
#include "program_process.hpp"
#include "synthetic_events.hpp"

namespace aegis::windows_test {
namespace {

constexpr char kAgent[] = "AegisAgent.exe";
constexpr char kNtPath[] = R"(\Device\HarddiskVolume1\Windows\System32\synthetic.exe)";

ProgramResult run_agent(const std::string& arguments) {
    return ProgramProcess(kAgent, arguments).wait();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

class Agent : public testing::Test {
  protected:
    void start_driver_with_ten_pairs() {
        service_.start();
        device_.emplace();
        ASSERT_EQ(publish_pairs(*device_, 10, 1000), kStatusSuccess);
    }

    DriverService service_{"AegisMonTest", "AegisMonTest.sys"};
    std::optional<ControlDevice> device_;
};

// Catches: a device that is something else taken for an AegisMon of another release.
TEST_F(Agent, SaysThatAnotherDeviceIsNoAegisMon) {
    for (const char* const device : {"NUL", R"(C:\windows\win.ini)"}) {
        const ProgramResult agent = run_agent(std::string("--count 1 --device ") + device);
        EXPECT_EQ(agent.exit_code, 3U) << agent.errors;
        EXPECT_THAT(agent.errors, testing::HasSubstr(std::string(device) + " is no AegisMon"));
    }
}

// Catches: a fallback that is missing or silent, a line that is no JSON, a field under another name or with another
// value, an event printed twice or not at all.
TEST_F(Agent, FallsBackToPullAndPrintsNdjson) {
    start_driver_with_ten_pairs();
    const ProgramResult agent = run_agent("--transport ring --count 20 --output ndjson");
    EXPECT_EQ(agent.exit_code, 0U) << agent.errors;
    EXPECT_THAT(agent.errors, testing::HasSubstr("the ring cannot be mapped"));
    EXPECT_THAT(agent.errors, testing::HasSubstr("by pull"));
    EXPECT_THAT(agent.errors, testing::HasSubstr("summary: delivered=20 lost=0 "));

    const auto lines = lines_of(agent.output);
    ASSERT_EQ(lines.size(), 20U);
    for (unsigned i = 0; i < 20; ++i) {
        rapidjson::Document line;
        ASSERT_FALSE(line.Parse(lines[i].c_str()).HasParseError()) << lines[i];
        const bool start = i % 2 == 0;
        EXPECT_EQ(line["event"]["sequence"].GetUint64(), i + 1);
        EXPECT_STREQ(line["event"]["action"].GetString(), start ? "process-start" : "process-end");
        EXPECT_EQ(line["process"]["pid"].GetUint(), 1000 + i / 2);
        EXPECT_EQ(line["process"]["parent"]["pid"].GetUint(), 4U);
        EXPECT_STREQ(line["process"]["name"].GetString(), "synthetic.exe");
        if (start) {
            const auto& sensor = line["aegis"]["process"];
            EXPECT_STREQ(sensor["nt_path"].GetString(), kNtPath);
            EXPECT_TRUE(sensor["path_exact"].GetBool());
            EXPECT_EQ(sensor["creator_pid"].GetUint(), i / 2 == 9 ? 8U : 4U);
            EXPECT_EQ(sensor.HasMember("creator_mismatch"), i / 2 == 9);
        }
    }
}

// Catches: a text line of another form than the one Part 2 promises.
TEST_F(Agent, PrintsText) {
    start_driver_with_ten_pairs();
    const ProgramResult agent = run_agent("--count 20");
    EXPECT_EQ(agent.exit_code, 0U) << agent.errors;
    const auto lines = lines_of(agent.output);
    ASSERT_EQ(lines.size(), 20U);
    const std::string time = R"(\[\d\d:\d\d:\d\d\.\d\d\d\] )";
    const std::string path = R"( \\Device\\HarddiskVolume1\\Windows\\System32\\synthetic\.exe)";
    EXPECT_TRUE(std::regex_match(lines[0], std::regex(time + "#1 CREATE pid=1000 ppid=4 creator=4" + path)))
        << lines[0];
    EXPECT_TRUE(std::regex_match(lines[1], std::regex(time + R"(#2 EXIT pid=1000 synthetic\.exe)"))) << lines[1];
    EXPECT_TRUE(std::regex_match(
        lines[18], std::regex(time + "#19 CREATE pid=1009 ppid=4 creator=8" + path + R"( \[creator!=parent\])")))
        << lines[18];
}

// Catches: an option that changes nothing, or a zone that is no distance from UTC.
TEST_F(Agent, PrintsLocalTimeWhenAsked) {
    start_driver_with_ten_pairs();
    const ProgramResult agent = run_agent("--count 20 --local-time");
    EXPECT_EQ(agent.exit_code, 0U) << agent.errors;
    const auto lines = lines_of(agent.output);
    ASSERT_EQ(lines.size(), 20U);
    EXPECT_TRUE(
        std::regex_match(lines[1], std::regex(R"(\[\d\d:\d\d:\d\d\.\d\d\d[+-]\d\d:\d\d\] #2 EXIT pid=1000 .*)")))
        << lines[1];
}

// Catches: an agent that prints only what was there when it started.
TEST_F(Agent, PrintsEventsAsTheyCome) {
    service_.start();
    ControlDevice device;
    ProgramProcess agent(kAgent, "--transport pull --count 4 --output ndjson");
    for (int poll = 0; poll < 300 && device.query().Handles != 2; ++poll) {
        Sleep(100);
    }
    ASSERT_EQ(device.query().Handles, 2U);
    ASSERT_EQ(publish_pairs(device, 1, 7), kStatusSuccess);
    for (int poll = 0; poll < 300 && device.query().Consumers[0].Cursor != 2; ++poll) {
        Sleep(100);
    }
    ASSERT_EQ(publish_pairs(device, 1, 8), kStatusSuccess);
    const ProgramResult result = agent.wait();
    EXPECT_EQ(result.exit_code, 0U) << result.errors;
    EXPECT_EQ(lines_of(result.output).size(), 4U) << result.output;
    EXPECT_THAT(result.errors, testing::Not(testing::HasSubstr("cannot be mapped")));
}

// False when the agent has not read the twenty events there are in a generous time.
bool wait_until_read(ControlDevice& device) {
    for (int poll = 0; poll < 300 && device.query().Consumers[0].Cursor != 20; ++poll) {
        Sleep(100);
    }
    return device.query().Consumers[0].Cursor == 20;
}

// On NT the driver would work on until the agent has closed its handle; Wine unloads it at once, so that what it still
// held cannot be read here.
// Catches: an agent that goes on without its driver, or ends with another exit code.
TEST(WatchedAgent, EndsWhenItsOwnDriverIsStopped) {
    DriverService service("AegisMon", "AegisMonTest.sys");
    service.start();
    std::optional<ControlDevice> device(std::in_place);
    ASSERT_EQ(publish_pairs(*device, 10, 1000), kStatusSuccess);
    ProgramProcess agent(kAgent, "--transport pull --poll-ms 60000");
    ASSERT_TRUE(wait_until_read(*device));
    device.reset();
    service.request_stop();
    const ProgramResult result = agent.wait();
    EXPECT_EQ(result.exit_code, 6U) << result.errors;
    EXPECT_EQ(lines_of(result.output).size(), 20U) << result.output;
    EXPECT_NO_THROW(service.wait_until_stopped());
}

// Catches: an agent that takes the stopped service of another driver for its own, and ends at once; one that says
// nothing.
TEST_F(Agent, SaysThatItCannotSeeTheStopOfADriverOfAnotherService) {
    const DriverService stopped("AegisMon", "AegisMon.sys");
    start_driver_with_ten_pairs();
    const ProgramResult agent = run_agent("--count 20");
    EXPECT_EQ(agent.exit_code, 0U) << agent.errors;
    EXPECT_THAT(agent.errors, testing::HasSubstr("the service AegisMon is not watched: it is stopped"));
}

// Catches: a holder that is not named, the agent itself named, another form of the line that stop-driver.ps1 reads.
TEST_F(Agent, NamesTheProcessesThatHoldTheDriver) {
    start_driver_with_ten_pairs();
    ASSERT_EQ(device_->control(AEGIS_IOCTL_GET_EVENTS, {}, 1 << 16).status, kStatusSuccess);
    const ProgramResult agent = run_agent("--quiet --holders");
    EXPECT_EQ(agent.exit_code, 0U) << agent.errors;
    EXPECT_EQ(lines_of(agent.output), std::vector<std::string>{std::to_string(GetCurrentProcessId()) + " pull"});
}

// Catches: another exit code, or a message that leaves the user alone.
TEST_F(Agent, SaysWhatToDoWithoutADriver) {
    const ProgramResult agent = run_agent("--count 1");
    EXPECT_EQ(agent.exit_code, 3U);
    EXPECT_EQ(agent.output, "");
    EXPECT_THAT(agent.errors, testing::HasSubstr("is AegisMon loaded and the console elevated?"));
}

}  // namespace
}  // namespace aegis::windows_test
