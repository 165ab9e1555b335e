#include "agent/config/options.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

namespace aegis {
namespace {

using agent::EarlyExit;
using agent::ExitCode;
using agent::Options;

constexpr agent::PlatformFacts kWithHost = {.program = "agent",
                                            .device_help = "device",
                                            .examples = "Examples: none",
                                            .longest_device_path = 107,
                                            .embedded_host = true};
constexpr agent::PlatformFacts kWithoutHost = {.program = "agent",
                                               .device_help = "device",
                                               .examples = "Examples: none",
                                               .longest_device_path = 107,
                                               .embedded_host = false};

std::variant<Options, EarlyExit> parse(std::vector<const char*> arguments,
                                       const agent::PlatformFacts& platform = kWithHost) {
    arguments.insert(arguments.begin(), "agent");
    return agent::parse_options(static_cast<int>(arguments.size()), arguments.data(), platform);
}

Options accepted(const std::vector<const char*>& arguments) {
    const auto result = parse(arguments);
    const auto* const options = std::get_if<Options>(&result);
    EXPECT_NE(options, nullptr) << std::get<EarlyExit>(result).text;
    return options != nullptr ? *options : Options{};
}

// The message of a usage error.
std::string refused(const std::vector<const char*>& arguments, const agent::PlatformFacts& platform = kWithHost) {
    const auto result = parse(arguments, platform);
    const auto* const exit = std::get_if<EarlyExit>(&result);
    if (exit == nullptr) {
        ADD_FAILURE() << "accepted " << arguments.front();
        return {};
    }
    EXPECT_EQ(exit->code, ExitCode::kUsage);
    return exit->text;
}

// Catches: local time in NDJSON, or an option that is ignored there.
TEST(Options, LocalTimeIsForTextOnly) {
    EXPECT_TRUE(accepted({"--local-time"}).local_time);
    EXPECT_TRUE(accepted({"--output", "text", "--local-time"}).local_time);
    EXPECT_NE(refused({"--local-time", "--output", "ndjson"}).find("--local-time is for --output text"),
              std::string::npos);
}

TEST(Options, DefaultsAreThoseOfTheHelp) {
    const Options options = accepted({});
    EXPECT_EQ(options.transport, agent::Transport::kRing);
    EXPECT_EQ(options.output, agent::OutputFormat::kText);
    EXPECT_EQ(options.from, agent::StartAt::kOldest);
    EXPECT_FALSE(options.duration_seconds);
    EXPECT_EQ(options.count, 0U);
    EXPECT_EQ(options.wakeup_batch, 1U);
    EXPECT_EQ(options.consumers, 1U);
    EXPECT_EQ(options.poll_ms, 200U);
    EXPECT_EQ(options.health_seconds, 30U);
    EXPECT_EQ(options.request_seconds, 10U);
    EXPECT_FALSE(options.fail_on_loss || options.quiet || options.stats || options.measure_latency);
    EXPECT_FALSE(options.local_time);
    EXPECT_TRUE(options.device.path.empty() && options.device.source.empty());
    EXPECT_EQ(options.device.ring_kib, 0U);
}

TEST(Options, EveryOptionArrivesWhereItBelongs) {
    const Options options = accepted({"--transport",
                                      "ring",
                                      "--output",
                                      "ndjson",
                                      "--from",
                                      "now",
                                      "--duration",
                                      "2.5",
                                      "--count",
                                      "7",
                                      "--wakeup-batch",
                                      "16",
                                      "--consumers",
                                      "3",
                                      "--poll-ms",
                                      "50",
                                      "--health-interval",
                                      "5",
                                      "--request-timeout",
                                      "3",
                                      "--fail-on-loss",
                                      "--quiet",
                                      "--stats",
                                      "--measure-latency",
                                      "--source",
                                      "synthetic:10",
                                      "--ring-kib",
                                      "128",
                                      "--seed",
                                      "9"});
    EXPECT_EQ(options.device.seed, 9U);
    EXPECT_EQ(options.output, agent::OutputFormat::kNdjson);
    EXPECT_EQ(options.from, agent::StartAt::kNow);
    EXPECT_EQ(options.duration_seconds, 2.5);
    EXPECT_EQ(options.count, 7U);
    EXPECT_EQ(options.wakeup_batch, 16U);
    EXPECT_EQ(options.consumers, 3U);
    EXPECT_EQ(options.poll_ms, 50U);
    EXPECT_EQ(options.health_seconds, 5U);
    EXPECT_EQ(options.request_seconds, 3U);
    EXPECT_TRUE(options.fail_on_loss && options.quiet && options.stats && options.measure_latency);
    EXPECT_EQ(options.device.source, "synthetic:10");
    EXPECT_EQ(options.device.ring_kib, 128U);
    EXPECT_EQ(accepted({"--transport=pull"}).transport, agent::Transport::kPull);
    EXPECT_EQ(accepted({"--device", "/run/x"}).device.path, "/run/x");
    EXPECT_EQ(accepted({"--health-interval", "0"}).health_seconds, 0U);
}

// Catches: a value that is let through, or refused without naming the option it belongs to.
TEST(Options, EachSenselessValueIsRefusedByName) {
    const std::vector<std::pair<const char*, std::vector<const char*>>> senseless = {
        {"--transport", {"socket", "", "0"}},
        {"--output", {"json", "TEXT"}},
        {"--from", {"newest"}},
        {"--duration", {"-1", "nan", "inf", "1e10", "soon"}},
        {"--count", {"0", "-1", "x", "18446744073709551616"}},
        {"--wakeup-batch", {"0", "65537"}},
        {"--consumers", {"0", "65", "1.5"}},
        {"--poll-ms", {"0", "60001"}},
        {"--health-interval", {"86401", "-1"}},
        {"--request-timeout", {"0", "3601", "-1"}},
        {"--ring-kib", {"63", "69633", "-1", "x"}},
        {"--seed", {"-1", "x", "", "18446744073709551616"}},
        {"--device",
         {"",
          "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456"
          "78901234567"}},
    };
    for (const auto& [option, values] : senseless) {
        for (const char* const value : values) {
            const std::string assignment = std::string(option) + "=" + value;
            EXPECT_NE(refused({assignment.c_str()}).find(option), std::string::npos) << assignment;
        }
    }
}

TEST(Options, UnknownWordsAreRefused) {
    EXPECT_NE(refused({"--frobnicate"}).find("--frobnicate"), std::string::npos);
    EXPECT_NE(refused({"start"}).find("start"), std::string::npos);
    EXPECT_NE(refused({"--count"}).find("--count"), std::string::npos);
    EXPECT_NE(refused({"a", "--b", "c"}).find(": a --b c\n"), std::string::npos) << "in the order they were given";
}

TEST(Options, ContradictionsAreRefused) {
    EXPECT_NE(refused({"--device", "x", "--source", "auto"}).find("--source"), std::string::npos);
    EXPECT_NE(refused({"--device", "x", "--ring-kib", "64"}).find("--ring-kib"), std::string::npos);
    EXPECT_NE(refused({"--device", "x", "--seed", "1"}).find("--seed"), std::string::npos);
    EXPECT_NE(refused({"--transport", "pull", "--consumers", "2"}).find("--consumers"), std::string::npos);
    EXPECT_NE(refused({"--holders", "--protect"}).find("--protect"), std::string::npos);
}

// Catches: the option of earlier releases taken in silence, or refused without saying what replaces it.
TEST(Options, TheOldSizeOfTheRingIsRefusedWithTheNewOne) {
    EXPECT_NE(refused({"--slot-count", "4096"}).find("use --ring-kib"), std::string::npos);
}

TEST(Options, WithoutAnEmbeddedHostItsOptionsDoNotExist) {
    EXPECT_NE(refused({"--source", "auto"}, kWithoutHost).find("--source"), std::string::npos);
    EXPECT_NE(refused({"--ring-kib", "64"}, kWithoutHost).find("--ring-kib"), std::string::npos);
    EXPECT_NE(refused({"--seed", "1"}, kWithoutHost).find("--seed"), std::string::npos);
}

// Catches: a usage error that does not say where help is; help that leaves an option or the examples out.
TEST(Options, HelpNamesEverythingAndUsageErrorsPointToIt) {
    const auto result = parse({"--help"});
    const auto& help = std::get<EarlyExit>(result);
    EXPECT_EQ(help.code, ExitCode::kFinished);
    for (const char* const part :
         {"--transport",       "--local-time", "--output",       "--duration", "--count",        "--from",
          "--wakeup-batch",    "--consumers",  "--fail-on-loss", "--quiet",    "--stats",        "--measure-latency",
          "--poll-ms",         "--device",     "--source",       "--ring-kib", "--seed",         "--health-interval",
          "--request-timeout", "--holders",    "--version",      "promised",   "Examples: none", "--protect"}) {
        EXPECT_NE(help.text.find(part), std::string::npos) << part;
    }
    EXPECT_NE(refused({"--frobnicate"}).find("agent --help"), std::string::npos);
}

TEST(Options, VersionNamesProgramAndProtocols) {
    const auto result = parse({"--version"});
    const auto& version = std::get<EarlyExit>(result);
    EXPECT_EQ(version.code, ExitCode::kFinished);
    EXPECT_EQ(version.text, "agent 1.0.0 (ring ABI 2.0, control version 2)\n");
}

}  // namespace
}  // namespace aegis
