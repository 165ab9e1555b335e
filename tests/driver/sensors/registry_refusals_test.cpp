// What is refused of the registry, to whom, and what a policy makes of the rest.

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "driver/host/executive/registry/registry_activity.hpp"
#include "driver/host/executive/registry/registry_client.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/policy_builder.hpp"
#include "driver/support/registry.hpp"

namespace aegis::test {
namespace {

using Kind = host::RegistryChangeKind;

constexpr std::uint32_t kType = 1U << AEGIS_EVENT_REGISTRY_OP;
constexpr std::uint32_t kEveryOperation = (1U << AEGIS_REGISTRY_OPERATIONS) - 1;
constexpr std::u16string_view kVendor = u"\\REGISTRY\\MACHINE\\SOFTWARE\\Vendor";
constexpr std::u16string_view kServices = u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services";
constexpr std::uint32_t kPid = kFirstFreePid;

class RegistryRefusals : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
        ASSERT_EQ(reader_.open(FILE_READ_DATA), STATUS_SUCCESS);
        vendor_ = registry_.create(kVendor).handle;
        pulled();
    }

    // Everything seen became something, and what was published is in the ring.
    void TearDown() override {
        const AEGIS_CALLBACK_HEALTH row = callback_row(*reader_.query().reply, AEGIS_CALLBACK_REGISTRY);
        EXPECT_EQ(row.Seen, row.Published + row.Filtered + row.Limited + row.Merged + row.Lost);
    }

    void set(const PolicyBuilder& builder) { ASSERT_EQ(client_.set_policy(builder.blob()).status, STATUS_SUCCESS); }
    void refuse(std::u16string_view key) { set(PolicyBuilder().path(key, AEGIS_POLICY_REFUSE, kType)); }

    std::vector<AEGIS_REGISTRY_PAYLOAD> pulled() {
        std::vector<AEGIS_REGISTRY_PAYLOAD> changes;
        for (const ProcessEvent& event : events_in(reader_.pull(1 << 20).bytes)) {
            if (event.header.Type == AEGIS_EVENT_REGISTRY_OP) {
                changes.push_back(event.registry());
            }
        }
        return changes;
    }

    // The refusal that was told last; the one and only.
    void expect_one_refusal(std::uint8_t operation, std::u16string_view key) {
        const std::vector<AEGIS_REGISTRY_PAYLOAD> told = pulled();
        ASSERT_EQ(told.size(), 1U);
        EXPECT_EQ(told[0].Operation, operation);
        EXPECT_EQ(told[0].Flags, AEGIS_REGISTRY_REFUSED);
        EXPECT_EQ(told[0].Status, STATUS_ACCESS_DENIED);
        EXPECT_EQ(key_text(told[0]), key);
        EXPECT_EQ(told[0].ProcessId, client_.pid());
    }

    AEGIS_GET_POLICY_REPLY policy() { return *reader_.get_policy().reply; }

    static host::RegistryChange change(Kind kind, std::u16string_view key) {
        host::RegistryChange change;
        change.kind = kind;
        change.pid = kPid;
        change.tid = kPid + 4;
        change.key = key;
        change.name = u"x";
        change.timestamp = kActivityTime;
        return change;
    }

    TestHost host_;
    Client client_{host_};
    Client reader_{host_};
    host::RegistryClient registry_{client_.process()};
    host::ProcessHandle vendor_ = 0;
};

// Catches: a kind of change that is let through; a refusal that changes something all the same; one without its event.
TEST_F(RegistryRefusals, EveryKindOfChangeBelowARuleIsRefused) {
    registry_.set_value(vendor_, u"old", REG_NONE, {});
    pulled();
    refuse(u"/registry/machine/software/VENDOR");
    EXPECT_EQ(registry_.set_value(vendor_, u"new", REG_NONE, {}), STATUS_ACCESS_DENIED);
    expect_one_refusal(AEGIS_REGISTRY_SET_VALUE, kVendor);
    EXPECT_EQ(registry_.delete_value(vendor_, u"old"), STATUS_ACCESS_DENIED);
    expect_one_refusal(AEGIS_REGISTRY_DELETE_VALUE, kVendor);
    EXPECT_EQ(registry_.rename_key(vendor_, u"Other"), STATUS_ACCESS_DENIED);
    expect_one_refusal(AEGIS_REGISTRY_RENAME_KEY, kVendor);
    EXPECT_EQ(registry_.delete_key(vendor_), STATUS_ACCESS_DENIED);
    expect_one_refusal(AEGIS_REGISTRY_DELETE_KEY, kVendor);
    EXPECT_EQ(registry_.create(u"Product", vendor_).status, STATUS_ACCESS_DENIED);
    expect_one_refusal(AEGIS_REGISTRY_CREATE_KEY, std::u16string(kVendor) + u"\\Product");
    EXPECT_EQ(registry_.create(std::u16string(kVendor) + u"\\Product").status, STATUS_ACCESS_DENIED);
    expect_one_refusal(AEGIS_REGISTRY_CREATE_KEY, std::u16string(kVendor) + u"\\Product");
    EXPECT_EQ(registry_.values(vendor_), std::vector<std::u16string>{u"old"});
    EXPECT_TRUE(registry_.subkeys(vendor_).empty());
    EXPECT_EQ(policy().Types[AEGIS_EVENT_REGISTRY_OP].Refused, 6U);
    EXPECT_EQ(policy().Hits[0], 6U);
}

