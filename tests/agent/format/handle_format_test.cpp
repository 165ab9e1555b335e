// Handle events as lines and as documents, and rights by their names.

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/events/access_rights.hpp"
#include "agent/format/ndjson_formatter.hpp"
#include "agent/format/text_formatter.hpp"
#include "support/event_bytes.hpp"

namespace aegis {
namespace {

constexpr std::int64_t kTimestamp = 133590404961234567;  // 12:34:56.1234567

AEGIS_HANDLE_PAYLOAD stripped_open() {
    AEGIS_HANDLE_PAYLOAD handle = {};
    handle.ProcessId = 640;
    handle.ThreadId = 644;
    handle.ProcessKey = 281474976710660;
    handle.TargetProcessId = 812;
    handle.TargetKey = 281474976710663;
    handle.OriginalAccess = 0x00100031;
    handle.DesiredAccess = 0x00100010;
    handle.GrantedAccess = 0x00100010;
    handle.Operation = AEGIS_HANDLE_OPEN;
    handle.ObjectType = AEGIS_HANDLE_PROCESS;
    handle.Flags = AEGIS_HANDLE_STRIPPED | AEGIS_HANDLE_GRANTED_VALID;
    return handle;
}

std::vector<std::byte> payload_of(const AEGIS_HANDLE_PAYLOAD& handle) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(&handle);
    return {bytes, bytes + sizeof(handle)};
}

agent::Event decoded(std::uint16_t type, const std::vector<std::byte>& payload) {
    agent::Event event;
    EXPECT_EQ(agent::decode(test::event_bytes(type, kTimestamp, 1, payload), event), agent::DecodeError::kNone);
    return event;
}

class HandleFormat : public ::testing::Test {
  protected:
    std::string line(const AEGIS_HANDLE_PAYLOAD& handle) {
        agent::Lines lines;
        text_.append_event(decoded(AEGIS_EVENT_HANDLE_OP, payload_of(handle)), 25, lines);
        return fmt::to_string(lines);
    }

    rapidjson::Document document(const AEGIS_HANDLE_PAYLOAD& handle) {
        agent::Lines lines;
        ndjson_.append_event(decoded(AEGIS_EVENT_HANDLE_OP, payload_of(handle)), 25, lines);
        rapidjson::Document document;
        EXPECT_FALSE(document.Parse(lines.data(), lines.size()).HasParseError()) << fmt::to_string(lines);
        return document;
    }

    void start(std::uint32_t pid, std::u16string_view path) {
        const agent::Event event = decoded(
            AEGIS_EVENT_PROCESS_CREATE, test::compact_payload({.pid = pid, .parent = 4, .creator = 4, .path = path}));
        agent::Lines lines;
        text_.append_event(event, 1, lines);
        ndjson_.append_event(event, 1, lines);
    }

    static std::string text_of(const rapidjson::Value& list) {
        std::string text;
        for (const auto& entry : list.GetArray()) {
            text.append(text.empty() ? "" : "|").append(entry.GetString());
        }
        return text;
    }

