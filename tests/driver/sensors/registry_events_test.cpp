// What the registry sensor makes of the configuration manager's calls.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver/host/executive/registry/callbacks.hpp"
#include "driver/host/executive/registry/registry_activity.hpp"
#include "driver/host/executive/registry/registry_client.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/registry.hpp"

namespace aegis::test {
namespace {

using Kind = host::RegistryChangeKind;

constexpr std::u16string_view kKey = u"\\REGISTRY\\MACHINE\\SOFTWARE\\Vendor";
constexpr std::uint32_t kPid = kFirstFreePid;
constexpr std::uint32_t kTid = kFirstFreePid + 4;

host::RegistryChange change(Kind kind) {
    host::RegistryChange change;
    change.kind = kind;
    change.pid = kPid;
    change.tid = kTid;
    change.key = kKey;
    change.timestamp = kActivityTime;
    return change;
}

host::RegistryChange set_value(std::u16string_view name, ULONG type, std::span<const std::byte> data) {
    host::RegistryChange set = change(Kind::kSetValue);
    set.name = name;
    set.type = type;
    set.data = data;
    return set;
}

host::ExecutiveOptions without(const std::vector<std::string>& names) {
    host::ExecutiveOptions options;
    for (const std::string& name : names) {
        options.other_exports[name] = nullptr;
    }
    return options;
}

class RegistryEvents : public testing::Test {
  protected:
    void SetUp() override { load({}); }
    // Everything seen became something.
    void TearDown() override {
        const AEGIS_CALLBACK_HEALTH row = health();
        EXPECT_EQ(row.Seen, row.Published + row.Filtered + row.Limited + row.Merged + row.Lost);
    }

    void load(host::ExecutiveOptions options) {
        client_.reset();
        host_.reset();
        host_ = std::make_unique<TestHost>(std::move(options));
        client_ = std::make_unique<Client>(*host_);
        ASSERT_EQ(host_->load(), STATUS_SUCCESS);
        ASSERT_EQ(client_->open(), STATUS_SUCCESS);
    }

    std::vector<AEGIS_REGISTRY_PAYLOAD> pulled() {
        std::vector<AEGIS_REGISTRY_PAYLOAD> changes;
        for (const ProcessEvent& event : events_in(client_->pull(1 << 20).bytes)) {
            EXPECT_EQ(event.header.Type, AEGIS_EVENT_REGISTRY_OP);
            EXPECT_EQ(event.header.Size, AEGIS_REGISTRY_EVENT_SIZE);
            changes.push_back(event.registry());
        }
        return changes;
    }

    // The event that this change makes; the one and only.
    AEGIS_REGISTRY_PAYLOAD event_of(const host::RegistryChange& change) {
        EXPECT_EQ(host::report_registry_change(change), change.status);
        const std::vector<AEGIS_REGISTRY_PAYLOAD> events = pulled();
        EXPECT_EQ(events.size(), 1U);
        return events.empty() ? AEGIS_REGISTRY_PAYLOAD{} : events.back();
    }

    AEGIS_CALLBACK_HEALTH health() {
        const QueryResult query = client_->query();
        return callback_row(*query.reply, AEGIS_CALLBACK_REGISTRY);
    }

