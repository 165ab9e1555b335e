// Documents of processes with what was told of them beside, compared with JSON written out by hand.

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/format/ndjson_formatter.hpp"
#include "support/event_bytes.hpp"

namespace aegis {
namespace {

constexpr std::int64_t kTime = 133590404961234567;
constexpr agent::SessionId kSession = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xFF};
// What a driver says that knows no user of Unix.
constexpr std::uint32_t kAllOfAStart =
    AEGIS_DETAILS_TOKEN_VALID | AEGIS_DETAILS_INTEGRITY_VALID | AEGIS_DETAILS_COMMAND_LINE_VALID;

rapidjson::Document parse(const std::string& text) {
    rapidjson::Document document;
    document.Parse<rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag>(text.c_str());
    EXPECT_FALSE(document.HasParseError()) << text;
    return document;
}

void expect_json(const std::string& line, const std::string& expected) {
    ASSERT_FALSE(line.empty());
    EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line: " << line;
    EXPECT_TRUE(parse(line) == parse(expected)) << "got      " << line << "expected " << expected;
}

std::string entity_id(std::uint32_t pid, std::uint64_t key) {
    return fmt::format("000102030405060708090a0b0c0d0eff-{}-{}", pid, key);
}

class NdjsonProcess : public testing::Test {
  protected:
    // As the printer joins them. `complete`: nothing of the details got lost.
    std::string joined(std::uint16_t type, const std::vector<std::byte>& payload, const test::Details& what,
                       bool complete = true, std::int64_t time = kTime) {
        agent::PendingDetails pending;
        agent::Event event;
        EXPECT_EQ(
            agent::decode(test::event_bytes(AEGIS_EVENT_PROCESS_DETAILS, time, 1, test::details_payload(what)), event),
            agent::DecodeError::kNone);
        pending.add(event);
        EXPECT_EQ(agent::decode(test::event_bytes(type, time, 1, payload), event), agent::DecodeError::kNone);
        agent::ProcessDetails details;
        bool all = false;
        EXPECT_TRUE(pending.take(event, details, all));
        event.known = &details;
        event.details_lost = !complete;
        return line(event);
    }
    std::string start(const test::Details& what = {}, const test::Start& start = kStart, std::int64_t time = kTime) {
        return joined(AEGIS_EVENT_PROCESS_CREATE, test::compact_payload(start), what, true, time);
    }
    std::string exit(const test::Details& what, std::int64_t time) {
        return joined(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(what.pid), what, true, time);
    }
    // An event of which everything beside got lost.
    std::string without_details(std::uint16_t type, const std::vector<std::byte>& payload, std::int64_t time = kTime) {
        agent::Event event;
        EXPECT_EQ(agent::decode(test::event_bytes(type, time, 1, payload), event), agent::DecodeError::kNone);
        event.details_lost = true;
        return line(event);
    }
    std::string line(const agent::Event& event) {
        agent::Lines lines;
        formatter_.append_event(event, 17, lines);
        return fmt::to_string(lines);
    }

    static constexpr test::Start kStart = {.pid = 812, .parent = 640, .creator = 640, .path = u"/bin/cmd"};
    static constexpr test::Details kExit = {.command_line = u"",
                                            .kind = AEGIS_DETAILS_EXIT,
                                            .flags = AEGIS_DETAILS_TOKEN_VALID | AEGIS_DETAILS_EXIT_STATUS_VALID};

    agent::ProcessTable processes_;
    agent::NdjsonFormatter formatter_{kSession, "box", processes_, nullptr,
                                      std::make_unique<agent::UserNames>([](std::span<const std::byte>) {
                                          return agent::UserName{"anna \"7\"", "BOX"};
                                      })};
};

// Catches: a field left out, or under another's name.
TEST_F(NdjsonProcess, AStartIsOneCompleteDocument) {
    start({.pid = 640, .key = 0x1000000000003}, {.pid = 640, .path = u"/sbin/init"});
    expect_json(start(), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "event", "category": ["process"], "type": ["start"], "action": "process-start", "code": "1",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 17, "id": "000102030405060708090a0b0c0d0eff-17"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box"},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "process": {"pid": 812, "entity_id": "000102030405060708090a0b0c0d0eff-812-281474976710663",
                    "executable": "/bin/cmd", "name": "cmd",
                    "command_line": "cmd.exe /c \"a b\"", "args": ["cmd.exe", "/c", "a b"],
                    "start": "2024-05-01T12:34:55.0000000Z",
                    "parent": {"pid": 640, "entity_id": "000102030405060708090a0b0c0d0eff-640-281474976710659",
                               "executable": "/sbin/init"}},
        "user": {"id": "S-1-5-21-1-2-3-1000", "name": "anna \"7\"", "domain": "BOX"},
        "aegis": {"filetime": "133590404961234567",
                  "process": {"path_exact": true, "creator_pid": 640, "creator_tid": 644, "session_id": 3,
                              "logon_id": "0x3e7", "integrity_level": "high", "elevation": "full"}}
    })");
}

