// ETW as a driver uses it: registration, events in TraceLogging's format, and what is no such event.
#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "driver/host/executive/etw/trace_event.hpp"
#include "driver/host/executive/etw/trace_providers.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

using namespace std::string_view_literals;

constexpr GUID kId = {0x12345678, 0x1234, 0x5678, {1, 2, 3, 4, 5, 6, 7, 8}};

host::EtwData data_of(std::string_view bytes, std::uint32_t type) {
    return {reinterpret_cast<std::uintptr_t>(bytes.data()), static_cast<std::uint32_t>(bytes.size()), type};
}

// Two fields: a text, and a number that is shown as an NTSTATUS. Written from the format's description, not by the
// driver's encoder.
constexpr auto kProviderBytes = "\x05\0Me\0"sv;
constexpr auto kEventBytes = "\x12\0\0Boom\0Why\0\x02St\0\x87\x0E"sv;
constexpr auto kText = "no\0"sv;
constexpr std::uint32_t kStatus = 0xC000000D;
static_assert(kEventBytes.size() == 0x12 && kProviderBytes.size() == 5);

struct Parts {
    host::EtwDescriptor descriptor{0, 0, 11, 3, 0, 0, 4};
    std::string provider{kProviderBytes};
    std::string event{kEventBytes};
    std::string text{kText};
    std::vector<host::EtwData> data;

    Parts() { refresh(); }
    void refresh() {
        data = {data_of(provider, 2),
                data_of(event, 1),
                data_of(text, 0),
                {reinterpret_cast<std::uintptr_t>(&kStatus), sizeof(kStatus), 0}};
    }
};

TEST(TraceEvent, IsTakenApart) {
    const Parts parts;
    const auto decoded = host::decode_trace_event(parts.descriptor, parts.data);
    ASSERT_TRUE(std::holds_alternative<host::TraceEvent>(decoded)) << std::get<std::string>(decoded);
    const auto& event = std::get<host::TraceEvent>(decoded);
    EXPECT_EQ(event.provider, "Me");
    EXPECT_EQ(event.level, 3);
    EXPECT_EQ(event.keyword, 4U);
    EXPECT_EQ(to_text(event), "Boom Why=\"no\" St=0xC000000D");
}

// Catches: any check of the decoder left out; each row is one.
TEST(TraceEvent, ThatIsMalformedSaysWhatIsWrong) {
    struct Row {
        const char* wrong;
        std::function<void(Parts&)> change;
    };
    const std::vector<Row> rows = {
        {"channel 0 is not", [](Parts& parts) { parts.descriptor.Channel = 0; }},
        {"level 0 is not", [](Parts& parts) { parts.descriptor.Level = 0; }},
        {"level 6 is not", [](Parts& parts) { parts.descriptor.Level = 6; }},
        {"first data are not", [](Parts& parts) { parts.data.resize(1); }},
        {"first data are not", [](Parts& parts) { parts.data[0].Type = 0; }},
        {"first data are not", [](Parts& parts) { parts.data[1].Type = 2; }},
        {"provider metadata", [](Parts& parts) { parts.data[0].Size = 1; }},
        {"provider metadata", [](Parts& parts) { parts.provider[0] = 6; }},
        {"provider metadata", [](Parts& parts) { parts.provider[4] = 'x'; }},
        {"begin with their length", [](Parts& parts) { parts.event[0] = 0x11; }},
        {"no name", [](Parts& parts) { parts.event[3] = '\0'; }},
        {"more values than fields", [](Parts& parts) { parts.data.push_back(parts.data.back()); }},
        {"more fields than values", [](Parts& parts) { parts.data.pop_back(); }},
        {"Boom.Why is no value", [](Parts& parts) { parts.data[2].Type = 1; }},
        {"Boom.Why of type 9", [](Parts& parts) { parts.event[12] = 9; }},
        {"Boom.Why of type 2 has a value of 3 bytes", [](Parts& parts) { parts.text[2] = '!'; }},
        {"Boom.Why of type 2 has a value of 3 bytes", [](Parts& parts) { parts.text[1] = '\0'; }},
        {"Boom.St of type 7 has a value of 3 bytes", [](Parts& parts) { parts.data[3].Size = 3; }},
    };
    for (const Row& row : rows) {
        Parts parts;
        row.change(parts);
        const auto decoded = host::decode_trace_event(parts.descriptor, parts.data);
        ASSERT_TRUE(std::holds_alternative<std::string>(decoded)) << row.wrong;
        EXPECT_NE(std::get<std::string>(decoded).find(row.wrong), std::string::npos)
            << std::get<std::string>(decoded) << " instead of " << row.wrong;
    }
}

