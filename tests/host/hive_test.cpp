// The registry that clients drive: keys, values, the link of the control set.
#include <cstddef>
#include <string>
#include <vector>

#include "driver/host/executive/registry/registry_client.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

using Names = std::vector<std::u16string>;

std::vector<std::byte> bytes_of(std::string_view text) {
    std::vector<std::byte> bytes;
    for (const char character : text) {
        bytes.push_back(static_cast<std::byte>(character));
    }
    return bytes;
}

class HiveTest : public ExecutiveTest {
  protected:
    ~HiveTest() override { executive().exit_process(process_); }

    host::KeyResult software(std::u16string_view name) {
        return registry_.create(u"\\REGISTRY\\MACHINE\\SOFTWARE\\" + std::u16string(name));
    }

    host::ProcessRef process_ = client(100);
    host::RegistryClient registry_{*process_};
};

// Catches: a create that says "new" of a key which was there; names that differ by case taken for two.
TEST_F(HiveTest, AKeyIsMadeOnceAndOpenedAfterwards) {
    const host::KeyResult made = software(u"Vendor");
    EXPECT_EQ(made.status, STATUS_SUCCESS);
    EXPECT_TRUE(made.created);
    const host::KeyResult again = software(u"VENDOR");
    EXPECT_EQ(again.status, STATUS_SUCCESS);
    EXPECT_FALSE(again.created);
    EXPECT_EQ(registry_.path(again.handle), u"\\REGISTRY\\MACHINE\\SOFTWARE\\Vendor");
    EXPECT_EQ(registry_.create(u"Product", made.handle).status, STATUS_SUCCESS);
    EXPECT_EQ(registry_.subkeys(made.handle), Names{u"Product"});
    EXPECT_EQ(registry_.open(u"Other", made.handle).status, STATUS_OBJECT_NAME_NOT_FOUND);
    // The last component alone is made.
    EXPECT_EQ(registry_.create(u"No\\Where", made.handle).status, STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(registry_.create(u"x", 4096).status, STATUS_INVALID_HANDLE);
}

TEST_F(HiveTest, AValueHoldsWhatWasSetLast) {
    const host::ProcessHandle key = software(u"Vendor").handle;
    EXPECT_EQ(registry_.set_value(key, u"Name", REG_BINARY, bytes_of("one")), STATUS_SUCCESS);
    EXPECT_EQ(registry_.set_value(key, u"NAME", REG_SZ, bytes_of("t\0wo")), STATUS_SUCCESS);
    ASSERT_TRUE(registry_.value(key, u"name"));
    EXPECT_EQ(registry_.value(key, u"name")->type, REG_SZ);
    EXPECT_EQ(registry_.value(key, u"name")->data.size(), 1U);
    EXPECT_EQ(registry_.values(key), Names{u"NAME"});
    EXPECT_EQ(registry_.delete_value(key, u"name"), STATUS_SUCCESS);
    EXPECT_EQ(registry_.delete_value(key, u"name"), STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_FALSE(registry_.value(key, u"name"));
}

// Catches: a key that takes its subkeys along; an open key that outlives its own deletion.
TEST_F(HiveTest, AKeyWithSubkeysStays) {
    const host::ProcessHandle key = software(u"Vendor").handle;
    const host::ProcessHandle below = registry_.create(u"Product", key).handle;
    EXPECT_EQ(registry_.delete_key(key), STATUS_CANNOT_DELETE);
    EXPECT_EQ(registry_.delete_key(below), STATUS_SUCCESS);
    EXPECT_EQ(registry_.delete_key(below), STATUS_KEY_DELETED);
    EXPECT_EQ(registry_.set_value(below, u"x", REG_NONE, {}), STATUS_KEY_DELETED);
    EXPECT_EQ(registry_.delete_value(below, u"x"), STATUS_KEY_DELETED);
    EXPECT_EQ(registry_.create(u"x", below).status, STATUS_KEY_DELETED);
    EXPECT_EQ(registry_.delete_key(key), STATUS_SUCCESS);
    EXPECT_EQ(software(u"Vendor").created, true);
}

// Catches: what is below a renamed key left where it was.
TEST_F(HiveTest, ARenamedKeyTakesWhatIsBelowAlong) {
    const host::ProcessHandle key = software(u"Vendor").handle;
    const host::ProcessHandle below = registry_.create(u"Product", key).handle;
    software(u"Taken");
    EXPECT_EQ(registry_.rename_key(key, u"TAKEN"), STATUS_OBJECT_NAME_COLLISION);
    EXPECT_EQ(registry_.rename_key(key, u"a\\b"), STATUS_OBJECT_NAME_INVALID);
    EXPECT_EQ(registry_.rename_key(key, u"Renamed"), STATUS_SUCCESS);
    EXPECT_EQ(registry_.path(below), u"\\REGISTRY\\MACHINE\\SOFTWARE\\Renamed\\Product");
    EXPECT_EQ(registry_.open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\renamed\\product").status, STATUS_SUCCESS);
    EXPECT_EQ(registry_.open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\Vendor").status, STATUS_OBJECT_NAME_NOT_FOUND);
}

// Catches: a control set's link that is a key of its own.
TEST_F(HiveTest, TheCurrentControlSetIsALink) {
    const host::KeyResult made = registry_.create(u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\Vendor");
    EXPECT_EQ(made.status, STATUS_SUCCESS);
    EXPECT_EQ(registry_.path(made.handle), u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\Vendor");
    EXPECT_EQ(registry_.open(u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet002\\Services\\Vendor").status,
              STATUS_OBJECT_NAME_NOT_FOUND);
    const host::ProcessHandle system = registry_.open(u"\\REGISTRY\\MACHINE\\SYSTEM").handle;
    EXPECT_EQ(registry_.open(u"CurrentControlSet\\Services\\VENDOR", system).status, STATUS_SUCCESS);
}

TEST_F(HiveTest, AProcessThatHasEndedChangesNothing) {
    executive().exit_process(process_);
    EXPECT_EQ(software(u"Vendor").status, STATUS_PROCESS_IS_TERMINATING);
    EXPECT_EQ(registry_.delete_key(4), STATUS_INVALID_HANDLE);
}

}  // namespace
}  // namespace aegis::test