// A create that makes nothing is an open. Catches: who opens his settings in the usual way shut out.
TEST_F(RegistryRefusals, AKeyThatIsThereCanBeOpened) {
    refuse(kVendor);
    EXPECT_EQ(registry_.create(kVendor).status, STATUS_SUCCESS);
    EXPECT_EQ(registry_.open(kVendor).status, STATUS_SUCCESS);
    EXPECT_TRUE(pulled().empty());
}

// Catches: a neighbour whose name begins the same; a key moved to where none may be.
TEST_F(RegistryRefusals, ARuleIsAboutAKeyAndWhatIsBelow) {
    refuse(u"\\REGISTRY\\MACHINE\\SOFTWARE\\Protected");
    EXPECT_EQ(registry_.create(u"\\REGISTRY\\MACHINE\\SOFTWARE\\Protected2").status, STATUS_SUCCESS);
    EXPECT_EQ(registry_.set_value(vendor_, u"Protected", REG_NONE, {}), STATUS_SUCCESS);
    pulled();
    EXPECT_EQ(registry_.rename_key(vendor_, u"PROTECTED"), STATUS_ACCESS_DENIED);
    expect_one_refusal(AEGIS_REGISTRY_RENAME_KEY, kVendor);
    EXPECT_EQ(registry_.rename_key(vendor_, u"Other"), STATUS_SUCCESS);
}

// Catches: a rule within another that does not decide.
TEST_F(RegistryRefusals, TheLongestRuleDecides) {
    set(PolicyBuilder()
            .path(kVendor, AEGIS_POLICY_REFUSE, kType)
            .path(std::u16string(kVendor) + u"\\Free", AEGIS_POLICY_REPORT, kType));
    const host::KeyResult free = registry_.create(u"Free", vendor_);
    EXPECT_EQ(free.status, STATUS_SUCCESS);
    EXPECT_EQ(registry_.set_value(free.handle, u"x", REG_NONE, {}), STATUS_SUCCESS);
    EXPECT_EQ(registry_.create(u"Other", vendor_).status, STATUS_ACCESS_DENIED);
}

// Catches: a refusal that outlives its policy.
TEST_F(RegistryRefusals, RefusalsEndWithTheHandle) {
    refuse(kVendor);
    EXPECT_EQ(registry_.set_value(vendor_, u"x", REG_NONE, {}), STATUS_ACCESS_DENIED);
    ASSERT_EQ(client_.close(), STATUS_SUCCESS);
    EXPECT_EQ(registry_.set_value(vendor_, u"x", REG_NONE, {}), STATUS_SUCCESS);
}

// Catches: somebody without whom the system does not go on refused.
TEST_F(RegistryRefusals, TheSystemAndTheKernelAreExempt) {
    refuse(kVendor);
    host::RegistryChange set = change(Kind::kSetValue, kVendor);
    EXPECT_EQ(host::report_registry_change(set), STATUS_ACCESS_DENIED);
    set.kernel = true;
    EXPECT_EQ(host::report_registry_change(set), STATUS_SUCCESS);
    set.kernel = false;
    set.pid = 4;
    EXPECT_EQ(host::report_registry_change(set), STATUS_SUCCESS);
    const std::vector<AEGIS_REGISTRY_PAYLOAD> told = pulled();
    ASSERT_EQ(told.size(), 3U);
    EXPECT_EQ(told[1].Flags, 0U);
    EXPECT_EQ(told[2].Flags, 0U);
}

// Catches: the services left open; in one control set only; without a policy; a neighbour's service shut.
TEST_F(RegistryRefusals, TheKeysOfTheServicesAreProtectedWhileAPolicyIsInForce) {
    const std::u16string_view own[] = {
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\AegisMon",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\services\\AEGISMON\\Parameters",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet002\\Services\\AegisAgent",
        u"\\Registry\\Machine\\System\\ControlSet014\\Services\\aegisagent\\x\\y",
    };
    const std::u16string_view others[] = {
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\AegisMon2",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\Aegis",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services2\\AegisMon",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001x\\Services\\AegisMon",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet\\Services\\AegisMon",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services",
        u"\\REGISTRY\\MACHINE\\SOFTWARE\\AegisMon",
    };
    const auto try_all = [&](NTSTATUS expected) {
        for (const Kind kind :
             {Kind::kCreateKey, Kind::kSetValue, Kind::kDeleteKey, Kind::kDeleteValue, Kind::kRenameKey}) {
            for (const std::u16string_view key : own) {
                const bool there = kind == Kind::kCreateKey && key == own[0];
                EXPECT_EQ(host::report_registry_change(change(kind, key)), there ? STATUS_SUCCESS : expected);
            }
        }
    };
    try_all(STATUS_SUCCESS);
    set(PolicyBuilder().type(AEGIS_EVENT_REGISTRY_OP, kOff));
    pulled();
    try_all(STATUS_ACCESS_DENIED);
    // Told although the type is off.
    EXPECT_EQ(pulled().size(), 19U);
    for (const std::u16string_view key : others) {
        EXPECT_EQ(host::report_registry_change(change(Kind::kSetValue, key)), STATUS_SUCCESS);
    }
    EXPECT_TRUE(pulled().empty());
}

