// The service key, as a driver reads its parameters.
#include <cstring>
#include <vector>

#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

constexpr const char16_t* kParameters =
    u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\AegisMon\\Parameters";
constexpr ULONG kFixed = static_cast<ULONG>(FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data));

NTSTATUS open_key(HANDLE root, const char16_t* path, PHANDLE key, ACCESS_MASK access = KEY_READ) {
    UNICODE_STRING name = counted(path);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, root, nullptr);
    return ZwOpenKey(key, access, &attributes);
}

class RegistryTest : public ExecutiveTest {
  protected:
    // Runs `read` with the service's Parameters key in DriverEntry.
    void with_parameters(const std::function<void(HANDLE)>& read) {
        host::ServiceOptions service;
        service.parameters[u"SlotCount"] = host::registry_dword(512);
        service.parameters[u"Name"] = {REG_SZ, {'a', 0, 0, 0}};
        driver_hooks().entry = [&](PDRIVER_OBJECT driver, PUNICODE_STRING path) {
            HANDLE root = nullptr;
            OBJECT_ATTRIBUTES attributes;
            InitializeObjectAttributes(&attributes, path, OBJ_KERNEL_HANDLE, nullptr, nullptr);
            EXPECT_EQ(ZwOpenKey(&root, KEY_READ, &attributes), STATUS_SUCCESS);
            HANDLE key = nullptr;
            EXPECT_EQ(open_key(root, u"PARAMETERS", &key), STATUS_SUCCESS);
            read(key);
            ZwClose(key);
            ZwClose(root);
            return create_test_device(driver);
        };
        ASSERT_EQ(load(service), STATUS_SUCCESS);
    }
};

NTSTATUS query(HANDLE key, const char16_t* name, std::vector<unsigned char>& buffer, ULONG* length,
               KEY_VALUE_INFORMATION_CLASS kind = KeyValuePartialInformation) {
    UNICODE_STRING value = counted(name);
    return ZwQueryValueKey(key, &value, kind, buffer.data(), static_cast<ULONG>(buffer.size()), length);
}

// Catches: attributes taken without InitializeObjectAttributes.
TEST_F(RegistryTest, AttributesOfAnotherLengthAreRefused) {
    with_parameters([](HANDLE) {
        UNICODE_STRING name = counted(kParameters);
        OBJECT_ATTRIBUTES attributes;
        InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, nullptr, nullptr);
        attributes.Length = 0;
        HANDLE key = nullptr;
        EXPECT_EQ(ZwOpenKey(&key, KEY_READ, &attributes), STATUS_INVALID_PARAMETER);
    });
}

// Catches: a name compared with its case; a wrong type, length or value.
TEST_F(RegistryTest, AValueIsReadWithItsType) {
    with_parameters([](HANDLE key) {
        alignas(8) std::vector<unsigned char> buffer(64);
        ULONG length = 0;
        ASSERT_EQ(query(key, u"slotcount", buffer, &length), STATUS_SUCCESS);
        KEY_VALUE_PARTIAL_INFORMATION information{};
        std::memcpy(&information, buffer.data(), kFixed);
        ULONG value = 0;
        std::memcpy(&value, buffer.data() + kFixed, sizeof(value));
        EXPECT_EQ(length, kFixed + 4);
        EXPECT_EQ(information.Type, REG_DWORD);
        EXPECT_EQ(information.DataLength, 4U);
        EXPECT_EQ(value, 512U);
        EXPECT_EQ(query(key, u"Missing", buffer, &length), STATUS_OBJECT_NAME_NOT_FOUND);
        EXPECT_EQ(query(key, u"SlotCount", buffer, &length, KeyValueBasicInformation), STATUS_INVALID_PARAMETER);
    });
}

// Catches: a short buffer written past its end, or taken for success.
TEST_F(RegistryTest, AShortBufferGetsWhatFits) {
    with_parameters([](HANDLE key) {
        ULONG length = 0;
        std::vector<unsigned char> header(kFixed);
        EXPECT_EQ(query(key, u"SlotCount", header, &length), STATUS_BUFFER_OVERFLOW);
        EXPECT_EQ(length, kFixed + 4);
        std::vector<unsigned char> less(kFixed - 1);
        EXPECT_EQ(query(key, u"SlotCount", less, &length), STATUS_BUFFER_TOO_SMALL);
    });
}

TEST_F(RegistryTest, WithoutParametersThereIsNoSuchKey) {
    in_driver([] {
        HANDLE key = nullptr;
        EXPECT_EQ(open_key(nullptr, kParameters, &key), STATUS_OBJECT_NAME_NOT_FOUND);
    });
}

// Catches: any handle taken for a key; a key's access not looked at.
TEST_F(RegistryTest, OnlyAKeyHandleWithQueryAccessReads) {
    with_parameters([](HANDLE) {
        ULONG length = 0;
        std::vector<unsigned char> buffer(64);
        EXPECT_EQ(query(nullptr, u"SlotCount", buffer, &length), STATUS_INVALID_HANDLE);
        HANDLE process = nullptr;
        ObOpenObjectByPointer(PsInitialSystemProcess, OBJ_KERNEL_HANDLE, nullptr, 0, nullptr, KernelMode, &process);
        EXPECT_EQ(query(process, u"SlotCount", buffer, &length), STATUS_OBJECT_TYPE_MISMATCH);
        ZwClose(process);
        HANDLE blind = nullptr;
        ASSERT_EQ(open_key(nullptr, kParameters, &blind, READ_CONTROL), STATUS_SUCCESS);
        EXPECT_EQ(query(blind, u"SlotCount", buffer, &length), STATUS_ACCESS_DENIED);
        ZwClose(blind);
    });
}

TEST_F(RegistryTest, ALeftKeyHandleIsNamed) {
    driver_hooks().entry = [](PDRIVER_OBJECT, PUNICODE_STRING path) {
        HANDLE key = nullptr;
        OBJECT_ATTRIBUTES attributes;
        InitializeObjectAttributes(&attributes, path, OBJ_KERNEL_HANDLE, nullptr, nullptr);
        ZwOpenKey(&key, KEY_READ, &attributes);
        return STATUS_UNSUCCESSFUL;
    };
    AEGIS_EXPECT_STOP(load(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "kernel handle to key .*Services.AegisMon");
}

}  // namespace
}  // namespace aegis::test
