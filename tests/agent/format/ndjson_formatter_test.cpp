// Lines compared with JSON written out by hand, field by field: the order of fields means nothing.

#include "agent/format/ndjson_formatter.hpp"

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <memory>
#include <string>

#include "support/event_bytes.hpp"

namespace aegis {
namespace {

constexpr std::int64_t kTimestamp = 133590404961234567;
constexpr agent::SessionId kSession = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xFF};

rapidjson::Document parse(const std::string& text) {
    rapidjson::Document document;
    // Anything that is not UTF-8 is an error, and so is anything behind the object.
    document.Parse<rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag>(text.c_str());
    EXPECT_FALSE(document.HasParseError()) << text;
    return document;
}

void expect_json(const std::string& line, const std::string& expected) {
    ASSERT_FALSE(line.empty());
    EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line: " << line;
    EXPECT_TRUE(parse(line) == parse(expected)) << "got      " << line << "expected " << expected;
}

class NdjsonFormatter : public ::testing::Test {
  protected:
    std::string line(std::uint16_t type, const std::vector<std::byte>& payload, std::uint64_t sequence = 17) {
        agent::Event event;
        EXPECT_EQ(agent::decode(test::event_bytes(type, kTimestamp, 1, payload), event), agent::DecodeError::kNone);
        agent::Lines lines;
        formatter_->append_event(event, sequence, lines);
        return fmt::to_string(lines);
    }

    std::string start(const test::Start& what) { return line(AEGIS_EVENT_PROCESS_CREATE, compact_payload(what)); }
    std::string exit(std::uint32_t pid) { return line(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(pid), 18); }

    std::string thread(const AEGIS_THREAD_PAYLOAD& what, std::uint16_t type = AEGIS_EVENT_THREAD_CREATE) {
        return line(type, test::thread_payload(what));
    }

    std::string image(const AEGIS_IMAGE_PAYLOAD& what) {
        return line(AEGIS_EVENT_IMAGE_LOAD, test::image_payload(what));
    }

    std::string loss(const agent::LostEvents& lost) {
        agent::Lines lines;
        formatter_->append_loss(lost, kTimestamp, lines);
        return fmt::to_string(lines);
    }

    // What the end of 812 says of it when its start is not known.
    static rapidjson::Document nobody() { return parse(R"({"pid": 812, "end": "2024-05-01T12:34:56.1234567Z"})"); }

    rapidjson::Document start_json(const test::Start& what) { return parse(start(what)); }

    // As on Windows: paths are NT paths, and volume 3 is C:.
    void translate_paths() {
        formatter_ = std::make_unique<agent::NdjsonFormatter>(
            kSession, "box", processes_, std::make_unique<agent::DosPaths>([] {
                return std::vector<agent::DosPrefix>{{"\\Device\\HarddiskVolume3", "C:"}};
            }));
    }

    agent::ProcessTable processes_;
    std::unique_ptr<agent::NdjsonFormatter> formatter_ =
        std::make_unique<agent::NdjsonFormatter>(kSession, "box \"7\"", processes_, nullptr);
};

TEST_F(NdjsonFormatter, Start) {
    expect_json(start({.pid = 812, .parent = 640, .creator = 640, .path = u"/usr/bin/true"}), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "event", "category": ["process"], "type": ["start"], "action": "process-start", "code": "1",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 17, "id": "000102030405060708090a0b0c0d0eff-17"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box \"7\""},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "process": {"pid": 812, "executable": "/usr/bin/true", "name": "true", "parent": {"pid": 640}},
        "aegis": {"filetime": "133590404961234567", "process": {"path_exact": true, "creator_pid": 640}}
    })");
}

// Catches: a field of a thread left out, or under another's name; 64-bit identifiers as numbers.
TEST_F(NdjsonFormatter, ThreadStart) {
    start({.pid = 812, .parent = 640, .creator = 640, .path = u"/usr/bin/true"});
    for (int i = 0; i < 2; ++i) {
        expect_json(thread(test::remote_thread()), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "event", "category": ["process"], "type": ["start"], "action": "thread-start", "code": "3",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 17, "id": "000102030405060708090a0b0c0d0eff-17"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box \"7\""},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "process": {"pid": 812, "entity_id": "000102030405060708090a0b0c0d0eff-812-281474976710663",
                    "executable": "/usr/bin/true", "name": "true", "parent": {"pid": 640},
                    "thread": {"id": 816}},
        "aegis": {"filetime": "133590404961234567", "process": {"path_exact": true},
                  "thread": {"system": false, "process_key": "281474976710663", "creator_pid": 640,
                             "creator_tid": 644, "creator_key": "281474976710659",
                             "start_address": "0x7ff6a0001000", "remote": true}}
    })");
    }
}

