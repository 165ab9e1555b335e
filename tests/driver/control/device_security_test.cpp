// Who may use the device, and what a handle's access allows.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/kernel_view.hpp"
#include "driver/support/unknown_opener.hpp"

namespace aegis::test {
namespace {

constexpr ACCESS_MASK kNoData = SYNCHRONIZE | FILE_READ_ATTRIBUTES;

template <class T>
T read_at(std::span<const std::byte> bytes, std::size_t offset) {
    T value{};
    if (offset + sizeof(T) > bytes.size()) {
        ADD_FAILURE() << "the descriptor ends before offset " << offset;
        return value;
    }
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

// S-1-…, of the SID at `offset`.
std::string sid_text(std::span<const std::byte> bytes, std::size_t offset) {
    std::string text = fmt::format("S-{}-{}", read_at<UCHAR>(bytes, offset), read_at<UCHAR>(bytes, offset + 7));
    const auto count = read_at<UCHAR>(bytes, offset + 1);
    for (std::size_t i = 0; i < count; ++i) {
        text += fmt::format("-{}", read_at<ULONG>(bytes, offset + 8 + 4 * i));
    }
    return text;
}

// One line per entry: type, flags, mask, SID.
std::vector<std::string> dacl_text(std::span<const std::byte> descriptor) {
    const auto header = read_at<SECURITY_DESCRIPTOR_RELATIVE>(descriptor, 0);
    EXPECT_EQ(header.Control & SE_DACL_PRESENT, SE_DACL_PRESENT);
    const auto acl = read_at<ACL>(descriptor, header.Dacl);
    std::vector<std::string> entries;
    std::size_t at = header.Dacl + sizeof(ACL);
    for (unsigned i = 0; i < acl.AceCount; ++i) {
        const auto ace = read_at<ACCESS_ALLOWED_ACE>(descriptor, at);
        entries.push_back(fmt::format("type {} flags {} mask {:#x} {}", ace.Header.AceType, ace.Header.AceFlags,
                                      ace.Mask, sid_text(descriptor, at + offsetof(ACCESS_ALLOWED_ACE, SidStart))));
        at += ace.Header.AceSize;
    }
    return entries;
}

// Catches: apply_to() left out, an entry too many or too few, another mask.
TEST(DeviceSecurity, GrantsSystemAndAdministratorsEverythingAndNobodyElseAnything) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    EXPECT_THAT(dacl_text(read_device_security(client)),
                testing::UnorderedElementsAre("type 0 flags 0 mask 0x1f01ff S-1-5-18",
                                              "type 0 flags 0 mask 0x1f01ff S-1-5-32-544"));
}

// The parameter: what the kernel leaves in the create request's DesiredAccess.
class DeviceOpen : public testing::TestWithParam<host::CreateAccess> {
  protected:
    void SetUp() override { ASSERT_EQ(host_.load(), STATUS_SUCCESS); }

    static host::ExecutiveOptions options() {
        host::ExecutiveOptions options;
        options.create_access = GetParam();
        return options;
    }

    TestHost host_{options()};
};

// Catches: the access to check taken from the request's DesiredAccess; generic rights that are not mapped (the verifier
// stops at them).
TEST_P(DeviceOpen, AdmitsAdministratorsAndTheSystem) {
    for (const host::Account account : {host::Account::kAdministrator, host::Account::kSystem}) {
        Client client(host_, account);
        for (const ACCESS_MASK access : {GENERIC_READ | GENERIC_WRITE, GENERIC_ALL, MAXIMUM_ALLOWED, kReadWrite}) {
            EXPECT_EQ(client.open(access), STATUS_SUCCESS) << access;
            EXPECT_EQ(client.query().status, STATUS_SUCCESS) << access;
            EXPECT_EQ(client.close(), STATUS_SUCCESS);
        }
    }
}

// Catches: check_opener() that checks for nothing when nothing is left over.
TEST_P(DeviceOpen, RefusesAnotherUserWhenTheDeviceIsLoosened) {
    Client administrator(host_);
    ASSERT_EQ(administrator.open(), STATUS_SUCCESS);
    open_device_to_everyone(administrator);
    Client user(host_, host::Account::kUser);
    for (const ACCESS_MASK access : {ACCESS_MASK{0}, kNoData, FILE_READ_DATA, kReadWrite, GENERIC_READ}) {
        EXPECT_EQ(user.open(access), STATUS_ACCESS_DENIED) << access;
    }
    // A refused open is no open handle.
    EXPECT_EQ(administrator.query().reply->Handles, 1U);
}

INSTANTIATE_TEST_SUITE_P(AllThatIsGranted, DeviceOpen, testing::Values(host::CreateAccess::kGranted));
INSTANTIATE_TEST_SUITE_P(WhatIsLeftOver, DeviceOpen, testing::Values(host::CreateAccess::kRemaining));

class UnknownOpener : public testing::TestWithParam<Unknown> {};

// Whatever the kernel exports. Catches: a missing context or access state not looked at, or taken for a permission; a
// driver that ships with the exception for Wine.
TEST_P(UnknownOpener, IsRefused) {
    host::ExecutiveOptions options;
    options.other_exports["wine_ntoskrnl_main_loop"] = &options;
    TestHost host(options);
    EXPECT_EQ(open_as_unknown(host, GetParam()), STATUS_ACCESS_DENIED);
}

INSTANTIATE_TEST_SUITE_P(AccessStateMissing, UnknownOpener, testing::Values(Unknown::kAccessState));
INSTANTIATE_TEST_SUITE_P(ContextMissing, UnknownOpener, testing::Values(Unknown::kWholeContext));

TEST(DeviceSecurity, RefusesAnotherUserAtTheDevice) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client user(host, host::Account::kUser);
    for (const ACCESS_MASK access :
         {ACCESS_MASK{0}, kNoData, FILE_READ_DATA, kReadWrite, GENERIC_READ, MAXIMUM_ALLOWED}) {
        EXPECT_EQ(user.open(access), STATUS_ACCESS_DENIED) << access;
    }
    EXPECT_EQ(user.control(AEGIS_IOCTL_GET_EVENTS, {}, {}).status, STATUS_INVALID_HANDLE);
}

// Below the device's own name the same descriptor rules: FILE_DEVICE_SECURE_OPEN.
TEST(DeviceSecurity, RefusesAnotherUserBelowTheDevice) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client user(host, host::Account::kUser);
    EXPECT_EQ(host->open(user.process(), u"\\??\\AegisMon\\file", FILE_READ_DATA).status, STATUS_ACCESS_DENIED);
}