// Catches: the services moved away from under their protection, or another to where they are.
TEST_F(RegistryRefusals, WhatIsAboveTheServicesIsNotRenamed) {
    set(PolicyBuilder().type(AEGIS_EVENT_REGISTRY_OP, kOff));
    host::RegistryChange renamed = change(Kind::kRenameKey, kServices);
    EXPECT_EQ(host::report_registry_change(renamed), STATUS_ACCESS_DENIED);
    renamed.key = u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001";
    EXPECT_EQ(host::report_registry_change(renamed), STATUS_ACCESS_DENIED);
    renamed.key = u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\Other";
    EXPECT_EQ(host::report_registry_change(renamed), STATUS_SUCCESS);
    renamed.name = u"aegismon";
    EXPECT_EQ(host::report_registry_change(renamed), STATUS_ACCESS_DENIED);
}

// Catches: an operation's bit that is another's; one that is dropped and told.
TEST_F(RegistryRefusals, OperationsAreWantedOneByOne) {
    for (std::uint8_t wanted = 0; wanted < AEGIS_REGISTRY_OPERATIONS; ++wanted) {
        set(PolicyBuilder().type(AEGIS_EVENT_REGISTRY_OP, {1U << wanted, 0, 0, 0, AEGIS_POLICY_REPORT, {}}));
        for (const Kind kind :
             {Kind::kCreateKey, Kind::kSetValue, Kind::kDeleteKey, Kind::kDeleteValue, Kind::kRenameKey}) {
            host::report_registry_change(change(kind, kVendor));
        }
        const std::vector<AEGIS_REGISTRY_PAYLOAD> told = pulled();
        ASSERT_EQ(told.size(), 1U);
        EXPECT_EQ(told[0].Operation, wanted);
    }
}

// Catches: two changes taken for the same that differ by value, key, kind or process.
TEST_F(RegistryRefusals, WhatIsAlikeIsMerged) {
    AEGIS_POLICY_TYPE merged{kEveryOperation, 0, 0, 1000, AEGIS_POLICY_REPORT, {}};
    set(PolicyBuilder().type(AEGIS_EVENT_REGISTRY_OP, merged));
    std::vector<host::RegistryChange> different(6, change(Kind::kSetValue, kVendor));
    different[1].name = u"y";
    different[2].key = u"\\REGISTRY\\MACHINE\\SOFTWARE\\Vendor\\x";
    different[3].kind = Kind::kDeleteValue;
    different[4].pid = kPid + 1;
    different[5].name.reset();
    for (int round = 0; round < 3; ++round) {
        for (const host::RegistryChange& one : different) {
            host::report_registry_change(one);
        }
    }
    EXPECT_EQ(pulled().size(), different.size());
    EXPECT_EQ(policy().Types[AEGIS_EVENT_REGISTRY_OP].Merged, 2 * different.size());
}

// Catches: a drop rule, an excluded image or a limit that does nothing here.
TEST_F(RegistryRefusals, AKeyMayBeDroppedAndAProcessLeftAlone) {
    AEGIS_POLICY_TYPE limited{kEveryOperation, 1, 2, 0, AEGIS_POLICY_REPORT, {}};
    set(PolicyBuilder()
            .type(AEGIS_EVENT_REGISTRY_OP, limited)
            .path(kVendor, AEGIS_POLICY_DROP, kType)
            .image(u"\\Device\\quiet.exe"));
    host::report_registry_change(change(Kind::kSetValue, kVendor));
    EXPECT_TRUE(pulled().empty());
    Activity activity(host_);
    activity.create(kPid, u"\\Device\\quiet.exe");
    host::report_registry_change(change(Kind::kSetValue, kServices));
    EXPECT_TRUE(pulled().empty());
    activity.exit(kPid);
    for (int i = 0; i < 5; ++i) {
        host::report_registry_change(change(Kind::kSetValue, kServices));
    }
    EXPECT_EQ(pulled().size(), 2U);
    EXPECT_EQ(policy().Types[AEGIS_EVENT_REGISTRY_OP].Limited, 3U);
}

// Catches: an operation beyond those there are; an extension for what has none.
TEST_F(RegistryRefusals, APolicyAsksForNothingThatThereIsNot) {
    EXPECT_EQ(
        client_
            .set_policy(PolicyBuilder()
                            .type(AEGIS_EVENT_REGISTRY_OP, {kEveryOperation + 1, 0, 0, 0, AEGIS_POLICY_REPORT, {}})
                            .blob())
            .status,
        STATUS_INVALID_PARAMETER);
    EXPECT_EQ(client_.set_policy(PolicyBuilder().extension(u"scr", AEGIS_POLICY_DROP, kType).blob()).status,
              STATUS_NOT_SUPPORTED);
}

}  // namespace
}  // namespace aegis::test