// Catches: something said that is not known; a mark that is always there, or never.
TEST_F(NdjsonFormatter, ThreadStartOfWhichLittleIsKnown) {
    AEGIS_THREAD_PAYLOAD what{};
    what.ProcessId = 812;
    what.ThreadId = 816;
    what.Flags = AEGIS_THREAD_SYSTEM | 0xFFFFFF80U;
    expect_json(thread(what), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "event", "category": ["process"], "type": ["start"], "action": "thread-start", "code": "3",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 17, "id": "000102030405060708090a0b0c0d0eff-17"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box \"7\""},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "process": {"pid": 812, "thread": {"id": 816}},
        "aegis": {"filetime": "133590404961234567", "thread": {"system": true}}
    })");
    what = test::remote_thread();
    what.Flags = AEGIS_THREAD_REMOTE | AEGIS_THREAD_FIRST | AEGIS_THREAD_KEY_IS_TIME | AEGIS_THREAD_CREATOR_KEY_IS_TIME;
    const rapidjson::Document first = parse(thread(what));
    const auto& told = first["aegis"]["thread"];
    EXPECT_TRUE(told["first"].GetBool());
    EXPECT_TRUE(told["process_key_is_time"].GetBool());
    EXPECT_TRUE(told["creator_key_is_time"].GetBool());
    EXPECT_FALSE(told.HasMember("start_address"));
}

TEST_F(NdjsonFormatter, ThreadEnd) {
    AEGIS_THREAD_PAYLOAD what{};
    what.ProcessId = 812;
    what.ThreadId = 816;
    what.ProcessKey = 7;
    what.ExitStatus = static_cast<std::int32_t>(0xC0000005);
    what.Flags = AEGIS_THREAD_EXIT_STATUS_VALID;
    expect_json(thread(what, AEGIS_EVENT_THREAD_EXIT), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "event", "category": ["process"], "type": ["end"], "action": "thread-end", "code": "7",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 17, "id": "000102030405060708090a0b0c0d0eff-17"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box \"7\""},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "process": {"pid": 812, "entity_id": "000102030405060708090a0b0c0d0eff-812-7", "thread": {"id": 816}},
        "aegis": {"filetime": "133590404961234567",
                  "thread": {"system": false, "process_key": "7", "exit_code": 3221225477}}
    })");
    what.Flags = 0;
    EXPECT_FALSE(parse(thread(what, AEGIS_EVENT_THREAD_EXIT))["aegis"]["thread"].HasMember("exit_code"));
}

// Catches: a field of an image left out, or under another's name; what is known of its process left out.
TEST_F(NdjsonFormatter, ImageLoad) {
    start({.pid = 812, .parent = 640, .creator = 640, .path = u"/usr/bin/true"});
    AEGIS_IMAGE_PAYLOAD what = test::loaded_image(u"/usr/lib/libc.so.6");
    what.LoaderProcessId = 812;
    expect_json(image(what), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "event", "category": ["library"], "type": ["start"], "action": "image-load", "code": "4",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 17, "id": "000102030405060708090a0b0c0d0eff-17"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box \"7\""},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "process": {"pid": 812, "entity_id": "000102030405060708090a0b0c0d0eff-812-281474976710663",
                    "executable": "/usr/bin/true", "name": "true", "parent": {"pid": 640},
                    "thread": {"id": 644}},
        "dll": {"path": "/usr/lib/libc.so.6", "name": "libc.so.6"},
        "aegis": {"filetime": "133590404961234567", "process": {"path_exact": true},
                  "image": {"path_exact": true, "base": "0x7ff912340000", "size": 2064384, "signature_level": 12,
                            "signature_type": 5, "loader_pid": 812, "loader_tid": 644,
                            "process_key": "281474976710663"}}
    })");
}

