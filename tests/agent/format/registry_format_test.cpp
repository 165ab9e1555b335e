// Changes of the registry as text and as NDJSON, and their bytes as they come.

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "agent/format/ndjson_formatter.hpp"
#include "agent/format/text_formatter.hpp"
#include "support/event_bytes.hpp"

namespace aegis {
namespace {

constexpr std::int64_t kTimestamp = 133590404961234567;  // 12:34:56.1234567
constexpr std::u16string_view kKey = u"\\REGISTRY\\MACHINE\\SOFTWARE\\Vendor";

struct Change {
    std::uint8_t operation = AEGIS_REGISTRY_SET_VALUE;
    std::u16string_view key = kKey;
    std::u16string_view name = u"";
    std::uint32_t type = 0;
    std::string_view data = {};
    std::uint8_t flags = 0;
    std::uint32_t status = 0;
    std::uint32_t data_size = 0;  // 0: what there is
};

std::vector<std::byte> payload_of(const Change& change) {
    AEGIS_REGISTRY_PAYLOAD payload{};
    payload.ProcessId = 812;
    payload.ThreadId = 816;
    payload.ProcessKey = 0x1000000000007;
    payload.ValueType = change.type;
    payload.DataSize = change.data_size != 0 ? change.data_size : static_cast<std::uint32_t>(change.data.size());
    payload.Status = static_cast<std::int32_t>(change.status);
    payload.Operation = change.operation;
    payload.Flags = change.flags;
    payload.KeyLength = static_cast<std::uint16_t>(change.key.size());
    payload.KeyFullLength = 700;
    payload.NameLength = static_cast<std::uint16_t>(change.name.size());
    payload.NameFullLength = 300;
    payload.DataLength = static_cast<std::uint16_t>(change.data.size());
    std::copy(change.key.begin(), change.key.end(), payload.Text);
    std::copy(change.name.begin(), change.name.end(), payload.Text + change.key.size());
    const std::size_t texts = change.key.size() + change.name.size();
    std::copy(change.data.begin(), change.data.end(), reinterpret_cast<char*>(payload.Text + texts));
    const auto* const bytes = reinterpret_cast<const std::byte*>(&payload);
    return {bytes, bytes + AEGIS_REGISTRY_PAYLOAD_FIXED + 2 * texts + change.data.size()};
}

agent::DecodeError decode_payload(const std::vector<std::byte>& payload, agent::Event& event) {
    return agent::decode(test::event_bytes(AEGIS_EVENT_REGISTRY_OP, kTimestamp, 1, payload), event);
}

std::string text_of(const Change& change) {
    agent::ProcessTable processes;
    agent::TextFormatter formatter(processes);
    agent::Event event;
    EXPECT_EQ(decode_payload(payload_of(change), event), agent::DecodeError::kNone);
    agent::Lines lines;
    formatter.append_event(event, 17, lines);
    const std::string line = fmt::to_string(lines);
    const std::string head = "[12:34:56.123] #17 ";
    EXPECT_EQ(line.substr(0, head.size()), head);
    return line.substr(head.size());
}

rapidjson::Document json_of(const Change& change) {
    agent::ProcessTable processes;
    agent::NdjsonFormatter formatter({}, "host", processes, nullptr);
    agent::Event event;
    EXPECT_EQ(decode_payload(payload_of(change), event), agent::DecodeError::kNone);
    agent::Lines lines;
    formatter.append_event(event, 17, lines);
    rapidjson::Document document;
    document.Parse<rapidjson::kParseValidateEncodingFlag>(fmt::to_string(lines).c_str());
    EXPECT_FALSE(document.HasParseError()) << fmt::to_string(lines);
    return document;
}

void expect_member(const rapidjson::Document& document, const char* member, const std::string& expected) {
    rapidjson::Document parsed;
    parsed.Parse(expected.c_str());
    ASSERT_FALSE(parsed.HasParseError()) << expected;
    ASSERT_TRUE(document.HasMember(member)) << member;
    EXPECT_TRUE(document[member] == parsed) << member << " is not " << expected;
}

const std::string kText("C\0:\0\0\0", 6);
const std::string kList("a\0b\0\0\0c\0\0\0\0\0", 12);

// Catches: a word, a mark or a kind of data that is another's.
TEST(RegistryText, EachKindOfChangeReadsLikeASentence) {
    EXPECT_EQ(text_of({.operation = AEGIS_REGISTRY_CREATE_KEY}),
              "REGISTRY-CREATE-KEY pid=812 \\REGISTRY\\MACHINE\\SOFTWARE\\Vendor\n");
    EXPECT_EQ(text_of({.name = u"Path", .type = 1, .data = kText}),
              "REGISTRY-SET-VALUE pid=812 \\REGISTRY\\MACHINE\\SOFTWARE\\Vendor value \"Path\" REG_SZ \"C:\"\n");
    EXPECT_EQ(text_of({.operation = AEGIS_REGISTRY_DELETE_KEY, .status = 0xC0000121}),
              "REGISTRY-DELETE-KEY pid=812 \\REGISTRY\\MACHINE\\SOFTWARE\\Vendor [failed: 0xc0000121]\n");
    EXPECT_EQ(text_of({.operation = AEGIS_REGISTRY_DELETE_VALUE}),
              "REGISTRY-DELETE-VALUE pid=812 \\REGISTRY\\MACHINE\\SOFTWARE\\Vendor value \"\"\n");
    EXPECT_EQ(text_of({.operation = AEGIS_REGISTRY_RENAME_KEY,
                       .name = u"New",
                       .flags = AEGIS_REGISTRY_REFUSED,
                       .status = 0xC0000022}),
              "REGISTRY-RENAME-KEY pid=812 \\REGISTRY\\MACHINE\\SOFTWARE\\Vendor to \"New\" [refused]\n");
    EXPECT_EQ(text_of({.operation = 99, .key = u""}), "REGISTRY-CHANGE pid=812 <unknown> value \"\"\n");
}

// Catches: a number read from data that are cut; a list whose strings run together; bytes without an end.
TEST(RegistryText, DataAreShownAsWhatTheyAre) {
    const auto data = [](std::uint32_t type, std::string_view bytes, std::uint8_t flags = 0, std::uint32_t size = 0) {
        const std::string line =
            text_of({.key = u"\\k", .name = u"n", .type = type, .data = bytes, .flags = flags, .data_size = size});
        const std::string head = "REGISTRY-SET-VALUE pid=812 \\k value \"n\" ";
        EXPECT_EQ(line.substr(0, head.size()), head);
        return line.substr(head.size());
    };
    EXPECT_EQ(data(4, std::string_view("\x02\x01\0\0", 4)), "REG_DWORD 258\n");
    EXPECT_EQ(data(11, std::string_view("\x01\0\0\0\x01\0\0\0", 8)), "REG_QWORD 4294967297\n");
    EXPECT_EQ(data(4, std::string_view("\x02\x01", 2), AEGIS_REGISTRY_DATA_CUT, 4),
              "REG_DWORD 0201 [data cut: 4 bytes]\n");
    EXPECT_EQ(data(7, kList), "REG_MULTI_SZ \"ab\", \"c\"\n");
    EXPECT_EQ(data(7, ""), "REG_MULTI_SZ \"\"\n");
    std::string hexadecimal;
    for (int i = 0; i < 32; ++i) {
        hexadecimal += "1f";
    }
    EXPECT_EQ(data(3, std::string(33, '\x1F')), "REG_BINARY " + hexadecimal + "...\n");
    EXPECT_EQ(data(77, "\x01"), "type-77 01\n");
    // An odd byte at the end of a text is none of it; what moves the cursor is shown.
    EXPECT_EQ(data(1, std::string_view("a\0\n\0b", 5)), "REG_SZ \"a\\u000a\"\n");
    EXPECT_EQ(text_of({.key = u"\\k",
                       .name = u"n",
                       .type = 3,
                       .flags = AEGIS_REGISTRY_KEY_CUT | AEGIS_REGISTRY_NAME_CUT | AEGIS_REGISTRY_DATA_CUT,
                       .data_size = 4000}),
              "REGISTRY-SET-VALUE pid=812 \\k value \"n\" REG_BINARY  [key cut: 700 units] [name cut: 300 units] "
              "[data cut: 4000 bytes]\n");
}

// Catches: a field of the schema that holds another one's value.
TEST(RegistryNdjson, AValueThatIsSetFollowsTheSchema) {
    const rapidjson::Document line = json_of({.name = u"Path", .type = 1, .data = kText});
    EXPECT_STREQ(line["event"]["action"].GetString(), "registry-set-value");
    EXPECT_STREQ(line["event"]["category"][0].GetString(), "registry");
    EXPECT_STREQ(line["event"]["type"][0].GetString(), "change");
    EXPECT_EQ(line["event"]["type"].Size(), 1U);
    EXPECT_FALSE(line["event"].HasMember("outcome"));
    EXPECT_STREQ(line["event"]["code"].GetString(), "8");
    EXPECT_EQ(line["process"]["pid"].GetUint(), 812U);
    EXPECT_TRUE(line["process"].HasMember("entity_id"));
    EXPECT_EQ(line["process"]["thread"]["id"].GetUint(), 816U);
    expect_member(line, "registry",
                  R"({"hive":"HKLM","key":"SOFTWARE\\Vendor","value":"Path","path":"HKLM\\SOFTWARE\\Vendor\\Path",)"
                  R"("data":{"type":"REG_SZ","strings":["C:"]}})");
    rapidjson::Document aegis;
    aegis.CopyFrom(line["aegis"], aegis.GetAllocator());
    expect_member(aegis, "registry",
                  R"({"status":"0x00000000","nt_key":"\\REGISTRY\\MACHINE\\SOFTWARE\\Vendor","data_size":6,)"
                  R"("process_key":"281474976710663"})");
}

// Catches: a refusal that looks like a change; a failure without its outcome.
TEST(RegistryNdjson, WhatDidNotHappenSaysSo) {
    const rapidjson::Document refused =
        json_of({.operation = AEGIS_REGISTRY_DELETE_KEY, .flags = AEGIS_REGISTRY_REFUSED, .status = 0xC0000022});
    EXPECT_STREQ(refused["event"]["action"].GetString(), "registry-delete-key");
    EXPECT_STREQ(refused["event"]["type"][0].GetString(), "deletion");
    EXPECT_STREQ(refused["event"]["type"][1].GetString(), "denied");
    EXPECT_STREQ(refused["event"]["outcome"].GetString(), "failure");
    EXPECT_TRUE(refused["aegis"]["registry"]["refused"].GetBool());
    const rapidjson::Document failed = json_of({.operation = AEGIS_REGISTRY_CREATE_KEY, .status = 0xC0000121});
    EXPECT_EQ(failed["event"]["type"].Size(), 1U);
    EXPECT_STREQ(failed["event"]["type"][0].GetString(), "creation");
    EXPECT_STREQ(failed["event"]["outcome"].GetString(), "failure");
    EXPECT_STREQ(failed["aegis"]["registry"]["status"].GetString(), "0xc0000121");
}

// Catches: a hive that is another's or part of the key; an unknown one that is lost.
TEST(RegistryNdjson, HivesHaveTheirShortNames) {
    const auto registry = [](std::u16string_view key) {
        return json_of({.operation = AEGIS_REGISTRY_CREATE_KEY, .key = key});
    };
    expect_member(registry(u"\\Registry\\user\\S-1\\x"), "registry",
                  R"({"hive":"HKU","key":"S-1\\x","path":"HKU\\S-1\\x"})");
    expect_member(registry(u"\\REGISTRY\\MACHINE"), "registry", R"({"hive":"HKLM","key":"","path":"HKLM"})");
    expect_member(registry(u"\\REGISTRY\\LINUX\\sysctl\\kernel"), "registry",
                  R"({"hive":"LINUX","key":"sysctl\\kernel","path":"LINUX\\sysctl\\kernel"})");
    expect_member(registry(u"\\other"), "registry", R"({"key":"\\other","path":"\\other"})");
}

// Catches: base64 whose end is wrong; a number that is no text.
TEST(RegistryNdjson, DataThatAreNoTextAreBase64) {
    const auto data = [](std::uint32_t type, std::string_view bytes) {
        rapidjson::Document line = json_of({.type = type, .data = bytes});
        rapidjson::Document registry;
        registry.CopyFrom(line["registry"], registry.GetAllocator());
        return registry;
    };
    expect_member(data(3, "M"), "data", R"({"type":"REG_BINARY","bytes":"TQ=="})");
    expect_member(data(3, "Ma"), "data", R"({"type":"REG_BINARY","bytes":"TWE="})");
    expect_member(data(3, "Man"), "data", R"({"type":"REG_BINARY","bytes":"TWFu"})");
    expect_member(data(0, ""), "data", R"({"type":"REG_NONE"})");
    expect_member(data(4, std::string_view("\x02\x01\0\0", 4)), "data", R"({"type":"REG_DWORD","strings":["258"]})");
    expect_member(data(7, kList), "data", R"({"type":"REG_MULTI_SZ","strings":["ab","c"]})");
    expect_member(data(99, "M"), "data", R"({"type":"99","bytes":"TQ=="})");
}

// Catches: a length taken on trust.
TEST(RegistryDecode, TextsBeyondThePayloadAreNone) {
    agent::Event event;
    std::vector<std::byte> payload = payload_of({.name = u"n", .data = "d"});
    EXPECT_EQ(decode_payload(payload, event), agent::DecodeError::kNone);
    payload.pop_back();
    EXPECT_EQ(decode_payload(payload, event), agent::DecodeError::kTextBeyondPayload);
    payload.resize(AEGIS_REGISTRY_PAYLOAD_FIXED - 1);
    EXPECT_EQ(decode_payload(payload, event), agent::DecodeError::kPayloadTooShort);
    AEGIS_REGISTRY_PAYLOAD all{};
    all.KeyLength = AEGIS_REGISTRY_TEXT;
    all.DataLength = 1;
    const auto* const bytes = reinterpret_cast<const std::byte*>(&all);
    EXPECT_EQ(decode_payload(std::vector<std::byte>(bytes, bytes + sizeof(all)), event),
              agent::DecodeError::kTextBeyondPayload);
    std::vector<std::byte> more(bytes, bytes + sizeof(all));
    more.resize(sizeof(all) + 8);
    EXPECT_EQ(decode_payload(more, event), agent::DecodeError::kTextBeyondPayload);
}

}  // namespace
}  // namespace aegis
