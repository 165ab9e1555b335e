// From a policy's file to its blob: what each key becomes, and what is said of a file that is wrong, with its place.

#include "agent/config/policy_file.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "aegis/policy.h"

namespace aegis {
namespace {

using agent::compile_policy;
using agent::PolicyFile;
using agent::PolicyRemark;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> lines_of(const std::vector<PolicyRemark>& remarks) {
    std::vector<std::string> lines;
    for (const PolicyRemark& remark : remarks) {
        lines.push_back(fmt::format("{}:{}: {}", remark.line, remark.column, remark.message));
    }
    return lines;
}

// The blob taken apart again.
struct Parts {
    AEGIS_POLICY_HEADER header{};
    std::vector<AEGIS_POLICY_RULE> rules;  // paths, images, extensions
    std::u16string text;
};

Parts parts_of(const PolicyFile& file) {
    Parts parts;
    EXPECT_THAT(lines_of(file.errors), IsEmpty());
    if (file.blob.size() < sizeof(parts.header)) {
        ADD_FAILURE() << "no blob";
        return parts;
    }
    std::memcpy(&parts.header, file.blob.data(), sizeof(parts.header));
    const AEGIS_POLICY_SECTION* const sections = parts.header.Sections;
    parts.rules.resize(sections[AEGIS_POLICY_PATHS].Count + sections[AEGIS_POLICY_IMAGES].Count +
                       sections[AEGIS_POLICY_EXTENSIONS].Count);
    for (std::size_t i = 0; i < parts.rules.size(); ++i) {
        std::memcpy(&parts.rules[i], file.blob.data() + sizeof(parts.header) + i * sizeof(AEGIS_POLICY_RULE),
                    sizeof(AEGIS_POLICY_RULE));
    }
    parts.text.resize(sections[AEGIS_POLICY_TEXT].Count);
    for (std::size_t i = 0; i < parts.text.size(); ++i) {
        std::memcpy(&parts.text[i], file.blob.data() + sections[AEGIS_POLICY_TEXT].Offset + i * sizeof(char16_t),
                    sizeof(char16_t));
    }
    return parts;
}

TEST(PolicyFile, AnEmptyFileSaysNothing) {
    const Parts parts = parts_of(compile_policy(""));
    EXPECT_EQ(parts.header.Magic, AEGIS_POLICY_MAGIC);
    EXPECT_EQ(parts.header.Version, AEGIS_POLICY_VERSION);
    EXPECT_EQ(parts.header.Bytes, sizeof(AEGIS_POLICY_HEADER));
    for (const AEGIS_POLICY_TYPE& type : parts.header.Types) {
        EXPECT_EQ(type.Default, 0);
    }
}

TEST(PolicyFile, EveryKeyHasItsPlaceInTheBlob) {
    const PolicyFile file = compile_policy(R"(
exclude-images = ["/usr/lib/systemd/**"]

[events.process-start]
default = "drop"
limit = 100
burst = 250
merge-ms = 500

[events.process-end]
default = "off"

[events.thread-start]
limit = 9

[events.thread-end]
default = "drop"

[events.image-load]
merge-ms = 7

[[rule]]
path = "/tmp/x/**"
action = "refuse"

[[rule]]
path = '\Device\Ä'
action = "report"
events = ["process-start"]

[[rule]]
extension = "Scr"
action = "drop"
)");
    const Parts parts = parts_of(file);
    EXPECT_THAT(lines_of(file.warnings), IsEmpty());
    const AEGIS_POLICY_TYPE& start = parts.header.Types[AEGIS_EVENT_PROCESS_CREATE];
    EXPECT_EQ(start.Operations, AEGIS_POLICY_OPERATION_ANY);
    EXPECT_EQ(start.TokensPerSecond, 100U);
    EXPECT_EQ(start.Burst, 250U);
    EXPECT_EQ(start.MergeMs, 500U);
    EXPECT_EQ(start.Default, AEGIS_POLICY_DROP);
    const AEGIS_POLICY_TYPE& end = parts.header.Types[AEGIS_EVENT_PROCESS_EXIT];
    EXPECT_EQ(end.Operations, 0U);
    EXPECT_EQ(end.Default, AEGIS_POLICY_DROP);
    EXPECT_EQ(parts.header.Types[AEGIS_EVENT_THREAD_CREATE].TokensPerSecond, 9U);
    EXPECT_EQ(parts.header.Types[AEGIS_EVENT_THREAD_EXIT].Default, AEGIS_POLICY_DROP);
    EXPECT_EQ(parts.header.Types[AEGIS_EVENT_IMAGE_LOAD].MergeMs, 7U);
    ASSERT_EQ(parts.rules.size(), 4U);
    EXPECT_EQ(parts.rules[0].Action, AEGIS_POLICY_REFUSE);
    EXPECT_EQ(parts.rules[0].Types, 1U << AEGIS_EVENT_PROCESS_CREATE);
    EXPECT_EQ(parts.rules[0].TextUnits, 6);
    EXPECT_EQ(parts.rules[1].Action, AEGIS_POLICY_REPORT);
    EXPECT_EQ(parts.rules[2].Action, AEGIS_POLICY_DROP);
    EXPECT_EQ(parts.rules[2].Types, 0U);
    EXPECT_EQ(parts.rules[3].Action, AEGIS_POLICY_DROP);
    EXPECT_EQ(parts.rules[3].Types, 1U << AEGIS_EVENT_PROCESS_CREATE);
    EXPECT_EQ(parts.text, u"/tmp/x\\Device\\Ä/usr/lib/systemdScr");
    EXPECT_EQ(parts.header.Bytes, file.blob.size());
}

// Catches: an operation's bit that is another's; a rule of keys that is about processes; an 'off' that another key
// undoes.
TEST(PolicyFile, ChangesOfTheRegistryHaveOperationsAndKeys) {
    const PolicyFile file = compile_policy(R"(
[events.registry-change]
operations = ["set-value", "rename-key"]
merge-ms = 9

[[rule]]
path = '\Registry\Machine\SOFTWARE\Vendor'
action = "refuse"

[[rule]]
path = '\RegistryOf\processes'
action = "drop"
)");
    const Parts parts = parts_of(file);
    EXPECT_THAT(lines_of(file.warnings), IsEmpty());
    const AEGIS_POLICY_TYPE& change = parts.header.Types[AEGIS_EVENT_REGISTRY_OP];
    EXPECT_EQ(change.Operations, 1U << AEGIS_REGISTRY_SET_VALUE | 1U << AEGIS_REGISTRY_RENAME_KEY);
    EXPECT_EQ(change.MergeMs, 9U);
    EXPECT_EQ(change.Default, AEGIS_POLICY_REPORT);
    ASSERT_EQ(parts.rules.size(), 2U);
    EXPECT_EQ(parts.rules[0].Types, 1U << AEGIS_EVENT_REGISTRY_OP);
    EXPECT_EQ(parts.rules[0].Action, AEGIS_POLICY_REFUSE);
    EXPECT_EQ(parts.rules[1].Types, 1U << AEGIS_EVENT_PROCESS_CREATE);

    const auto operations = [](const std::string& settings) {
        return parts_of(compile_policy("[events.registry-change]\n" + settings))
            .header.Types[AEGIS_EVENT_REGISTRY_OP]
            .Operations;
    };
    EXPECT_EQ(operations("default = 'report'\n"), (1U << AEGIS_REGISTRY_OPERATIONS) - 1);
    EXPECT_EQ(operations("default = 'off'\noperations = ['create-key']\n"), 0U);
    EXPECT_EQ(operations("operations = ['create-key']\ndefault = 'off'\n"), 0U);
    EXPECT_THAT(
        lines_of(compile_policy("[events.registry-change]\noperations = ['read']\n"
                                "[[rule]]\nextension = 'x'\naction = 'drop'\nevents = ['registry-change']\n")
                     .errors),
        ElementsAre("2:15: 'read' is no operation: create-key, set-value, delete-key, delete-value, rename-key are",
                    "4:13: 'registry-change' has no extensions: name its keys with a 'path'"));
}

TEST(PolicyFile, ALimitIsItsOwnBurst) {
    const Parts parts = parts_of(compile_policy("[events.process-start]\nlimit = 7\n"));
    EXPECT_EQ(parts.header.Types[AEGIS_EVENT_PROCESS_CREATE].Burst, 7U);
    EXPECT_EQ(parts.header.Types[AEGIS_EVENT_PROCESS_CREATE].Default, AEGIS_POLICY_REPORT);
}

// Catches: a message without its place, or with another's; an error that hides the next.
TEST(PolicyFile, EveryErrorHasItsPlace) {
    EXPECT_THAT(
        lines_of(compile_policy(R"(typo = 1
exclude-images = "/x"
[events.process-start]
default = "none"
limit = 0
burst = 1000001
size = 3
[events.process-end]
merge-ms = 5
[events.file]
[[rule]]
path = "tmp"
action = "deny"
[[rule]]
path = "/a/*/b"
[[rule]]
action = "drop"
path = "/a//b"
events = ["process-end", "image"]
colour = "red"
)")
                     .errors),
        ElementsAre("1:1: 'typo' is no key of the file: events, rule, handles, exclude-images and allow-images are",
                    "2:18: 'exclude-images' wants a list of paths, such as [\"/usr/lib/systemd/**\"]",
                    "4:11: 'none' is no default: report, drop and off are",
                    "5:9: 'limit' wants a whole number from 1 to 1000000",
                    "6:9: 'burst' wants a whole number from 1 to 1000000",
                    "7:1: 'size' is no key of events.process-start: default, limit, burst and merge-ms are",
                    "9:1: 'merge-ms': no two of process-end are alike", testing::StartsWith("10:"),
                    testing::StartsWith("12:8: 'tmp' does not begin with"),
                    "13:10: 'deny' is no action: report, drop and refuse are", "14:1: this rule has no 'action'",
                    testing::StartsWith("15:8: '/a/*/b' has a wildcard"), "18:8: '/a//b' has two separators in a row",
                    "19:11: a rule for 'process-end' can never match: it has no path",
                    "19:26: 'image' is no event with a path: process-start, image-load and registry-change are",
                    "20:1: 'colour' is no key of a rule: path, extension, action and events are"));
}

TEST(PolicyFile, WhatIsNoTomlSaysWhere) {
    const std::vector<PolicyRemark> errors = compile_policy("[events\n").errors;
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].line, 1U);
    EXPECT_GT(errors[0].column, 0U);
    EXPECT_FALSE(errors[0].message.empty());
}

