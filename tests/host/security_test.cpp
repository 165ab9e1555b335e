// Security descriptors, access checks, and who may open a device.
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "driver/host/executive/security/token.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

PSID as_sid(const host::SidBytes& bytes) {
    return const_cast<unsigned char*>(bytes.data());
}

// A DACL in an absolute descriptor, as drivers build them.
class Dacl {
  public:
    explicit Dacl(USHORT bytes = 256) : storage_(bytes / 4) {
        EXPECT_EQ(RtlCreateAcl(acl(), bytes, ACL_REVISION), STATUS_SUCCESS);
        EXPECT_EQ(RtlCreateSecurityDescriptor(&descriptor_, SECURITY_DESCRIPTOR_REVISION), STATUS_SUCCESS);
        EXPECT_EQ(RtlSetDaclSecurityDescriptor(&descriptor_, TRUE, acl(), FALSE), STATUS_SUCCESS);
        descriptor_.Owner = as_sid(host::administrators_sid());
        descriptor_.Group = as_sid(host::local_system_sid());
    }

    NTSTATUS allow(ACCESS_MASK mask, const host::SidBytes& sid) {
        return RtlAddAccessAllowedAce(acl(), ACL_REVISION, mask, as_sid(sid));
    }
    // NT has a call for this; here an allowing ACE becomes a denying one.
    void deny(ACCESS_MASK mask, const host::SidBytes& sid) {
        const std::size_t offset = used();
        allow(mask, sid);
        reinterpret_cast<unsigned char*>(storage_.data())[offset] = ACCESS_DENIED_ACE_TYPE;
    }

    PACL acl() { return reinterpret_cast<PACL>(storage_.data()); }
    SECURITY_DESCRIPTOR* descriptor() { return &descriptor_; }

  private:
    std::size_t used() {
        std::size_t offset = sizeof(ACL);
        for (unsigned index = 0; index < acl()->AceCount; ++index) {
            ACE_HEADER header{};
            std::memcpy(&header, reinterpret_cast<unsigned char*>(storage_.data()) + offset, sizeof(header));
            offset += header.AceSize;
        }
        return offset;
    }

    std::vector<ULONG> storage_;
    SECURITY_DESCRIPTOR descriptor_{};
};

ACCESS_MASK mapped(ACCESS_MASK desired) {
    RtlMapGenericMask(&desired, IoGetFileObjectGenericMapping());
    return desired;
}

class Security : public ExecutiveTest {
  protected:
    // What a process of this account is granted; nothing when access is denied.
    std::optional<ACCESS_MASK> check(Dacl& dacl, host::Account account, ACCESS_MASK desired,
                                     KPROCESSOR_MODE mode = UserMode, ACCESS_MASK granted_before = 0) {
        const host::ProcessRef process = client(100, account);
        ACCESS_MASK granted = 0xDEAD;
        NTSTATUS status = STATUS_UNSUCCESSFUL;
        bool allowed = false;
        {
            const host::ProcessScope scope(*process, UserMode);
            SECURITY_SUBJECT_CONTEXT subject;
            SeCaptureSubjectContext(&subject);
            allowed = SeAccessCheck(dacl.descriptor(), &subject, FALSE, desired, granted_before, nullptr,
                                    IoGetFileObjectGenericMapping(), mode, &granted, &status) == TRUE;
            SeReleaseSubjectContext(&subject);
        }
        executive().exit_process(process);
        EXPECT_EQ(allowed, NT_SUCCESS(status));
        EXPECT_TRUE(allowed || granted == 0);
        refusal_ = status;
        return allowed ? std::optional(granted) : std::nullopt;
    }

    NTSTATUS refusal_ = STATUS_SUCCESS;  // of the last check
};

TEST_F(Security, GenericRightsAreMapped) {
    EXPECT_EQ(mapped(GENERIC_READ), FILE_GENERIC_READ);
    EXPECT_EQ(mapped(GENERIC_WRITE | FILE_EXECUTE), FILE_GENERIC_WRITE | FILE_EXECUTE);
    EXPECT_EQ(mapped(GENERIC_EXECUTE | MAXIMUM_ALLOWED), FILE_GENERIC_EXECUTE | MAXIMUM_ALLOWED);
    EXPECT_EQ(mapped(GENERIC_ALL), FILE_ALL_ACCESS);
    EXPECT_EQ(mapped(0), 0U);
}

