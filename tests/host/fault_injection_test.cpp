// Kernel calls made to fail by number.
#include <string>
#include <vector>

#include "driver/consumers/mapping_guard.h"
#include "driver/host/executive/etw/trace_providers.hpp"
#include "driver/host/executive/memory/user_memory.hpp"
#include "driver/host/executive/processes/image_routines.hpp"
#include "driver/host/executive/processes/thread_routines.hpp"
#include "driver/host/executive/registry/callbacks.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

using FaultInjection = ExecutiveTest;

// Catches: counting from 0; a call counted twice; names that are not the call's.
TEST_F(FaultInjection, FailsTheCallOfThatNumber) {
    const auto allocate_three = [] {
        std::string pattern;
        for (int index = 0; index < 3; ++index) {
            PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 16, kTag);
            pattern += block != nullptr ? '.' : 'x';
            if (block != nullptr) {
                ExFreePoolWithTag(block, kTag);
            }
        }
        return pattern;
    };
    executive().faults().arm(2);
    EXPECT_EQ(allocate_three(), ".x.");
    EXPECT_EQ(executive().faults().calls(), 3U);
    EXPECT_EQ(executive().faults().failed(), (std::vector<std::string>{"ExAllocatePoolWithTag"}));
    executive().faults().arm(1, 3);
    EXPECT_EQ(allocate_three(), "x.x");
    executive().faults().reset();
    EXPECT_EQ(allocate_three(), "...");
    EXPECT_TRUE(executive().faults().failed().empty());
}

// The test driver's load makes two calls that can fail; whichever fails, nothing is left.
// Catches: the executive's own calls counted as the driver's; a failure that is not passed on.
TEST_F(FaultInjection, WalksEveryCallOfALoad) {
    std::vector<std::string> failed;
    for (std::uint64_t call = 1;; ++call) {
        executive().faults().arm(call);
        const NTSTATUS status = load();
        if (executive().faults().failed().empty()) {
            EXPECT_EQ(status, STATUS_SUCCESS);
            break;
        }
        EXPECT_EQ(status, STATUS_INSUFFICIENT_RESOURCES);
        failed.push_back(executive().faults().failed().front());
    }
    EXPECT_EQ(failed, (std::vector<std::string>{"IoCreateDevice", "IoCreateSymbolicLink"}));
}