    agent::ProcessTable of_text_;
    agent::ProcessTable of_ndjson_;
    agent::TextFormatter text_{of_text_};
    agent::NdjsonFormatter ndjson_{{}, "box", of_ndjson_, nullptr};
};

// Catches: a right of a thread named as one of a process; what was left told as what was taken.
TEST_F(HandleFormat, ALineSaysWhoOpensWhatAndForWhat) {
    EXPECT_EQ(
        line(stripped_open()),
        "[12:34:56.123] #25 PROCESS-OPEN pid=640 tid=644 target=812 access=terminate|vm-read|vm-write|synchronize "
        "[stripped: terminate|vm-write]\n");
    start(640, u"/usr/bin/gdb");
    start(812, u"/opt/agent");
    AEGIS_HANDLE_PAYLOAD handle = stripped_open();
    handle.ObjectType = AEGIS_HANDLE_THREAD;
    handle.TargetThreadId = 816;
    handle.OriginalAccess = 0x12;
    handle.Flags = 0xFFF0;
    EXPECT_EQ(line(handle),
              "[12:34:56.123] #25 THREAD-OPEN pid=640 tid=644 gdb target=812:816 agent "
              "access=suspend-resume|set-context [not granted]\n");
    handle = stripped_open();
    handle.OriginalAccess = 0x1FFFFF | 0x00400000;
    handle.Operation = AEGIS_HANDLE_DUPLICATE;
    handle.SourceProcessId = 700;
    handle.DestinationProcessId = 640;
    handle.Flags = AEGIS_HANDLE_GRANTED_VALID;
    EXPECT_EQ(line(handle),
              "[12:34:56.123] #25 PROCESS-OPEN pid=640 tid=644 gdb target=812 agent access=all-access|0x400000 "
              "[duplicate 700 -> 640]\n");
    handle = stripped_open();
    handle.OriginalAccess = 0;
    handle.Flags = AEGIS_HANDLE_GRANTED_VALID;
    EXPECT_NE(line(handle).find("access=0x0\n"), std::string::npos);
}

// Catches: a field under another's name; an opener's program at the target's place.
TEST_F(HandleFormat, ADocumentHasBothProcesses) {
    start(640, u"/usr/bin/gdb");
    start(812, u"/opt/agent");
    const rapidjson::Document told = document(stripped_open());
    EXPECT_STREQ(told["event"]["action"].GetString(), "process-open");
    EXPECT_STREQ(told["event"]["code"].GetString(), "9");
    EXPECT_STREQ(told["event"]["outcome"].GetString(), "failure");
    EXPECT_EQ(text_of(told["event"]["category"]), "process");
    EXPECT_EQ(text_of(told["event"]["type"]), "access|denied");
    EXPECT_EQ(told["process"]["pid"].GetUint(), 640U);
    EXPECT_STREQ(told["process"]["executable"].GetString(), "/usr/bin/gdb");
    EXPECT_EQ(told["process"]["thread"]["id"].GetUint(), 644U);
    EXPECT_EQ(told["Target"]["process"]["pid"].GetUint(), 812U);
    const std::string session(32, '0');
    EXPECT_EQ(told["process"]["entity_id"].GetString(), session + "-640-281474976710660");
    EXPECT_EQ(told["Target"]["process"]["entity_id"].GetString(), session + "-812-281474976710663");
    EXPECT_STREQ(told["Target"]["process"]["executable"].GetString(), "/opt/agent");
    EXPECT_FALSE(told["Target"]["process"].HasMember("thread"));
    const auto& handle = told["aegis"]["handle"];
    EXPECT_STREQ(handle["operation"].GetString(), "open");
    EXPECT_STREQ(handle["object"].GetString(), "process");
    EXPECT_STREQ(handle["requested"]["mask"].GetString(), "0x100031");
    EXPECT_EQ(text_of(handle["requested"]["rights"]), "terminate|vm-read|vm-write|synchronize");
    EXPECT_EQ(text_of(handle["stripped"]["rights"]), "terminate|vm-write");
    EXPECT_EQ(text_of(handle["granted"]["rights"]), "vm-read|synchronize");
    EXPECT_STREQ(handle["process_key"].GetString(), "281474976710660");
    EXPECT_STREQ(handle["target_key"].GetString(), "281474976710663");
    EXPECT_FALSE(handle.HasMember("process_key_is_time"));
    EXPECT_FALSE(handle.HasMember("source_pid"));
}

// Catches: a thread told as a process; a refusal where there was none; keys that are times and do not say so.
TEST_F(HandleFormat, ADocumentOfADuplicateOfAThreadsHandle) {
    AEGIS_HANDLE_PAYLOAD payload = stripped_open();
    payload.ObjectType = AEGIS_HANDLE_THREAD;
    payload.TargetThreadId = 816;
    payload.Operation = AEGIS_HANDLE_DUPLICATE;
    payload.SourceProcessId = 700;
    payload.DestinationProcessId = 701;
    payload.OriginalAccess = 0x2;
    payload.Flags = AEGIS_HANDLE_KEY_IS_TIME | AEGIS_HANDLE_TARGET_KEY_IS_TIME;
    const rapidjson::Document told = document(payload);
    EXPECT_STREQ(told["event"]["action"].GetString(), "thread-open");
    EXPECT_EQ(text_of(told["event"]["type"]), "access");
    EXPECT_FALSE(told["event"].HasMember("outcome"));
    EXPECT_EQ(told["Target"]["process"]["thread"]["id"].GetUint(), 816U);
    const auto& handle = told["aegis"]["handle"];
    EXPECT_STREQ(handle["operation"].GetString(), "duplicate");
    EXPECT_EQ(handle["source_pid"].GetUint(), 700U);
    EXPECT_EQ(handle["destination_pid"].GetUint(), 701U);
    EXPECT_EQ(text_of(handle["requested"]["rights"]), "suspend-resume");
    EXPECT_FALSE(handle.HasMember("stripped"));
    EXPECT_FALSE(handle.HasMember("granted"));
    EXPECT_TRUE(handle["process_key_is_time"].GetBool());
    EXPECT_TRUE(handle["target_key_is_time"].GetBool());
}

// Catches: a payload taken although it is too short.
TEST_F(HandleFormat, AShortPayloadIsMalformed) {
    std::vector<std::byte> payload = payload_of(stripped_open());
    payload.pop_back();
    agent::Event event;
    EXPECT_EQ(agent::decode(test::event_bytes(AEGIS_EVENT_HANDLE_OP, kTimestamp, 1, payload), event),
              agent::DecodeError::kPayloadTooShort);
}

// Catches: two rights of one name or one bit, or a name that is not understood where it is shown.
TEST(AccessRights, EachHasANameOfItsOwnThatIsUnderstood) {
    for (const std::uint8_t type : {std::uint8_t{AEGIS_HANDLE_PROCESS}, std::uint8_t{AEGIS_HANDLE_THREAD}}) {
        std::set<std::string> names;
        std::uint32_t named = 0;
        for (unsigned bit = 0; bit < 32; ++bit) {
            const std::uint32_t nameless = agent::for_each_right(1U << bit, type, [&](std::string_view name) {
                EXPECT_TRUE(names.insert(std::string(name)).second) << name;
                EXPECT_EQ(agent::right_of_name(name, type), 1U << bit) << name;
                named |= 1U << bit;
            });
            EXPECT_EQ(nameless, (named >> bit & 1) != 0 ? 0 : 1U << bit);
        }
        // All that Windows has names for.
        EXPECT_EQ(named, 0xF31F0000U | (type == AEGIS_HANDLE_PROCESS ? 0x3FFFU : 0x1FFFU));
        EXPECT_EQ(agent::right_of_name("all-access", type), 0x1FFFFFU);
        EXPECT_FALSE(agent::right_of_name("fly", type));
        EXPECT_NE(agent::every_right(type).find("all-access, terminate, "), std::string::npos);
    }
    EXPECT_FALSE(agent::right_of_name("vm-write", AEGIS_HANDLE_THREAD));
}

}  // namespace
}  // namespace aegis