// NT finds generic rights in no ACE; a checked build says so.
TEST_F(Security, StopsOnACheckOfGenericRightsThatAreNotMapped) {
    Dacl dacl;
    dacl.allow(FILE_ALL_ACCESS, host::everyone_sid());
    for (const ACCESS_MASK desired : {GENERIC_READ, GENERIC_WRITE, GENERIC_EXECUTE, GENERIC_ALL}) {
        AEGIS_EXPECT_STOP(check(dacl, host::Account::kUser, desired | FILE_READ_DATA),
                          "DRIVER_VERIFIER_DETECTED_VIOLATION", "generic rights are not mapped");
    }
}

// Catches: a token that lacks a group; a SID compared by its first bytes; generic rights not mapped.
TEST_F(Security, AnAceCountsForItsSid) {
    Dacl dacl;
    dacl.allow(FILE_ALL_ACCESS, host::local_system_sid());
    dacl.allow(FILE_GENERIC_READ, host::administrators_sid());
    EXPECT_EQ(check(dacl, host::Account::kSystem, mapped(GENERIC_ALL)), FILE_ALL_ACCESS);
    EXPECT_EQ(check(dacl, host::Account::kAdministrator, mapped(GENERIC_READ)), FILE_GENERIC_READ);
    EXPECT_EQ(check(dacl, host::Account::kAdministrator, FILE_WRITE_DATA), std::nullopt);
    EXPECT_EQ(check(dacl, host::Account::kUser, FILE_READ_DATA), std::nullopt);
    EXPECT_EQ(refusal_, STATUS_ACCESS_DENIED);
    EXPECT_EQ(check(dacl, host::Account::kUser, FILE_READ_DATA, KernelMode), FILE_READ_DATA);
}

// Catches: rights of several ACEs not added up; an ACE that speaks after the decision overruling it.
TEST_F(Security, TheFirstAceAboutARightDecides) {
    Dacl dacl;
    dacl.allow(FILE_READ_DATA, host::users_sid());
    dacl.deny(FILE_READ_DATA | FILE_WRITE_DATA, host::everyone_sid());
    dacl.allow(FILE_WRITE_DATA | FILE_EXECUTE, host::everyone_sid());
    EXPECT_EQ(check(dacl, host::Account::kUser, FILE_READ_DATA | FILE_EXECUTE), FILE_READ_DATA | FILE_EXECUTE);
    EXPECT_EQ(check(dacl, host::Account::kUser, FILE_WRITE_DATA), std::nullopt);
    EXPECT_EQ(check(dacl, host::Account::kUser, MAXIMUM_ALLOWED), FILE_READ_DATA | FILE_EXECUTE);
}

// Catches: an empty DACL taken for none, or none for an empty one.
TEST_F(Security, AnEmptyDaclDeniesAndAMissingOneAllows) {
    Dacl dacl;
    EXPECT_EQ(check(dacl, host::Account::kSystem, FILE_READ_DATA), std::nullopt);
    RtlSetDaclSecurityDescriptor(dacl.descriptor(), TRUE, nullptr, FALSE);
    EXPECT_EQ(check(dacl, host::Account::kUser, FILE_READ_DATA), FILE_READ_DATA);
}

// Catches: a request for nothing that is granted, in the check itself or at the device.
TEST_F(Security, WhoAsksForNothingGetsOnlyWhatWasGrantedBefore) {
    Dacl dacl;
    dacl.allow(FILE_ALL_ACCESS, host::administrators_sid());
    EXPECT_EQ(check(dacl, host::Account::kAdministrator, 0), std::nullopt);
    EXPECT_EQ(refusal_, STATUS_ACCESS_DENIED);
    EXPECT_EQ(check(dacl, host::Account::kAdministrator, 0, UserMode, FILE_READ_DATA), FILE_READ_DATA);
    EXPECT_EQ(check(dacl, host::Account::kAdministrator, 0, KernelMode), 0U);
}

// Catches: a driver whose descriptor NT would refuse passing its tests here.
TEST_F(Security, ADescriptorWithoutOwnerOrGroupGrantsNothing) {
    Dacl dacl;
    dacl.allow(FILE_ALL_ACCESS, host::administrators_sid());
    EXPECT_EQ(check(dacl, host::Account::kAdministrator, FILE_READ_DATA), FILE_READ_DATA);
    const PSID owner = std::exchange(dacl.descriptor()->Owner, nullptr);
    EXPECT_EQ(check(dacl, host::Account::kAdministrator, FILE_READ_DATA), std::nullopt);
    EXPECT_EQ(refusal_, STATUS_INVALID_SECURITY_DESCR);
    dacl.descriptor()->Owner = owner;
    dacl.descriptor()->Group = nullptr;
    EXPECT_EQ(check(dacl, host::Account::kAdministrator, FILE_READ_DATA), std::nullopt);
    EXPECT_EQ(refusal_, STATUS_INVALID_SECURITY_DESCR);
}