// A driver is nobody's; an image that another process maps has not been loaded by a thread of its own.
TEST_F(NdjsonFormatter, ImageOfTheKernelAndOfAnother) {
    AEGIS_IMAGE_PAYLOAD what = test::loaded_image(u"");
    what.ProcessId = 0;
    what.ProcessKey = 0;
    what.Flags = AEGIS_IMAGE_KERNEL | 0xE0;
    expect_json(image(what), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "event", "category": ["driver"], "type": ["start"], "action": "image-load", "code": "4",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 17, "id": "000102030405060708090a0b0c0d0eff-17"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box \"7\""},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "process": {"pid": 640, "thread": {"id": 644}},
        "aegis": {"filetime": "133590404961234567",
                  "image": {"path_exact": false, "base": "0x7ff912340000", "size": 2064384, "signature_level": 12,
                            "signature_type": 5, "loader_pid": 640, "loader_tid": 644, "kernel": true}}
    })");
    const rapidjson::Document foreign = parse(image(test::loaded_image()));
    EXPECT_STREQ(foreign["dll"]["name"].GetString(), "ntdll.dll");
    EXPECT_EQ(foreign["process"]["pid"].GetUint(), 812U);
    EXPECT_FALSE(foreign["process"].HasMember("thread"));
}

// Catches: the name taken from the cut; a mark left out.
TEST_F(NdjsonFormatter, ImageMarks) {
    AEGIS_IMAGE_PAYLOAD what = test::cut_image(u"\\x.dll", 700);
    what.Flags = AEGIS_IMAGE_PARTIAL_MAP | AEGIS_IMAGE_MACHINE_MISMATCH | AEGIS_IMAGE_KEY_IS_TIME;
    const rapidjson::Document cut = parse(image(what));
    EXPECT_STREQ(cut["dll"]["name"].GetString(), "x.dll");
    const auto& told = cut["aegis"]["image"];
    EXPECT_TRUE(told["path_truncated"].GetBool());
    EXPECT_EQ(told["path_length"].GetUint(), 700U);
    EXPECT_TRUE(told["path_partial"].GetBool());
    EXPECT_TRUE(told["partial_map"].GetBool());
    EXPECT_TRUE(told["machine_mismatch"].GetBool());
    EXPECT_TRUE(told["process_key_is_time"].GetBool());
    EXPECT_FALSE(told.HasMember("kernel"));
    const rapidjson::Document nameless = parse(image(test::cut_image(u"dddddddd", 700)));
    EXPECT_FALSE(nameless["dll"].HasMember("name"));
}

// Catches: a mark that is always there, or never.
TEST_F(NdjsonFormatter, StartByAnotherThanTheParentWithAPartialName) {
    expect_json(start({.pid = 1, .parent = 2, .creator = 3, .path = u"/x", .exact = false}), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "event", "category": ["process"], "type": ["start"], "action": "process-start", "code": "1",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 17, "id": "000102030405060708090a0b0c0d0eff-17"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box \"7\""},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "process": {"pid": 1, "executable": "/x", "name": "x", "parent": {"pid": 2}},
        "aegis": {"filetime": "133590404961234567",
                  "process": {"path_exact": false, "creator_pid": 3, "creator_mismatch": true}}
    })");
}

// Catches: a refusal that is reported as a success; an end that is given the name of what never ran.
TEST_F(NdjsonFormatter, AStartThatWasRefused) {
    AEGIS_PROCESS_PAYLOAD payload = test::process_payload({.pid = 7, .parent = 2, .creator = 2, .path = u"/tmp/x"});
    payload.ImagePathFlags |= AEGIS_PROCESS_REFUSED;
    const rapidjson::Document refused = parse(line(AEGIS_EVENT_PROCESS_CREATE, test::bytes_of(payload)));
    EXPECT_STREQ(refused["event"]["action"].GetString(), "process-refused");
    EXPECT_STREQ(refused["event"]["outcome"].GetString(), "failure");
    EXPECT_STREQ(refused["event"]["type"][1].GetString(), "denied");
    EXPECT_STREQ(refused["process"]["executable"].GetString(), "/tmp/x");
    EXPECT_FALSE(parse(exit(7))["process"].HasMember("executable"));
}