// Each call that can fail fails the way its callers expect.
// Catches: a call without a choke point; one that fails after it took effect (the executive then finds the leak).
TEST_F(FaultInjection, EveryFallibleCallFailsItsOwnWay) {
    const host::ProcessRef process = client(100);
    const auto fails = [&](const auto& call) {
        executive().faults().arm(1);
        const auto result = call();
        EXPECT_EQ(executive().faults().failed().size(), 1U);
        executive().faults().reset();
        return result;
    };
    in_driver([&] {
        MappablePages pages(PAGE_SIZE);
        ACL acl{};
        SECURITY_DESCRIPTOR descriptor{};
        RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
        UNICODE_STRING name = counted(u"KeQuerySystemTimePrecise");
        UNICODE_STRING key_name = counted(u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\AegisMon");
        OBJECT_ATTRIBUTES attributes;
        InitializeObjectAttributes(&attributes, &key_name, OBJ_KERNEL_HANDLE, nullptr, nullptr);
        HANDLE handle = nullptr;
        PVOID object = nullptr;
        ULONG length = 0;
        UUID uuid{};
        PEPROCESS found = nullptr;
        std::uint64_t provider = 0;
        const host::EtwDescriptor trace{0, 0, 11, 1, 0, 0, 1};
        const std::string_view me("\x05\0Me\0", 5);
        const std::string_view boom("\x08\0\0Boom\0", 8);
        host::EtwData data[] = {{reinterpret_cast<std::uintptr_t>(me.data()), 5, 2},
                                {reinterpret_cast<std::uintptr_t>(boom.data()), 8, 1}};
        EXPECT_EQ(fails([] { return ExAllocatePoolWithTag(PagedPool, 1, kTag); }), nullptr);
        EXPECT_EQ(fails([] { return IoAllocateMdl(nullptr, 1, FALSE, FALSE, nullptr); }), nullptr);
        EXPECT_EQ(fails([&] { return MmGetSystemRoutineAddress(&name); }), nullptr);
        {
            const host::ProcessScope scope(*process, UserMode);
            EXPECT_EQ(fails([&] {
                          return AegisGuardedMapLockedPages(pages.mdl, UserMode, MmCached, nullptr, FALSE,
                                                            NormalPagePriority);
                      }),
                      nullptr);
        }
        EXPECT_EQ(fails([&] { return ExUuidCreate(&uuid); }), STATUS_RETRY);
        EXPECT_EQ(fails([&] { return EtwRegister(&uuid, nullptr, nullptr, &provider); }), STATUS_NO_MEMORY);
        EXPECT_EQ(EtwRegister(&uuid, nullptr, nullptr, &provider), STATUS_SUCCESS);
        EXPECT_EQ(fails([&] { return EtwSetInformation(provider, 2, nullptr, 0); }), STATUS_NO_MEMORY);
        EXPECT_EQ(fails([&] { return EtwWrite(provider, &trace, nullptr, 2, data); }), STATUS_NO_MEMORY);
        EXPECT_EQ(EtwUnregister(provider), STATUS_SUCCESS);
        EXPECT_EQ(fails([&] {
                      return ObReferenceObjectByHandle(NtCurrentProcess(), 0, nullptr, KernelMode, &object, nullptr);
                  }),
                  STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(fails([&] {
                      return ObOpenObjectByPointer(PsInitialSystemProcess, OBJ_KERNEL_HANDLE, nullptr, 0, nullptr,
                                                   KernelMode, &handle);
                  }),
                  STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(fails([&] { return ZwSetSecurityObject(nullptr, DACL_SECURITY_INFORMATION, &descriptor); }),
                  STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(fails([&] { return ZwQuerySecurityObject(nullptr, DACL_SECURITY_INFORMATION, nullptr, 0, &length); }),
                  STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(fails([&] { return ZwOpenKey(&handle, KEY_READ, &attributes); }), STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(
            fails([&] { return ZwQueryValueKey(nullptr, &name, KeyValuePartialInformation, nullptr, 0, &length); }),
            STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(fails([&] { return RtlCreateAcl(&acl, sizeof(acl), ACL_REVISION); }), STATUS_BUFFER_TOO_SMALL);
        EXPECT_EQ(fails([&] { return RtlAddAccessAllowedAce(&acl, ACL_REVISION, 1, SeExports->SeWorldSid); }),
                  STATUS_ALLOTTED_SPACE_EXCEEDED);
        EXPECT_EQ(fails([&] { return RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION); }),
                  STATUS_UNKNOWN_REVISION);
        EXPECT_EQ(fails([&] { return RtlSetDaclSecurityDescriptor(&descriptor, TRUE, &acl, FALSE); }),
                  STATUS_UNKNOWN_REVISION);
        EXPECT_EQ(fails([&] { return PsLookupProcessByProcessId(reinterpret_cast<HANDLE>(100), &found); }),
                  STATUS_INVALID_CID);
        EXPECT_EQ(fails([] { return CmRegisterCallbackEx(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr); }),
                  STATUS_INSUFFICIENT_RESOURCES);
        SIZE_T copied = 0;
        EXPECT_EQ(fails([&] { return MmCopyMemory(&object, &object, 1, MM_COPY_MEMORY_VIRTUAL, &copied); }),
                  STATUS_ACCESS_VIOLATION);
        EXPECT_EQ(fails([&] { return PsSetLoadImageNotifyRoutine(nullptr); }), STATUS_INSUFFICIENT_RESOURCES);
        EXPECT_EQ(fails([&] { return PsSetLoadImageNotifyRoutineEx(nullptr, 0); }), STATUS_INSUFFICIENT_RESOURCES);
        PETHREAD thread = nullptr;
        EXPECT_EQ(fails([&] { return PsLookupThreadByThreadId(reinterpret_cast<HANDLE>(100), &thread); }),
                  STATUS_INVALID_CID);
        EXPECT_EQ(fails([&] {
                      return ZwQueryInformationThread(nullptr, ThreadQuerySetWin32StartAddress, &object, sizeof(object),
                                                      nullptr);
                  }),
                  STATUS_INSUFFICIENT_RESOURCES);
        pages.release();
    });
    executive().exit_process(process);
}

}  // namespace
}  // namespace aegis::test