// Catches: an ACL written past its size.
TEST_F(Security, AnAclTakesNoMoreThanItHasRoomFor) {
    const std::size_t ace = FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart) + host::local_system_sid().size();
    Dacl dacl(static_cast<USHORT>(sizeof(ACL) + ace));
    EXPECT_EQ(dacl.allow(FILE_ALL_ACCESS, host::local_system_sid()), STATUS_SUCCESS);
    EXPECT_EQ(dacl.allow(FILE_ALL_ACCESS, host::local_system_sid()), STATUS_ALLOTTED_SPACE_EXCEEDED);
    EXPECT_EQ(RtlCreateAcl(dacl.acl(), sizeof(ACL) - 1, ACL_REVISION), STATUS_BUFFER_TOO_SMALL);
    host::SidBytes bad = host::everyone_sid();
    bad[0] = 2;
    EXPECT_EQ(dacl.allow(FILE_ALL_ACCESS, bad), STATUS_INVALID_SID);
}

TEST_F(Security, KnownSidsHaveTheirBytes) {
    const unsigned char system[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
    const unsigned char administrators[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
    EXPECT_EQ(RtlLengthSid(SeExports->SeLocalSystemSid), sizeof(system));
    EXPECT_EQ(std::memcmp(SeExports->SeLocalSystemSid, system, sizeof(system)), 0);
    EXPECT_EQ(RtlLengthSid(SeExports->SeAliasAdminsSid), sizeof(administrators));
    EXPECT_EQ(std::memcmp(SeExports->SeAliasAdminsSid, administrators, sizeof(administrators)), 0);
}

TEST_F(Security, StopsOnASubjectContextReleasedTwice) {
    AEGIS_EXPECT_STOP(
        {
            SECURITY_SUBJECT_CONTEXT subject;
            SeCaptureSubjectContext(&subject);
            SeReleaseSubjectContext(&subject);
            SeReleaseSubjectContext(&subject);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "not captured");
}

// --- the device ---

class DeviceSecurity : public Security {
  protected:
    // DriverEntry gives its device this DACL through a handle with this access.
    NTSTATUS load_with(Dacl& dacl, ACCESS_MASK handle_access = WRITE_DAC) {
        NTSTATUS set = STATUS_UNSUCCESSFUL;
        driver_hooks().entry = [&](PDRIVER_OBJECT driver, PUNICODE_STRING) {
            const NTSTATUS status = create_test_device(driver);
            HANDLE handle = nullptr;
            EXPECT_EQ(ObOpenObjectByPointer(driver->DeviceObject, OBJ_KERNEL_HANDLE, nullptr, handle_access, nullptr,
                                            KernelMode, &handle),
                      STATUS_SUCCESS);
            set = ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, dacl.descriptor());
            ZwClose(handle);
            return status;
        };
        EXPECT_EQ(load(), STATUS_SUCCESS);
        return set;
    }

    NTSTATUS open_as(host::Account account, ACCESS_MASK access, std::u16string_view path = u"\\??\\Test") {
        const host::ProcessRef process = client(100, account);
        const NTSTATUS status = executive().open(*process, path, access).status;
        executive().exit_process(process);
        return status;
    }
};

// A driver that forgets its DACL must be found out by an ordinary user's test.
// Catches: a default descriptor that keeps everyone out.
TEST_F(DeviceSecurity, ADeviceIsReadableByEveryoneUnlessTheDriverSaysOtherwise) {
    ASSERT_EQ(load(), STATUS_SUCCESS);
    EXPECT_EQ(open_as(host::Account::kUser, GENERIC_READ), STATUS_SUCCESS);
    EXPECT_EQ(open_as(host::Account::kUser, GENERIC_WRITE), STATUS_ACCESS_DENIED);
    EXPECT_EQ(open_as(host::Account::kAdministrator, GENERIC_ALL), STATUS_SUCCESS);
}

// Catches: the DACL not stored, or not looked at; \Device\Test\x as a way around it.
TEST_F(DeviceSecurity, TheDriversDaclDecidesWhoOpens) {
    Dacl dacl;
    dacl.allow(FILE_ALL_ACCESS, host::local_system_sid());
    dacl.allow(FILE_GENERIC_READ, host::administrators_sid());
    ASSERT_EQ(load_with(dacl), STATUS_SUCCESS);
    EXPECT_EQ(open_as(host::Account::kUser, FILE_READ_ATTRIBUTES), STATUS_ACCESS_DENIED);
    EXPECT_EQ(open_as(host::Account::kUser, FILE_READ_ATTRIBUTES, u"\\??\\Test\\x"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(open_as(host::Account::kAdministrator, GENERIC_READ), STATUS_SUCCESS);
    EXPECT_EQ(open_as(host::Account::kAdministrator, GENERIC_WRITE), STATUS_ACCESS_DENIED);
    EXPECT_EQ(open_as(host::Account::kSystem, GENERIC_ALL), STATUS_SUCCESS);
}

// Catches: FILE_DEVICE_SECURE_OPEN taken for granted: a driver that forgets it has this hole on NT.
TEST_F(DeviceSecurity, WithoutSecureOpenTheDaclGuardsTheDeviceItselfOnly) {
    driver_hooks().entry = [](PDRIVER_OBJECT driver, PUNICODE_STRING) {
        const NTSTATUS status = create_test_device(driver);
        driver->DeviceObject->Characteristics = 0;
        return status;
    };
    ASSERT_EQ(load(), STATUS_SUCCESS);
    EXPECT_EQ(open_as(host::Account::kUser, FILE_WRITE_DATA), STATUS_ACCESS_DENIED);
    EXPECT_EQ(open_as(host::Account::kUser, FILE_WRITE_DATA, u"\\??\\Test\\x"), STATUS_SUCCESS);
}

// Catches: a DACL changed through a handle that was not opened for it.
TEST_F(DeviceSecurity, SettingADaclNeedsWriteDac) {
    Dacl dacl;
    EXPECT_EQ(load_with(dacl, READ_CONTROL), STATUS_ACCESS_DENIED);
    EXPECT_EQ(open_as(host::Account::kUser, GENERIC_READ), STATUS_SUCCESS);
}

// Catches: ACEs reordered, merged or lost between setting and reading; a buffer that is too small overrun.
TEST_F(DeviceSecurity, WhatWasSetIsReadBack) {
    Dacl dacl;
    dacl.allow(FILE_ALL_ACCESS, host::local_system_sid());
    ASSERT_EQ(load_with(dacl), STATUS_SUCCESS);
    const host::ProcessRef process = client(100, host::Account::kSystem);
    const host::ProcessHandle handle = open(process);
    PVOID file = nullptr;
    {
        const host::ProcessScope scope(*process, UserMode);
        ObReferenceObjectByHandle(reinterpret_cast<HANDLE>(handle), 0, *IoFileObjectType, UserMode, &file, nullptr);
    }
    PDEVICE_OBJECT device = static_cast<PFILE_OBJECT>(file)->DeviceObject;
    HANDLE kernel = nullptr;
    ASSERT_EQ(ObOpenObjectByPointer(device, OBJ_KERNEL_HANDLE, nullptr, READ_CONTROL, nullptr, KernelMode, &kernel),
              STATUS_SUCCESS);
    ULONG length = 0;
    EXPECT_EQ(ZwQuerySecurityObject(kernel, DACL_SECURITY_INFORMATION, nullptr, 0, &length), STATUS_BUFFER_TOO_SMALL);
    std::vector<unsigned char> buffer(length);
    EXPECT_EQ(ZwQuerySecurityObject(kernel, DACL_SECURITY_INFORMATION, buffer.data(), length, &length), STATUS_SUCCESS);
    SECURITY_DESCRIPTOR_RELATIVE header{};
    std::memcpy(&header, buffer.data(), sizeof(header));
    EXPECT_EQ(header.Control, SE_SELF_RELATIVE | SE_DACL_PRESENT);
    EXPECT_EQ(header.Owner, 0U);
    EXPECT_EQ(std::memcmp(buffer.data() + header.Dacl, dacl.acl(), dacl.acl()->AclSize), 0);
    ZwClose(kernel);
    ObDereferenceObject(file);
    executive().exit_process(process);
}

}  // namespace
}  // namespace aegis::test