// There is nothing behind the device, and who is refused is not told so. Catches: a name not looked at; one that is
// looked at before the opener.
TEST(DeviceSecurity, RefusesANameBehindTheDevice) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client administrator(host);
    for (const std::u16string_view path : {u"\\??\\AegisMon\\x", u"\\??\\AegisMon\\", u"\\Device\\AegisMon\\x\\y"}) {
        EXPECT_EQ(host->open(administrator.process(), path, kReadWrite).status, STATUS_OBJECT_NAME_INVALID);
    }
    ASSERT_EQ(administrator.open(), STATUS_SUCCESS);
    EXPECT_EQ(administrator.query().reply->Handles, 1U);
    open_device_to_everyone(administrator);
    Client user(host, host::Account::kUser);
    EXPECT_EQ(host->open(user.process(), u"\\??\\AegisMon\\x", FILE_READ_DATA).status, STATUS_ACCESS_DENIED);
}

// Catches: check_opener() left out of on_create(), or one that always succeeds.
TEST(DeviceSecurity, RefusesAnotherUserItselfWhenTheDeviceIsLoosened) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client administrator(host);
    ASSERT_EQ(administrator.open(), STATUS_SUCCESS);
    open_device_to_everyone(administrator);
    Client user(host, host::Account::kUser);
    for (const ACCESS_MASK access : {ACCESS_MASK{0}, kNoData, FILE_READ_DATA, kReadWrite, GENERIC_READ}) {
        EXPECT_EQ(user.open(access), STATUS_ACCESS_DENIED) << access;
    }
    Client second(host);
    EXPECT_EQ(second.open(), STATUS_SUCCESS);
    // A refused open is no open handle.
    EXPECT_EQ(administrator.query().reply->Handles, 2U);
}

PDRIVER_DISPATCH g_driver_create = nullptr;
KPROCESSOR_MODE g_mode = UserMode;

// IRP_MJ_CREATE as a caller in this mode would send it.
NTSTATUS NTAPI create_in_mode(PDEVICE_OBJECT device, PIRP irp) {
    irp->RequestorMode = g_mode;
    return g_driver_create(device, irp);
}

// The kernel's own opens are not checked, whoever's process they run in: NT says so, and checking them would keep
// nobody out. The device is loosened, so that the driver's check alone decides. Catches: the check made for user mode
// whoever asks, or not made for user mode.
TEST(DeviceSecurity, ChecksUserModeOnly) {
    const DriverObjectHooks hooks{{}, [](DRIVER_OBJECT& object) {
                                      g_driver_create = object.MajorFunction[IRP_MJ_CREATE];
                                      object.MajorFunction[IRP_MJ_CREATE] = create_in_mode;
                                  }};
    TestHost host;
    g_mode = UserMode;
    ASSERT_EQ(host.load_hooked(hooks), STATUS_SUCCESS);
    Client administrator(host);
    ASSERT_EQ(administrator.open(), STATUS_SUCCESS);
    open_device_to_everyone(administrator);
    Client user(host, host::Account::kUser);
    EXPECT_EQ(user.open(), STATUS_ACCESS_DENIED);
    g_mode = KernelMode;
    EXPECT_EQ(user.open(), STATUS_SUCCESS);
}

struct AccessCase {
    ULONG code;
    ACCESS_MASK needed;
};