TEST(PolicyFile, ABurstNeedsALimit) {
    EXPECT_THAT(lines_of(compile_policy("[events.process-start]\nburst = 5\n").errors),
                ElementsAre("2:9: 'burst' needs a 'limit' beside it"));
}

TEST(PolicyFile, WhatCannotBeRefusedIsNamed) {
    EXPECT_THAT(lines_of(compile_policy("[[rule]]\npath = '/a'\naction = 'refuse'\n"
                                        "events = ['process-start', 'image-load']\n")
                             .errors),
                ElementsAre("2:8: 'image-load' cannot be refused: process-start and registry-change can"));
}

TEST(PolicyFile, TheSamePathTwice) {
    EXPECT_THAT(lines_of(compile_policy("[[rule]]\npath = '/a/b'\naction = 'drop'\n"
                                        "[[rule]]\npath = '\\A\\B\\**'\naction = 'report'\n")
                             .errors),
                ElementsAre("5:8: the same as in line 2: case and kind of separator mean nothing"));
}

// Catches: a rule of both or of nothing; an extension with its dot, or that is refused.
TEST(PolicyFile, ARuleIsOfAPathOrOfAnExtension) {
    EXPECT_THAT(
        lines_of(compile_policy("[[rule]]\npath = '/a'\nextension = 'b'\naction = 'drop'\n"
                                "[[rule]]\naction = 'drop'\n"
                                "[[rule]]\nextension = '.b'\naction = 'drop'\n"
                                "[[rule]]\nextension = ''\naction = 'drop'\n"
                                "[[rule]]\nextension = 'b'\naction = 'refuse'\n"
                                "[[rule]]\nextension = 'c'\naction = 'drop'\n"
                                "[[rule]]\nextension = 'C'\naction = 'report'\n")
                     .errors),
        ElementsAre("1:1: a rule has either a 'path' or an 'extension'",
                    "5:1: a rule has either a 'path' or an 'extension'",
                    testing::StartsWith("8:13: '.b' is no extension"), testing::StartsWith("11:13: '' is no extension"),
                    testing::StartsWith("13:1: an extension cannot be refused"),
                    "20:13: the same as in line 17: case and kind of separator mean nothing"));
}