// Catches: an end without what its start said; a status, a time or a duration left out.
TEST_F(NdjsonProcess, AnEndRepeatsItsStart) {
    start();
    expect_json(exit(kExit, kTime + 5'000'000), R"({
        "@timestamp": "2024-05-01T12:34:56.6234567Z",
        "event": {"kind": "event", "category": ["process"], "type": ["end"], "action": "process-end", "code": "2",
                  "duration": 1623456700, "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 17, "id": "000102030405060708090a0b0c0d0eff-17"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box"},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "process": {"pid": 812, "entity_id": "000102030405060708090a0b0c0d0eff-812-281474976710663",
                    "executable": "/bin/cmd", "name": "cmd",
                    "command_line": "cmd.exe /c \"a b\"", "args": ["cmd.exe", "/c", "a b"],
                    "start": "2024-05-01T12:34:55.0000000Z", "end": "2024-05-01T12:34:56.6234567Z", "exit_code": 3,
                    "parent": {"pid": 640, "entity_id": "000102030405060708090a0b0c0d0eff-640-281474976710659"}},
        "user": {"id": "S-1-5-21-1-2-3-1000", "name": "anna \"7\"", "domain": "BOX"},
        "aegis": {"filetime": "133590404966234567", "process": {"path_exact": true}}
    })");
}