TEST_F(NdjsonFormatter, EventsThatWereKeptBack) {
    AEGIS_SUPPRESSED_PAYLOAD payload = {};
    payload.Count = 12;
    payload.FirstTime = kTimestamp;
    payload.LastTime = kTimestamp + 10'000'000;
    payload.LikeProcessId = 640;
    payload.Type = AEGIS_EVENT_PROCESS_CREATE;
    payload.Reason = AEGIS_SUPPRESSED_MERGED;
    const auto* const bytes = reinterpret_cast<const std::byte*>(&payload);
    const rapidjson::Document document = parse(line(AEGIS_EVENT_SUPPRESSED, {bytes, bytes + sizeof(payload)}));
    EXPECT_STREQ(document["event"]["action"].GetString(), "events-suppressed");
    EXPECT_STREQ(document["event"]["code"].GetString(), "11");
    const rapidjson::Value& suppressed = document["aegis"]["suppressed"];
    EXPECT_EQ(suppressed["count"].GetUint64(), 12U);
    EXPECT_EQ(suppressed["type"].GetUint(), 1U);
    EXPECT_STREQ(suppressed["reason"].GetString(), "merged");
    EXPECT_EQ(suppressed["like_pid"].GetUint(), 640U);
    EXPECT_STRNE(suppressed["first"].GetString(), suppressed["last"].GetString());
}

TEST_F(NdjsonFormatter, ExitOfAnUnknownProcess) {
    expect_json(exit(812), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "event", "category": ["process"], "type": ["end"], "action": "process-end", "code": "2",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 18, "id": "000102030405060708090a0b0c0d0eff-18"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box \"7\""},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "process": {"pid": 812, "end": "2024-05-01T12:34:56.1234567Z"}, "aegis": {"filetime": "133590404961234567"}
    })");
}

// Catches: an exit that repeats nothing, or something of another process.
TEST_F(NdjsonFormatter, ExitRepeatsExecutableAndParentOfTheStart) {
    start({.pid = 812, .parent = 640, .creator = 640, .path = u"/usr/bin/true"});
    start({.pid = 813, .parent = 641, .creator = 641, .path = u"/usr/bin/false"});
    const rapidjson::Document end = parse(exit(812));
    EXPECT_TRUE(end["process"] == parse(R"({"pid": 812, "executable": "/usr/bin/true", "name": "true",
                                            "end": "2024-05-01T12:34:56.1234567Z", "parent": {"pid": 640}})"));
    EXPECT_TRUE(end["aegis"]["process"] == parse(R"({"path_exact": true})"));
    EXPECT_TRUE(parse(exit(812))["process"] == nobody()) << "an ended process is forgotten";
}

// Catches: append_loss without forget_all: the id may have gone to another process in between.
TEST_F(NdjsonFormatter, AfterALossNoExitIsGivenAnOldName) {
    start({.pid = 812, .parent = 640, .creator = 640, .path = u"/usr/bin/true"});
    loss(agent::LostEvents::overwritten(19, 30));
    EXPECT_TRUE(parse(exit(812))["process"] == nobody());
    start({.pid = 812, .parent = 640, .creator = 640, .path = u"/usr/bin/true"});
    loss({agent::LossReason::kSource, 1});
    EXPECT_TRUE(parse(exit(812))["process"] == nobody());
}

TEST_F(NdjsonFormatter, Loss) {
    expect_json(loss(agent::LostEvents::overwritten(19, 4294967298)), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "pipeline_error", "action": "events-lost",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box \"7\""},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "aegis": {"lost": {"reason": "overwritten", "first": 19, "last": 4294967298, "count": 4294967280}}
    })");
}