constexpr AccessCase kCodes[] = {
    {AEGIS_IOCTL_GET_EVENTS, FILE_READ_DATA},
    {AEGIS_IOCTL_RING_SETUP, FILE_READ_DATA | FILE_WRITE_DATA},
    {AEGIS_IOCTL_RING_TEARDOWN, FILE_READ_DATA | FILE_WRITE_DATA},
    {AEGIS_IOCTL_QUERY, FILE_READ_DATA},
};

TEST(DeviceSecurity, LetsARequestThroughOnlyWithTheAccessItsCodeNames) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client client(host);
    for (const ACCESS_MASK access : {ACCESS_MASK{0}, FILE_READ_DATA, FILE_WRITE_DATA, kReadWrite}) {
        ASSERT_EQ(client.open(access | kNoData), STATUS_SUCCESS);
        for (const auto& [code, needed] : kCodes) {
            // Malformed, so that nothing but the access decides between these two answers.
            const NTSTATUS status = client.control(code, {}, {}).status;
            if ((access & needed) == needed) {
                EXPECT_NE(status, STATUS_ACCESS_DENIED) << std::hex << code << " with " << access;
            } else {
                EXPECT_EQ(status, STATUS_ACCESS_DENIED) << std::hex << code << " with " << access;
            }
        }
        ASSERT_EQ(client.close(), STATUS_SUCCESS);
    }
}

TEST(DeviceSecurity, AHandleForReadingChangesNothing) {
    TestHost host;
    ASSERT_EQ(host.load(), STATUS_SUCCESS);
    Client owner(host);
    ASSERT_EQ(owner.open(), STATUS_SUCCESS);
    ASSERT_EQ(owner.setup().status, STATUS_SUCCESS);
    Client reader(host);
    ASSERT_EQ(reader.open(FILE_READ_DATA), STATUS_SUCCESS);
    EXPECT_EQ(reader.setup().status, STATUS_ACCESS_DENIED);
    EXPECT_TRUE(reader.mappings().empty());
    // The owner's own handle, handed over for reading only.
    const host::HandleResult duplicate =
        host->duplicate_handle(owner.process(), owner.device(), reader.process(), FILE_READ_DATA);
    ASSERT_EQ(duplicate.status, STATUS_SUCCESS);
    reader.use(duplicate.handle);
    EXPECT_EQ(reader.teardown(), STATUS_ACCESS_DENIED);
    EXPECT_EQ(owner.mappings().size(), 2U);
    EXPECT_EQ(owner.teardown(), STATUS_SUCCESS);
}

// Whatever a handle for reading sends, well-formed or not, all that moves is its own place in the events.
// Catches: a code that names less access than what it does needs.
TEST(DeviceSecurity, NothingSentThroughAHandleForReadingShowsElsewhere) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client owner(host);
    ASSERT_EQ(owner.open(), STATUS_SUCCESS);
    const SetupResult setup = owner.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    Activity(host).come_and_go(3);
    Client reader(host);
    ASSERT_EQ(reader.open(FILE_READ_DATA | SYNCHRONIZE), STATUS_SUCCESS);
    const QueryResult before = owner.query();
    const auto* ring = reinterpret_cast<const std::byte*>(setup.reply.RingAddress);
    const std::vector<std::byte> ring_before(ring, ring + setup.reply.RingBytes);

    const host::ProcessHandle event = reader.create_event().handle;
    EXPECT_EQ(reader.setup(event).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(reader.teardown(), STATUS_ACCESS_DENIED);
    EXPECT_EQ(events_in(reader.pull(1 << 16).bytes).size(), 6U);
    EXPECT_EQ(reader.query().status, STATUS_SUCCESS);
    std::vector<std::byte> buffer(8192);
    for (ULONG function = 0x7F0; function < 0x8FF; ++function) {
        for (const ULONG access : {FILE_ANY_ACCESS, FILE_READ_ACCESS, FILE_WRITE_ACCESS}) {
            for (ULONG method = METHOD_BUFFERED; method <= METHOD_NEITHER; ++method) {
                reader.control(CTL_CODE(FILE_DEVICE_UNKNOWN, function, method, access), std::span(buffer).first(24),
                               buffer);
            }
        }
    }
    for (UCHAR major = 0; major <= IRP_MJ_MAXIMUM_FUNCTION; ++major) {
        EXPECT_NE(host->request(reader.process(), reader.device(), major).status, STATUS_SUCCESS) << int{major};
    }

    QueryResult after = owner.query();
    EXPECT_TRUE(reader.mappings().empty());
    EXPECT_EQ(after.reply->Consumers[1].ProcessId, reader.pid());
    EXPECT_EQ(after.reply->Consumers[1].Transport, AEGIS_TRANSPORT_PULL);
    after.reply->Consumers[1] = {};
    EXPECT_EQ(after.reply->ConsumerRows.Count--, 2U);
    EXPECT_EQ(std::memcmp(before.reply.get(), after.reply.get(), sizeof(*before.reply)), 0);
    EXPECT_EQ(std::memcmp(ring, ring_before.data(), ring_before.size()), 0);
    EXPECT_EQ(owner.mappings().size(), 2U);
}

}  // namespace
}  // namespace aegis::test