TEST(PolicyFile, MoreThanTheDriverTakes) {
    std::string rules;
    for (int i = 0; i < 200; ++i) {
        rules += fmt::format("[[rule]]\npath = '/{:0>200}'\naction = 'drop'\n", i);
    }
    EXPECT_THAT(lines_of(compile_policy(rules).errors), ElementsAre(testing::StartsWith("1:1: the policy takes ")));
}

// Rules that are right, and of no use. Catches: any of these unsaid; a rule with a use that is called useless.
TEST(PolicyFile, ARuleThatNeverDecidesIsNamed) {
    EXPECT_THAT(lines_of(compile_policy("exclude-images = ['/i']\n[[rule]]\npath = '/I/x'\naction = 'report'\n"
                                        "[[rule]]\npath = '/i/y'\naction = 'refuse'\n")
                             .warnings),
                ElementsAre("3:8: this rule never decides: line 1 excludes the image"));
    EXPECT_THAT(lines_of(compile_policy("[events.process-start]\ndefault = 'off'\nlimit = 5\n"
                                        "[[rule]]\npath = '/a'\naction = 'report'\n"
                                        "[[rule]]\npath = '/b'\naction = 'refuse'\n"
                                        "[[rule]]\npath = '/b/c'\naction = 'report'\n")
                             .warnings),
                ElementsAre("3:9: this limit never decides: the default is off",
                            "5:8: this rule never decides: process-start is off"));
    EXPECT_THAT(lines_of(compile_policy("exclude-images = ['/i']\n[events.image-load]\ndefault = 'off'\n"
                                        "[events.process-start]\ndefault = 'off'\n"
                                        "[[rule]]\npath = '/i/x'\naction = 'report'\nevents = ['image-load']\n"
                                        "[[rule]]\nextension = 'so'\naction = 'drop'\n"
                                        "events = ['image-load', 'process-start']\n")
                             .warnings),
                ElementsAre("7:8: this rule never decides: image-load is off",
                            "11:13: this rule never decides: process-start and image-load are off"));
    EXPECT_THAT(lines_of(compile_policy("exclude-images = ['/i']\n"
                                        "[[rule]]\npath = '/i/x'\naction = 'drop'\nevents = ['image-load']\n")
                             .warnings),
                testing::IsEmpty())
        << "another process may load it";
    EXPECT_THAT(lines_of(compile_policy("exclude-images = ['/b/i', '/c/i']\n"
                                        "[[rule]]\npath = '/b'\naction = 'refuse'\n"
                                        "[[rule]]\npath = '/c'\naction = 'refuse'\n"
                                        "[[rule]]\npath = '/c/i/ok'\naction = 'report'\n")
                             .warnings),
                ElementsAre("1:19: this exclusion never decides: line 3 refuses the image",
                            "9:8: this rule never decides: line 1 excludes the image"));
}

}  // namespace
}  // namespace aegis