class Trace : public ExecutiveTest {
  protected:
    static host::EtwHandle registered() {
        std::uint64_t handle = 0;
        EXPECT_EQ(EtwRegister(&kId, nullptr, nullptr, &handle), STATUS_SUCCESS);
        return handle;
    }
    static NTSTATUS set_traits(std::uint64_t handle, std::string_view bytes) {
        return EtwSetInformation(handle, 2, const_cast<char*>(bytes.data()), static_cast<ULONG>(bytes.size()));
    }
    static NTSTATUS write(std::uint64_t handle) {
        Parts parts;
        return EtwWrite(handle, &parts.descriptor, nullptr, static_cast<ULONG>(parts.data.size()), parts.data.data());
    }
};

TEST_F(Trace, LastsFromRegistrationToItsEnd) {
    in_driver([] {
        const host::EtwHandle handle = registered();
        EXPECT_EQ(set_traits(handle, kProviderBytes), STATUS_SUCCESS);
        EXPECT_EQ(EtwSetInformation(handle, 3, nullptr, 0), STATUS_NOT_SUPPORTED);
        EXPECT_EQ(write(handle), STATUS_SUCCESS);
        EXPECT_EQ(EtwUnregister(handle), STATUS_SUCCESS);
    });
}

TEST_F(Trace, OfNoProviderIsAStop) {
    AEGIS_EXPECT_STOP(in_driver([] { EtwUnregister(1); }), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "EtwUnregister with 1, which is no registered ETW provider");
    AEGIS_EXPECT_STOP(in_driver([] { write(1); }), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "EtwWrite with 1, which is no");
    AEGIS_EXPECT_STOP(in_driver([] { set_traits(1, kProviderBytes); }), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "EtwSetInformation with 1, which is no");
    AEGIS_EXPECT_STOP(in_driver([] {
                          const host::EtwHandle handle = registered();
                          EtwUnregister(handle);
                          EtwUnregister(handle);
                      }),
                      "DRIVER_VERIFIER_DETECTED_VIOLATION", "EtwUnregister with 1");
}

TEST_F(Trace, ThatIsMalformedIsAStop) {
    AEGIS_EXPECT_STOP(in_driver([] { set_traits(registered(), "\x06\0Me\0"sv); }), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "EtwSetInformation: 5 bytes of provider metadata");
    AEGIS_EXPECT_STOP(in_driver([] {
                          Parts parts;
                          parts.descriptor.Level = 0;
                          EtwWrite(registered(), &parts.descriptor, nullptr, 4, parts.data.data());
                      }),
                      "DRIVER_VERIFIER_DETECTED_VIOLATION", "EtwWrite: level 0");
    AEGIS_EXPECT_STOP(in_driver([] {
                          const host::EtwHandle handle = registered();
                          set_traits(handle, "\x06\0You\0"sv);
                          write(handle);
                      }),
                      "DRIVER_VERIFIER_DETECTED_VIOLATION", "provider You writes as Me");
}

TEST_F(Trace, ThatIsLeftRegisteredIsAStop) {
    AEGIS_EXPECT_STOP(in_driver([] { registered(); }), "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS",
                      "ETW provider 12345678-1234-5678-… registered");
}

}  // namespace
}  // namespace aegis::test