// One that ran before the agent came.
TEST_F(NdjsonProcess, AnEndAloneTellsWhatTheDriverKnows) {
    const rapidjson::Document end = parse(exit(kExit, kTime));
    EXPECT_EQ(end["process"]["entity_id"].GetString(), entity_id(812, 0x1000000000007));
    EXPECT_STREQ(end["process"]["start"].GetString(), "2024-05-01T12:34:55.0000000Z");
    EXPECT_EQ(end["process"]["exit_code"].GetUint(), 3U);
    EXPECT_EQ(end["event"]["duration"].GetInt64(), 1'123'456'700);
    EXPECT_STREQ(end["user"]["id"].GetString(), "S-1-5-21-1-2-3-1000");
    EXPECT_FALSE(end["process"].HasMember("executable"));
    EXPECT_FALSE(end["aegis"].HasMember("process"));
}

// Catches: a document that says nothing of what is missing in it.
TEST_F(NdjsonProcess, LostDetailsAreFlagged) {
    const rapidjson::Document begin = parse(without_details(AEGIS_EVENT_PROCESS_CREATE, test::compact_payload(kStart)));
    EXPECT_TRUE(begin["aegis"]["process"]["details_lost"].GetBool());
    EXPECT_STREQ(begin["process"]["executable"].GetString(), "/bin/cmd");
    EXPECT_FALSE(begin["process"].HasMember("entity_id"));
    EXPECT_FALSE(begin.HasMember("user"));
    const rapidjson::Document end = parse(without_details(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(812)));
    EXPECT_TRUE(end["aegis"]["process"]["details_lost"].GetBool());
    EXPECT_TRUE(end["aegis"]["process"]["path_exact"].GetBool());
    EXPECT_FALSE(end["event"].HasMember("duration"));
    const rapidjson::Document alone = parse(without_details(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(812)));
    EXPECT_TRUE(alone["aegis"]["process"]["details_lost"].GetBool());
    EXPECT_TRUE(parse(joined(AEGIS_EVENT_PROCESS_CREATE, test::compact_payload(kStart), {},
                             false))["aegis"]["process"]["details_lost"]
                    .GetBool());
}

TEST_F(NdjsonProcess, ACutCommandLineIsFlagged) {
    const rapidjson::Document cut = parse(start({.command_line = u"abc def", .full = 5000}));
    EXPECT_STREQ(cut["process"]["command_line"].GetString(), "abc def");
    EXPECT_TRUE(cut["aegis"]["process"]["command_line_truncated"].GetBool());
    EXPECT_EQ(cut["aegis"]["process"]["command_line_length"].GetUint(), 5000U);
    EXPECT_FALSE(cut["aegis"]["process"].HasMember("details_lost"));
}

// Catches: invalid text in a document, or a mark that every command line has.
TEST_F(NdjsonProcess, ACommandLineMayBeNoText) {
    const char16_t bad[] = {u'a', 0xD800, u' ', u'"', 0xDC00, u'\n'};
    const rapidjson::Document document = parse(start({.command_line = {bad, 6}}));
    EXPECT_STREQ(document["process"]["command_line"].GetString(), "a\uFFFD \"\uFFFD\n");
    EXPECT_STREQ(document["process"]["args"][1].GetString(), "\uFFFD\n");
    EXPECT_TRUE(document["aegis"]["process"]["command_line_invalid_utf16"].GetBool());
    EXPECT_FALSE(parse(start())["aegis"]["process"].HasMember("command_line_invalid_utf16"));
}

// Catches: something said that is not known.
TEST_F(NdjsonProcess, WhatIsNotKnownIsLeftOut) {
    const rapidjson::Document document = parse(start({.key = 0, .command_line = u"", .flags = 0, .has_sid = false}));
    EXPECT_FALSE(document["process"].HasMember("entity_id"));
    EXPECT_FALSE(document["process"].HasMember("command_line"));
    EXPECT_FALSE(document["process"].HasMember("args"));
    EXPECT_FALSE(document.HasMember("user"));
    EXPECT_FALSE(document["aegis"]["process"].HasMember("session_id"));
    EXPECT_FALSE(document["aegis"]["process"].HasMember("integrity_level"));
    const rapidjson::Document empty = parse(start({.command_line = u"", .flags = kAllOfAStart}));
    EXPECT_STREQ(empty["process"]["command_line"].GetString(), "") << "it has one, and it is empty";
    EXPECT_TRUE(empty["process"]["args"].Empty());
}

TEST_F(NdjsonProcess, ACreatorThatIsNotTheParentIsNamed) {
    const rapidjson::Document document = parse(start({}, {.pid = 812, .parent = 640, .creator = 700}));
    EXPECT_EQ(document["aegis"]["process"]["creator_entity_id"].GetString(), entity_id(700, 0x1000000000004));
    EXPECT_FALSE(parse(start())["aegis"]["process"].HasMember("creator_entity_id"));
}

// Catches: entity ids on starts alone; the id or the name of a process that had the number before.
TEST_F(NdjsonProcess, EveryEventNamesItsProcessAndNoOther) {
    AEGIS_THREAD_PAYLOAD thread{};
    thread.ProcessId = 812;
    thread.ThreadId = 816;
    const auto thread_process = [&](std::uint64_t key, std::int64_t time) {
        thread.ProcessKey = key;
        agent::Event event;
        EXPECT_EQ(
            agent::decode(test::event_bytes(AEGIS_EVENT_THREAD_CREATE, time, 1, test::thread_payload(thread)), event),
            agent::DecodeError::kNone);
        rapidjson::Document document = parse(line(event));
        const rapidjson::Value& process = document["process"];
        return std::string(process.HasMember("entity_id") ? process["entity_id"].GetString() : "none") + " " +
               (process.HasMember("executable") ? process["executable"].GetString() : "unknown");
    };
    start({.key = 7}, {.pid = 812, .path = u"/first"}, kTime);
    EXPECT_EQ(thread_process(7, kTime + 1), entity_id(812, 7) + " /first");
    EXPECT_EQ(thread_process(0, kTime + 1), entity_id(812, 7) + " /first") << "the event has no key, the table has";
    EXPECT_EQ(thread_process(9, kTime + 1), entity_id(812, 9) + " unknown") << "another process";
    start({.key = 9}, {.pid = 812, .path = u"/second"}, kTime + 100);
    EXPECT_EQ(thread_process(9, kTime + 101), entity_id(812, 9) + " /second");
    EXPECT_EQ(thread_process(7, kTime + 101), entity_id(812, 7) + " unknown") << "late, of the first";
    EXPECT_EQ(thread_process(0, kTime + 50), "none unknown") << "of the first, without a key";

    // An end of the first that comes late takes nothing from the second.
    test::Details late = kExit;
    late.key = 7;
    EXPECT_FALSE(parse(exit(late, kTime + 200))["process"].HasMember("executable"));
    late.key = 9;
    EXPECT_STREQ(parse(exit(late, kTime + 300))["process"]["executable"].GetString(), "/second");
}

// A process that forks and runs other programs is one process.
TEST_F(NdjsonProcess, AParentIsNamedByItsLastProgram) {
    start({.pid = 640, .key = 0x1000000000003}, {.pid = 640, .path = u"/bin/sh"}, kTime);
    start({.pid = 640, .key = 0x1000000000003}, {.pid = 640, .path = u"/bin/make"}, kTime + 1);
    EXPECT_STREQ(parse(start({}, kStart, kTime + 2))["process"]["parent"]["executable"].GetString(), "/bin/make");
    start({.pid = 640, .key = 5}, {.pid = 640, .path = u"/bin/other"}, kTime + 3);
    EXPECT_FALSE(parse(start({}, kStart, kTime + 4))["process"]["parent"].HasMember("executable"))
        << "another process has the parent's number by now";
}

}  // namespace
}  // namespace aegis