// Catches: sequences made up for events that never had one.
TEST_F(NdjsonFormatter, LossWithoutASequence) {
    const rapidjson::Document source = parse(loss({agent::LossReason::kSource, 85'080}));
    EXPECT_STREQ(source["event"]["kind"].GetString(), "pipeline_error");
    EXPECT_STREQ(source["event"]["action"].GetString(), "events-lost");
    EXPECT_TRUE(source["aegis"] == parse(R"({"lost": {"reason": "source", "count": 85080}})"));
    EXPECT_TRUE(parse(loss({agent::LossReason::kOversize, 1}))["aegis"] ==
                parse(R"({"lost": {"reason": "oversize", "count": 1}})"));
    EXPECT_TRUE(parse(loss({agent::LossReason::kClosing, 1}))["aegis"] ==
                parse(R"({"lost": {"reason": "closing", "count": 1}})"));
    EXPECT_TRUE(parse(loss({agent::LossReason::kFailed, 1}))["aegis"] ==
                parse(R"({"lost": {"reason": "failed", "count": 1}})"));
}

TEST_F(NdjsonFormatter, UnknownTypeIsNotGuessedAt) {
    expect_json(line(5, std::vector<std::byte>(80), 18446744073709551615U), R"({
        "@timestamp": "2024-05-01T12:34:56.1234567Z",
        "event": {"kind": "event", "code": "5",
                  "module": "aegis", "dataset": "aegis.process", "provider": "AegisMon",
                  "sequence": 18446744073709551615, "id": "000102030405060708090a0b0c0d0eff-18446744073709551615"},
        "ecs": {"version": "8.11.0"}, "host": {"name": "box \"7\""},
        "agent": {"name": "aegis-agent", "version": "1.0.0"},
        "aegis": {"filetime": "133590404961234567", "type": 5, "size": 96}
    })");
}

TEST_F(NdjsonFormatter, StartWithoutAPathHasNoExecutable) {
    EXPECT_TRUE(start_json({.pid = 1, .parent = 2, .creator = 2})["process"] ==
                parse(R"({"pid": 1, "parent": {"pid": 2}})"));
}

// Catches: a path copied into the line unescaped.
TEST_F(NdjsonFormatter, APathCannotBreakItsString) {
    const rapidjson::Document json = start_json({.path = u"/tmp/\"},\n\t\u0001\\/q\u2028"});
    EXPECT_STREQ(json["process"]["executable"].GetString(), "/tmp/\"},\n\t\u0001\\/q\xE2\x80\xA8");
    EXPECT_STREQ(json["process"]["name"].GetString(), "q\xE2\x80\xA8");
}

TEST_F(NdjsonFormatter, UnpairedSurrogatesAreReplacedAndFlagged) {
    const char16_t path[] = {u'/', u'a', 0xDC00};
    const rapidjson::Document json = start_json({.path = {path, 3}});
    EXPECT_STREQ(json["process"]["executable"].GetString(), "/a\xEF\xBF\xBD");
    EXPECT_TRUE(json["aegis"]["process"]["path_invalid_utf16"].GetBool());
    EXPECT_FALSE(start_json({.path = u"/a"})["aegis"]["process"].HasMember("path_invalid_utf16"));
}

constexpr std::u16string_view kCutPath = u"\\Device\\HarddiskVolume3\\a...z\\evil.exe";
constexpr std::uint16_t kCutHead = 25;

// Catches: a cut that only shows as a partial name, or is said to be both; an end that does not say it.
TEST_F(NdjsonFormatter, ACutPathIsMarkedAsSuchAndKeepsItsName) {
    const rapidjson::Document json =
        parse(line(AEGIS_EVENT_PROCESS_CREATE,
                   test::cut_payload({.pid = 7, .parent = 2, .creator = 2, .path = kCutPath}, kCutHead, 700)));
    EXPECT_TRUE(json["process"] == parse(R"({"pid": 7, "executable": "\\Device\\HarddiskVolume3\\a...z\\evil.exe",
                                             "name": "evil.exe", "parent": {"pid": 2}})"));
    EXPECT_TRUE(json["aegis"]["process"] ==
                parse(R"({"path_exact": false, "path_truncated": true, "path_length": 700, "creator_pid": 2})"));
    const rapidjson::Document end = parse(exit(7));
    EXPECT_TRUE(end["process"]["executable"] == json["process"]["executable"]);
    EXPECT_TRUE(end["process"]["name"] == json["process"]["name"]);
    EXPECT_TRUE(end["aegis"]["process"] ==
                parse(R"({"path_exact": false, "path_truncated": true, "path_length": 700})"));
}

TEST_F(NdjsonFormatter, ACutOfAPartialNameIsBoth) {
    const rapidjson::Document json =
        parse(line(AEGIS_EVENT_PROCESS_CREATE, test::cut_payload({.path = kCutPath, .exact = false}, kCutHead, 700)));
    EXPECT_TRUE(json["aegis"]["process"] == parse(R"({"path_exact": false, "path_truncated": true, "path_length": 700,
                                                      "path_partial": true, "creator_pid": 0})"));
    const rapidjson::Document partial = start_json({.path = u"/a", .exact = false});
    EXPECT_TRUE(partial["aegis"]["process"] == parse(R"({"path_exact": false, "creator_pid": 0})"));
}

// Invalid text is another thing than a cut, and may come with it.
TEST_F(NdjsonFormatter, ACutPathOfInvalidTextIsMarkedAsBoth) {
    std::u16string path(kCutPath);
    path[26] = 0xDC00;  // a full stop: anything may stand there
    path.back() = 0xD800;
    const rapidjson::Document json =
        parse(line(AEGIS_EVENT_PROCESS_CREATE, test::cut_payload({.path = path}, kCutHead, 700)));
    EXPECT_TRUE(json["aegis"]["process"]["path_invalid_utf16"].GetBool());
    EXPECT_TRUE(json["aegis"]["process"]["path_truncated"].GetBool());
    EXPECT_STREQ(json["process"]["name"].GetString(), "evil.ex\xEF\xBF\xBD");
}

// Catches: a name that begins before the cut: a piece of a folder, or of a name that was cut itself.
TEST_F(NdjsonFormatter, ANameThatWasCutItselfIsNone) {
    const auto process = [this](std::u16string_view path, std::uint16_t head) {
        return parse(line(AEGIS_EVENT_PROCESS_CREATE, test::cut_payload({.path = path}, head, 700)));
    };
    EXPECT_FALSE(process(u"\\a\\name...end.exe", 7)["process"].HasMember("name"));
    EXPECT_FALSE(process(u"/a/name...back\\slash", 7)["process"].HasMember("name"));
    EXPECT_STREQ(process(u"\\a\\name...\\x.exe", 7)["process"]["name"].GetString(), "x.exe");
    EXPECT_STREQ(process(u"/a/name...end/x", 7)["process"]["name"].GetString(), "x");
}

TEST_F(NdjsonFormatter, TheBeginningOfACutPathIsTranslated) {
    translate_paths();
    const rapidjson::Document json =
        parse(line(AEGIS_EVENT_PROCESS_CREATE, test::cut_payload({.path = kCutPath}, kCutHead, 700)));
    EXPECT_STREQ(json["process"]["executable"].GetString(), "C:\\a...z\\evil.exe");
    EXPECT_STREQ(json["process"]["name"].GetString(), "evil.exe");
    EXPECT_STREQ(json["aegis"]["process"]["nt_path"].GetString(), "\\Device\\HarddiskVolume3\\a...z\\evil.exe");
}

// A Linux path may hold backslashes in its names; an NT path holds no slashes.
TEST_F(NdjsonFormatter, NameIsTheLastComponentOfItsKindOfPath) {
    EXPECT_STREQ(start_json({.path = u"/tmp/a\\b"})["process"]["name"].GetString(), "a\\b");
    EXPECT_STREQ(start_json({.path = u"\\Device\\x\\c.exe"})["process"]["name"].GetString(), "c.exe");
    EXPECT_STREQ(start_json({.path = u"System"})["process"]["name"].GetString(), "System");
}

TEST_F(NdjsonFormatter, NtPathIsTranslatedAndKept) {
    translate_paths();
    const rapidjson::Document json = start_json({.pid = 5, .path = u"\\Device\\HarddiskVolume3\\Windows\\cmd.exe"});
    EXPECT_STREQ(json["process"]["executable"].GetString(), "C:\\Windows\\cmd.exe");
    EXPECT_STREQ(json["process"]["name"].GetString(), "cmd.exe");
    EXPECT_STREQ(json["aegis"]["process"]["nt_path"].GetString(), "\\Device\\HarddiskVolume3\\Windows\\cmd.exe");
    EXPECT_STREQ(parse(exit(5))["process"]["executable"].GetString(), "C:\\Windows\\cmd.exe");
}

TEST_F(NdjsonFormatter, NtPathWithoutADosNameStaysAsItIs) {
    translate_paths();
    const rapidjson::Document json = start_json({.path = u"\\Device\\HarddiskVolume9\\x.exe"});
    EXPECT_STREQ(json["process"]["executable"].GetString(), "\\Device\\HarddiskVolume9\\x.exe");
    EXPECT_STREQ(json["aegis"]["process"]["nt_path"].GetString(), "\\Device\\HarddiskVolume9\\x.exe");
}

}  // namespace
}  // namespace aegis