    std::unique_ptr<TestHost> host_;
    std::unique_ptr<Client> client_;
};

// Catches: any field that holds another one's value, or is left out.
TEST_F(RegistryEvents, AValueThatIsSetCarriesEveryField) {
    const std::string data = "\x01\x02\x03\x04\x05";
    const AEGIS_REGISTRY_PAYLOAD told = event_of(set_value(u"Start", REG_BINARY, std::as_bytes(std::span(data))));
    EXPECT_EQ(told.ProcessId, kPid);
    EXPECT_EQ(told.ThreadId, kTid);
    EXPECT_NE(told.ProcessKey, 0U);
    EXPECT_EQ(told.ValueType, REG_BINARY);
    EXPECT_EQ(told.DataSize, data.size());
    EXPECT_EQ(told.Status, STATUS_SUCCESS);
    EXPECT_EQ(told.Operation, AEGIS_REGISTRY_SET_VALUE);
    EXPECT_EQ(told.Flags, 0U);
    EXPECT_EQ(key_text(told), kKey);
    EXPECT_EQ(told.KeyFullLength, kKey.size());
    EXPECT_EQ(name_text(told), u"Start");
    EXPECT_EQ(told.NameFullLength, 5U);
    EXPECT_EQ(data_text(told), data);
    EXPECT_EQ(health().Seen, 1U);
    EXPECT_EQ(health().Published, 1U);
}

// Catches: a kind that is another's; the name of a key asked for when it has another or none.
TEST_F(RegistryEvents, EachKindOfChangeNamesTheKeyAsItWas) {
    host::RegistryChange deleted_value = change(Kind::kDeleteValue);
    deleted_value.name = u"Start";
    host::RegistryChange renamed = change(Kind::kRenameKey);
    renamed.name = u"Other";
    struct Expected {
        host::RegistryChange change;
        std::uint8_t operation;
        std::u16string name;
    };
    const Expected all[] = {
        {change(Kind::kCreateKey), AEGIS_REGISTRY_CREATE_KEY, u""},
        {change(Kind::kDeleteKey), AEGIS_REGISTRY_DELETE_KEY, u""},
        {deleted_value, AEGIS_REGISTRY_DELETE_VALUE, u"Start"},
        {renamed, AEGIS_REGISTRY_RENAME_KEY, u"Other"},
    };
    for (const Expected& expected : all) {
        const AEGIS_REGISTRY_PAYLOAD told = event_of(expected.change);
        EXPECT_EQ(told.Operation, expected.operation);
        EXPECT_EQ(key_text(told), kKey);
        EXPECT_EQ(name_text(told), expected.name);
        EXPECT_EQ(told.Flags, 0U);
        EXPECT_EQ(told.DataLength, 0U);
    }
}

// Catches: a create taken for one that only opened; the object of one that did not succeed asked for its name.
TEST_F(RegistryEvents, ACreateThatMakesNothingIsNothing) {
    host::RegistryChange opened = change(Kind::kCreateKey);
    opened.existing = true;
    EXPECT_EQ(host::report_registry_change(opened), STATUS_SUCCESS);
    host::RegistryChange failed = change(Kind::kCreateKey);
    for (const NTSTATUS status : {STATUS_ACCESS_DENIED, STATUS_REPARSE}) {
        failed.status = status;
        EXPECT_EQ(host::report_registry_change(failed), status);
    }
    EXPECT_TRUE(pulled().empty());
    EXPECT_EQ(health().Seen, 0U);
}

// Catches: a failure told as a success, or not told.
TEST_F(RegistryEvents, AnAttemptThatFailsSaysWithWhat) {
    host::RegistryChange failed = change(Kind::kDeleteKey);
    failed.status = STATUS_CANNOT_DELETE;
    const AEGIS_REGISTRY_PAYLOAD told = event_of(failed);
    EXPECT_EQ(told.Status, STATUS_CANNOT_DELETE);
    EXPECT_EQ(told.Flags, 0U);
    EXPECT_EQ(key_text(told), kKey);
}

// Catches: a path that is the caller's spelling, relative or through the link.
TEST_F(RegistryEvents, ACreateIsNamedAsTheConfigurationManagerDoes) {
    host::RegistryClient registry(client_->process());
    const host::ProcessHandle system = registry.open(u"\\REGISTRY\\MACHINE\\SYSTEM").handle;
    EXPECT_EQ(registry.create(u"CURRENTCONTROLSET\\services\\Vendor", system).status, STATUS_SUCCESS);
    EXPECT_EQ(registry.create(u"CURRENTCONTROLSET\\services\\Vendor", system).status, STATUS_SUCCESS);
    const std::vector<AEGIS_REGISTRY_PAYLOAD> events = pulled();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].Operation, AEGIS_REGISTRY_CREATE_KEY);
    EXPECT_EQ(key_text(events[0]), u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\services\\Vendor");
    EXPECT_EQ(events[0].ProcessId, client_->pid());
}

// The whole life of a key, as a client sees and makes it. Catches: a context that is lost, or another call's.
TEST_F(RegistryEvents, TheLifeOfAKeyIsToldInOrder) {
    host::RegistryClient registry(client_->process());
    const host::ProcessHandle key = registry.create(kKey).handle;
    const std::u16string text = u"text";
    registry.set_value(key, u"Name", REG_SZ, std::as_bytes(std::span(text)));
    registry.rename_key(key, u"Renamed");
    registry.delete_value(key, u"Name");
    registry.delete_key(key);
    (*host_)->close(client_->process(), key);
    const std::vector<AEGIS_REGISTRY_PAYLOAD> events = pulled();
    const std::u16string renamed = u"\\REGISTRY\\MACHINE\\SOFTWARE\\Renamed";
    ASSERT_EQ(events.size(), 5U);
    EXPECT_EQ(key_text(events[1]), kKey);
    EXPECT_EQ(data_text(events[1]), std::string("t\0e\0x\0t\0", 8));
    EXPECT_EQ(key_text(events[2]), kKey);
    EXPECT_EQ(name_text(events[2]), u"Renamed");
    EXPECT_EQ(key_text(events[3]), renamed);
    EXPECT_EQ(events[4].Operation, AEGIS_REGISTRY_DELETE_KEY);
    EXPECT_EQ(key_text(events[4]), renamed);
}

// Catches: a length taken for whole units where it is not; a null taken for a string.
TEST_F(RegistryEvents, NamesMayBeMissingEmptyOrOdd) {
    host::RegistryChange set = change(Kind::kSetValue);
    EXPECT_EQ(event_of(set).NameLength, 0U);
    set.name = std::u16string_view();
    EXPECT_EQ(event_of(set).NameLength, 0U);
    set.name = u"abc";
    set.odd_name = true;
    EXPECT_EQ(name_text(event_of(set)), u"abc");
}

// Catches: memory of a process that is touched where it is; bytes that were not there.
TEST_F(RegistryEvents, DataThatTheProcessDoesNotHaveAreLeftOut) {
    const std::string data = "four";
    host::RegistryChange set = set_value(u"x", REG_BINARY, std::as_bytes(std::span(data)));
    set.claimed = 0xFFFFFFFF;
    AEGIS_REGISTRY_PAYLOAD told = event_of(set);
    EXPECT_EQ(data_text(told), data);
    EXPECT_EQ(told.DataSize, 0xFFFFFFFFU);
    EXPECT_EQ(told.Flags, AEGIS_REGISTRY_DATA_CUT);
    set.data = {};
    told = event_of(set);
    EXPECT_EQ(told.DataLength, 0U);
    EXPECT_EQ(told.Flags, AEGIS_REGISTRY_DATA_CUT);
    set.claimed = 0;
    told = event_of(set);
    EXPECT_EQ(told.Flags, 0U);
    EXPECT_EQ(told.DataSize, 0U);
}

// Catches: a cut that is a unit off; one that takes all of another's room; an event beyond what the ring takes.
TEST_F(RegistryEvents, WhatIsTooLongKeepsItsBeginningAndItsEnd) {
    const std::string data(4000, 'd');
    for (const std::size_t key_units : {300U, 499U, 500U, 501U, 2000U}) {
        for (const std::size_t name_units : {0U, 160U, 161U, 800U}) {
            for (const std::size_t data_bytes : {0U, 1U, 31U, 33U, 4000U}) {
                std::u16string key(key_units, u'k');
                key.front() = u'\\';
                key.back() = u'z';
                const std::u16string name(name_units, u'n');
                host::RegistryChange set =
                    set_value(name, REG_BINARY, std::as_bytes(std::span(data)).first(data_bytes));
                set.key = key;
                const AEGIS_REGISTRY_PAYLOAD told = event_of(set);
                const std::size_t texts = std::size_t{told.KeyLength} + told.NameLength;
                ASSERT_LE(2 * texts + told.DataLength, 2 * AEGIS_REGISTRY_TEXT_REPORTED);
                EXPECT_EQ(told.KeyFullLength, key_units);
                EXPECT_EQ(told.NameFullLength, name_units);
                EXPECT_EQ(told.DataSize, data_bytes);
                EXPECT_EQ((told.Flags & AEGIS_REGISTRY_KEY_CUT) != 0, told.KeyLength < key_units);
                EXPECT_EQ((told.Flags & AEGIS_REGISTRY_NAME_CUT) != 0, told.NameLength < name_units);
                EXPECT_EQ((told.Flags & AEGIS_REGISTRY_DATA_CUT) != 0, told.DataLength < data_bytes);
                EXPECT_EQ(key_text(told).front(), u'\\');
                EXPECT_EQ(key_text(told).back(), u'z');
                EXPECT_EQ(key_text(told).find(u"...") != std::u16string::npos, told.KeyLength < key_units);
                // What is cut leaves the others their share, and fills the rest itself.
                const std::size_t rest = 2 * AEGIS_REGISTRY_TEXT_REPORTED - 2 * texts - told.DataLength;
                if (told.Flags != 0) {
                    EXPECT_LE(rest, 1U) << key_units << " " << name_units << " " << data_bytes;
                }
                EXPECT_GE(told.NameLength, std::min<std::size_t>(name_units, 160));
                EXPECT_GE(told.DataLength, std::min<std::size_t>(data_bytes, 32));
            }
        }
    }
}

// Catches: a kernel caller's memory treated otherwise than any.
TEST_F(RegistryEvents, WhatADriverSetsIsToldAsWell) {
    const std::string data = "four";
    host::RegistryChange set = set_value(u"x", REG_BINARY, std::as_bytes(std::span(data)));
    set.kernel = true;
    EXPECT_EQ(data_text(event_of(set)), data);
    set.at_apc_level = true;
    EXPECT_EQ(data_text(event_of(set)), data);
}

// Catches: a name taken from a system that has no way to give it back; an old one preferred to a new one.
TEST_F(RegistryEvents, AnOlderSystemNamesKeysInItsOwnWay) {
    load(without({"CmCallbackGetKeyObjectIDEx"}));
    EXPECT_EQ(key_text(event_of(change(Kind::kDeleteKey))), kKey);
    load(without({"CmCallbackReleaseKeyObjectIDEx"}));
    EXPECT_EQ(key_text(event_of(change(Kind::kDeleteKey))), kKey);
    load(without({"CmCallbackGetKeyObjectIDEx", "CmCallbackGetKeyObjectID"}));
    for (const Kind kind : {Kind::kDeleteKey, Kind::kSetValue}) {
        const AEGIS_REGISTRY_PAYLOAD told = event_of(change(kind));
        EXPECT_EQ(told.KeyLength, 0U);
        EXPECT_EQ(told.Flags, AEGIS_REGISTRY_NO_KEY_NAME);
    }
}

TEST_F(RegistryEvents, ASystemWithoutSafeCopiesLeavesOutTheData) {
    load(without({"MmCopyMemory"}));
    const std::string data = "four";
    const AEGIS_REGISTRY_PAYLOAD told = event_of(set_value(u"x", REG_BINARY, std::as_bytes(std::span(data))));
    EXPECT_EQ(told.DataLength, 0U);
    EXPECT_EQ(told.DataSize, 4U);
    EXPECT_EQ(told.Flags, AEGIS_REGISTRY_DATA_CUT);
}

TEST_F(RegistryEvents, ASystemWithoutCallbacksLeavesTheDriverWithoutThem) {
    for (const char* const name : {"CmRegisterCallbackEx", "CmUnRegisterCallback"}) {
        load(without({name}));
        EXPECT_EQ(health().Registered, 0U) << name;
        EXPECT_EQ(health().Status, STATUS_PROCEDURE_NOT_FOUND) << name;
    }
}

NTSTATUS NTAPI hear_nothing(PVOID /*context*/, PVOID /*which*/, PVOID /*argument*/) {
    return STATUS_SUCCESS;
}

// Another driver's callback.
NTSTATUS register_other(std::size_t altitude, LARGE_INTEGER* cookie) {
    const std::string number = std::to_string(altitude);
    const std::u16string digits(number.begin(), number.end());
    UNICODE_STRING text;
    RtlInitUnicodeString(&text, reinterpret_cast<const WCHAR*>(digits.c_str()));
    return CmRegisterCallbackEx(hear_nothing, &text, nullptr, nullptr, cookie, nullptr);
}

// Catches: the first altitude or none; altitudes beyond the range.
TEST_F(RegistryEvents, AnAltitudeThatIsTakenIsNotTheLast) {
    constexpr std::size_t kFirst = 385200;
    constexpr std::size_t kAltitudes = 16;
    for (const std::size_t taken : {std::size_t{0}, std::size_t{1}, kAltitudes - 1, kAltitudes}) {
        client_.reset();
        host_.reset();
        host_ = std::make_unique<TestHost>();
        client_ = std::make_unique<Client>(*host_);
        std::vector<LARGE_INTEGER> others(taken);
        for (std::size_t i = 0; i < taken; ++i) {
            ASSERT_EQ(register_other(kFirst + i, &others[i]), STATUS_SUCCESS);
        }
        ASSERT_EQ(host_->load(), STATUS_SUCCESS);
        ASSERT_EQ(client_->open(), STATUS_SUCCESS);
        const bool has_place = taken < kAltitudes;
        EXPECT_EQ(health().Registered, has_place ? 1U : 0U) << taken;
        EXPECT_EQ(health().Status, has_place ? STATUS_SUCCESS : STATUS_FLT_INSTANCE_ALTITUDE_COLLISION) << taken;
        LARGE_INTEGER next{};
        const NTSTATUS behind = register_other(kFirst + taken, &next);
        EXPECT_EQ(behind, has_place ? STATUS_FLT_INSTANCE_ALTITUDE_COLLISION : STATUS_SUCCESS) << taken;
        if (NT_SUCCESS(behind)) {
            others.push_back(next);
        }
        for (const LARGE_INTEGER& cookie : others) {
            CmUnRegisterCallback(cookie);
        }
    }
}

}  // namespace
}  // namespace aegis::test
