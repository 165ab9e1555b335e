// Callbacks on handles to processes and threads: who is told of what, what they may change, and what they must not.
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "driver/host/executive/sync/thread_state.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

constexpr ACCESS_MASK kTerminate = 0x0001;
constexpr ACCESS_MASK kVmRead = 0x0010;
constexpr ACCESS_MASK kDupHandle = 0x0040;
constexpr ACCESS_MASK kAllAccess = 0x1FFFFF;
constexpr std::uint32_t kOpener = 100;
constexpr std::uint32_t kTarget = 200;
constexpr std::uint32_t kThread = 0x00800014;
constexpr OB_OPERATION kBoth = OB_OPERATION_HANDLE_CREATE | OB_OPERATION_HANDLE_DUPLICATE;

std::uint32_t number(HANDLE id) {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(id));
}

// What the routines below do; set while they are not registered.
struct Hooks {
    std::function<void(POB_PRE_OPERATION_INFORMATION)> before;
    std::function<void(POB_POST_OPERATION_INFORMATION)> after;
};
Hooks& hooks() {
    static Hooks all;
    return all;
}

OB_PREOP_CALLBACK_STATUS NTAPI before(PVOID, POB_PRE_OPERATION_INFORMATION info) {
    if (hooks().before) {
        hooks().before(info);
    }
    return OB_PREOP_SUCCESS;
}
void NTAPI after(PVOID, POB_POST_OPERATION_INFORMATION info) {
    if (hooks().after) {
        hooks().after(info);
    }
}
// Writes down which of two registrations is called.
std::vector<std::string>& heard() {
    static std::vector<std::string> all;
    return all;
}
OB_PREOP_CALLBACK_STATUS NTAPI before_named(PVOID name, POB_PRE_OPERATION_INFORMATION) {
    heard().push_back(std::string("before ") + static_cast<const char*>(name));
    return OB_PREOP_SUCCESS;
}
void NTAPI after_named(PVOID name, POB_POST_OPERATION_INFORMATION) {
    heard().push_back(std::string("after ") + static_cast<const char*>(name));
}
OB_PREOP_CALLBACK_STATUS NTAPI refusing(PVOID, POB_PRE_OPERATION_INFORMATION) {
    return static_cast<OB_PREOP_CALLBACK_STATUS>(1);
}

class ObjectCallbacks : public ExecutiveTest {
  protected:
    void SetUp() override {
        opener_ = client(kOpener);
        target_ = client(kTarget);
        host::ThreadCreation thread;
        thread.pid = kTarget;
        thread.tid = kThread;
        thread.creator = kTarget;
        executive().raise_thread_create(thread);
    }
    void TearDown() override {
        if (handle_ != nullptr) {
            ObUnRegisterCallbacks(handle_);
        }
        hooks() = {};
        heard().clear();
    }

    static OB_OPERATION_REGISTRATION operation(POBJECT_TYPE* type) { return {type, kBoth, &before, &after}; }

    NTSTATUS try_register(const char16_t* altitude, std::vector<OB_OPERATION_REGISTRATION> operations, PVOID context,
                          PVOID* handle) {
        OB_CALLBACK_REGISTRATION registration{OB_FLT_REGISTRATION_VERSION, static_cast<USHORT>(operations.size()),
                                              counted(altitude), context, operations.data()};
        return ObRegisterCallbacks(&registration, handle);
    }

    void watch(Hooks called, const char16_t* altitude = u"385000") {
        hooks() = std::move(called);
        ASSERT_EQ(try_register(altitude, {operation(PsProcessType), operation(PsThreadType)}, nullptr, &handle_),
                  STATUS_SUCCESS);
    }

    host::HandleResult open(ACCESS_MASK access = kAllAccess) {
        return executive().open_process(*opener_, kTarget, access);
    }
    ACCESS_MASK granted(host::ProcessHandle handle) { return executive().granted_access(*opener_, handle).value_or(0); }

    host::ProcessRef opener_;
    host::ProcessRef target_;
    PVOID handle_ = nullptr;
};

// Catches: another context, IRQL or region than NT's; masks, objects or flags that are another's; a context that does
// not come back.
TEST_F(ObjectCallbacks, AnOpenIsToldBeforeAndAfterOnTheThreadThatOpens) {
    int calls = 0;
    watch({[&](POB_PRE_OPERATION_INFORMATION info) {
               ++calls;
               EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
               EXPECT_EQ(host::this_thread().critical_regions, 1U);
               EXPECT_EQ(number(PsGetCurrentProcessId()), kOpener);
               EXPECT_EQ(info->Operation, OB_OPERATION_HANDLE_CREATE);
               EXPECT_EQ(info->Flags, 0U);
               EXPECT_EQ(info->ObjectType, *PsProcessType);
               EXPECT_EQ(number(PsGetProcessId(static_cast<PEPROCESS>(info->Object))), kTarget);
               const auto& access = info->Parameters->CreateHandleInformation;
               EXPECT_EQ(access.DesiredAccess, kTerminate | kVmRead);
               EXPECT_EQ(access.OriginalDesiredAccess, kTerminate | kVmRead);
               EXPECT_EQ(info->CallContext, nullptr);
               info->CallContext = &calls;
           },
           [&](POB_POST_OPERATION_INFORMATION info) {
               ++calls;
               EXPECT_EQ(info->CallContext, &calls);
               EXPECT_EQ(info->ReturnStatus, STATUS_SUCCESS);
               EXPECT_EQ(info->Parameters->CreateHandleInformation.GrantedAccess, kTerminate | kVmRead);
           }});
    const host::HandleResult opened = open(kTerminate | kVmRead);
    EXPECT_EQ(opened.status, STATUS_SUCCESS);
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(granted(opened.handle), kTerminate | kVmRead);
}

// Catches: generic rights that callbacks get to see, or MAXIMUM_ALLOWED.
TEST_F(ObjectCallbacks, RightsAreNamedOneByOne) {
    std::vector<ACCESS_MASK> seen;
    watch({[&](POB_PRE_OPERATION_INFORMATION info) {
               seen.push_back(info->Parameters->CreateHandleInformation.OriginalDesiredAccess);
           },
           {}});
    open(GENERIC_READ);
    open(GENERIC_ALL);
    open(MAXIMUM_ALLOWED);
    EXPECT_EQ(seen, (std::vector<ACCESS_MASK>{0x20410, kAllAccess, kAllAccess}));
}

TEST_F(ObjectCallbacks, WhatIsTakenIsNotGranted) {
    watch({[](POB_PRE_OPERATION_INFORMATION info) {
               info->Parameters->CreateHandleInformation.DesiredAccess &= ~kTerminate;
           },
           [](POB_POST_OPERATION_INFORMATION info) {
               EXPECT_EQ(info->Parameters->CreateHandleInformation.GrantedAccess, kAllAccess & ~kTerminate);
           }});
    EXPECT_EQ(granted(open().handle), kAllAccess & ~kTerminate);
    const host::HandleResult thread = executive().open_thread(*opener_, kThread, kAllAccess);
    EXPECT_EQ(granted(thread.handle), kAllAccess & ~kTerminate);
}

// Catches: a thread told as a process; a thread whose process is another one.
TEST_F(ObjectCallbacks, AThreadIsToldWithItsProcess) {
    int calls = 0;
    watch({[&](POB_PRE_OPERATION_INFORMATION info) {
               ++calls;
               EXPECT_EQ(info->ObjectType, *PsThreadType);
               auto* const thread = static_cast<PETHREAD>(info->Object);
               EXPECT_EQ(number(PsGetThreadId(thread)), kThread);
               EXPECT_EQ(number(PsGetProcessId(IoThreadToProcess(thread))), kTarget);
           },
           {}});
    EXPECT_EQ(executive().open_thread(*opener_, kThread, kTerminate).status, STATUS_SUCCESS);
    EXPECT_EQ(executive().open_thread(*opener_, kThread + 1, kTerminate).status, STATUS_INVALID_CID);
    EXPECT_EQ(executive().open_process(*opener_, 12345, kTerminate).status, STATUS_INVALID_CID);
    EXPECT_EQ(calls, 1);
}

// Catches: the two processes of a duplicate confused; a duplicate of more than its source is told of, or granted.
TEST_F(ObjectCallbacks, ADuplicateNamesBothProcesses) {
    const host::ProcessRef third = client(300);
    const host::HandleResult opened = open(kTerminate | kVmRead);
    int calls = 0;
    watch({[&](POB_PRE_OPERATION_INFORMATION info) {
               ++calls;
               EXPECT_EQ(info->Operation, OB_OPERATION_HANDLE_DUPLICATE);
               const auto& access = info->Parameters->DuplicateHandleInformation;
               EXPECT_EQ(number(PsGetProcessId(static_cast<PEPROCESS>(access.SourceProcess))), kOpener);
               EXPECT_EQ(number(PsGetProcessId(static_cast<PEPROCESS>(access.TargetProcess))), 300U);
               EXPECT_EQ(access.OriginalDesiredAccess, kTerminate | kVmRead);
           },
           {}});
    EXPECT_EQ(executive().duplicate_handle(*opener_, opened.handle, *third).status, STATUS_SUCCESS);
    EXPECT_EQ(executive().duplicate_handle(*opener_, opened.handle, *third, kAllAccess).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(calls, 1);
}

// The usual way to get at everything of a process: its pseudo handle, duplicated by somebody else.
// Catches: a duplicate without the right to duplicate; the pseudo handle of another process.
TEST_F(ObjectCallbacks, AThirdProcessDuplicatesWithThatRight) {
    const host::ProcessHandle with = open(kDupHandle).handle;
    const host::ProcessHandle without = open(kTerminate).handle;
    const auto duplicate = [&](host::ProcessHandle source) {
        return executive().duplicate_between(*opener_, source, host::kCurrentProcess, host::kCurrentProcess);
    };
    EXPECT_EQ(duplicate(without).status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(duplicate(0x1230).status, STATUS_INVALID_HANDLE);
    const host::HandleResult all = duplicate(with);
    EXPECT_EQ(all.status, STATUS_SUCCESS);
    EXPECT_EQ(granted(all.handle), kAllAccess);
}

TEST_F(ObjectCallbacks, OfTwoTheHigherIsToldFirstAndLastBehindIt) {
    char low[] = "low";
    char high[] = "high";
    PVOID handles[2] = {};
    const OB_OPERATION_REGISTRATION named{PsProcessType, kBoth, &before_named, &after_named};
    ASSERT_EQ(try_register(u"99999.5", {named}, low, &handles[0]), STATUS_SUCCESS);
    ASSERT_EQ(try_register(u"385000", {named}, high, &handles[1]), STATUS_SUCCESS);
    open();
    EXPECT_EQ(heard(), (std::vector<std::string>{"before high", "before low", "after low", "after high"}));
    for (const PVOID handle : handles) {
        ObUnRegisterCallbacks(handle);
    }
    heard().clear();
    open();
    EXPECT_TRUE(heard().empty());
}

// Catches: altitudes compared as texts.
TEST_F(ObjectCallbacks, AnAltitudeIsTakenOnce) {
    watch({});
    PVOID other = nullptr;
    for (const char16_t* const same : {u"385000", u"0385000", u"385000.0"}) {
        EXPECT_EQ(try_register(same, {operation(PsProcessType)}, nullptr, &other),
                  STATUS_FLT_INSTANCE_ALTITUDE_COLLISION);
    }
    EXPECT_EQ(try_register(u"385000.1", {operation(PsProcessType)}, nullptr, &other), STATUS_SUCCESS);
    ObUnRegisterCallbacks(other);
}

TEST_F(ObjectCallbacks, ARegistrationThatSaysNothingIsNotTaken) {
    PVOID handle = nullptr;
    OB_OPERATION_REGISTRATION wrong = operation(PsProcessType);
    wrong.Operations = 0;
    EXPECT_EQ(try_register(u"1", {wrong}, nullptr, &handle), STATUS_INVALID_PARAMETER);
    wrong.Operations = 4;
    EXPECT_EQ(try_register(u"1", {wrong}, nullptr, &handle), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(try_register(u"1", {operation(ExEventObjectType)}, nullptr, &handle), STATUS_INVALID_PARAMETER);
    wrong = {PsProcessType, kBoth, nullptr, nullptr};
    EXPECT_EQ(try_register(u"1", {wrong}, nullptr, &handle), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(try_register(u"1", {}, nullptr, &handle), STATUS_INVALID_PARAMETER);
    OB_CALLBACK_REGISTRATION registration{0x200, 1, counted(u"1"), nullptr, &wrong};
    EXPECT_EQ(ObRegisterCallbacks(&registration, &handle), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(ObGetFilterVersion(), OB_FLT_REGISTRATION_VERSION);
}

// A kernel's handle is told, and marked.
TEST_F(ObjectCallbacks, AHandleOfTheKernelIsMarked) {
    int calls = 0;
    watch({[&](POB_PRE_OPERATION_INFORMATION info) { calls += info->KernelHandle == 1 ? 1 : 100; }, {}});
    PEPROCESS process = nullptr;
    ASSERT_EQ(PsLookupProcessByProcessId(reinterpret_cast<HANDLE>(std::uintptr_t{kTarget}), &process), STATUS_SUCCESS);
    HANDLE handle = nullptr;
    EXPECT_EQ(
        ObOpenObjectByPointer(process, OBJ_KERNEL_HANDLE, nullptr, kTerminate, *PsProcessType, KernelMode, &handle),
        STATUS_SUCCESS);
    EXPECT_EQ(ZwClose(handle), STATUS_SUCCESS);
    ObDereferenceObject(process);
    EXPECT_EQ(calls, 1);
}

TEST_F(ObjectCallbacks, StopsOnBitsThatAreAdded) {
    watch(
        {[](POB_PRE_OPERATION_INFORMATION info) { info->Parameters->CreateHandleInformation.DesiredAccess |= kVmRead; },
         {}});
    AEGIS_EXPECT_STOP(open(kTerminate), "DRIVER_VERIFIER_DETECTED_VIOLATION", "added the rights 0x10 to .*process 200");
}

TEST_F(ObjectCallbacks, StopsOnAChangeOfAHandleOfTheKernel) {
    watch(
        {[](POB_PRE_OPERATION_INFORMATION info) { info->Parameters->CreateHandleInformation.DesiredAccess = 0; }, {}});
    AEGIS_EXPECT_STOP(
        {
            HANDLE handle = nullptr;
            ObOpenObjectByPointer(PsInitialSystemProcess, OBJ_KERNEL_HANDLE, nullptr, kTerminate, *PsProcessType,
                                  KernelMode, &handle);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "rights of a kernel handle to process 4");
}

TEST_F(ObjectCallbacks, StopsOnWritesToWhatIsOnlyRead) {
    watch({[](POB_PRE_OPERATION_INFORMATION info) {
               info->Parameters->CreateHandleInformation.OriginalDesiredAccess = 0;
           },
           {}});
    AEGIS_EXPECT_STOP(open(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "only may read");
}

TEST_F(ObjectCallbacks, StopsOnAnAnswerThatIsNone) {
    const OB_OPERATION_REGISTRATION wrong{PsProcessType, kBoth, &refusing, nullptr};
    ASSERT_EQ(try_register(u"1", {wrong}, nullptr, &handle_), STATUS_SUCCESS);
    AEGIS_EXPECT_STOP(open(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "only may read");
}

TEST_F(ObjectCallbacks, StopsOnARemovalFromInside) {
    watch({{}, [this](POB_POST_OPERATION_INFORMATION) { ObUnRegisterCallbacks(handle_); }});
    AEGIS_EXPECT_STOP(open(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "inside of its own callback");
}

TEST_F(ObjectCallbacks, StopsOnASecondRemoval) {
    watch({});
    const PVOID handle = std::exchange(handle_, nullptr);
    ObUnRegisterCallbacks(handle);
    AEGIS_EXPECT_STOP(ObUnRegisterCallbacks(handle), "DRIVER_VERIFIER_DETECTED_VIOLATION", "none any more");
}

TEST_F(ObjectCallbacks, StopsOnACallbackBehindAnOperationWithoutTheOneBefore) {
    OB_OPERATION_REGISTRATION wrong = operation(PsProcessType);
    wrong.PreOperation = nullptr;
    PVOID handle = nullptr;
    AEGIS_EXPECT_STOP(try_register(u"1", {wrong}, nullptr, &handle), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "without the one before it");
}

TEST_F(ObjectCallbacks, StopsOnCodeOutsideOfEveryImage) {
    static char data[64];
    OB_OPERATION_REGISTRATION wrong = operation(PsProcessType);
    wrong.PostOperation = reinterpret_cast<POB_POST_OPERATION_CALLBACK>(data);
    PVOID handle = nullptr;
    AEGIS_EXPECT_STOP(try_register(u"1", {wrong}, nullptr, &handle), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "outside of every image");
}

TEST_F(ObjectCallbacks, StopsOnAnAltitudeThatIsNoNumber) {
    PVOID handle = nullptr;
    for (const char16_t* const wrong : {u"", u"high", u"385000.", u".5", u"-1"}) {
        AEGIS_EXPECT_STOP(try_register(wrong, {operation(PsProcessType)}, nullptr, &handle),
                          "DRIVER_VERIFIER_DETECTED_VIOLATION", "no decimal number");
    }
}

TEST_F(ObjectCallbacks, StopsWhenOneIsLeftAtUnload) {
    AEGIS_EXPECT_STOP(in_driver([this] { try_register(u"7", {operation(PsProcessType)}, nullptr, &handle_); }),
                      "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS", "object callbacks at altitude 7");
}

TEST_F(ObjectCallbacks, StopsWhenACallbackReturnsAtAnotherIrql) {
    watch({[](POB_PRE_OPERATION_INFORMATION) { host::change_irql(APC_LEVEL); }, {}});
    AEGIS_EXPECT_STOP(open(), "IRQL_NOT_LESS_OR_EQUAL", "an object callback before an operation was called at IRQL 0");
}

// Catches: a removal that returns between the two calls of an operation; a call that begins after it.
TEST_F(ObjectCallbacks, ARemovalWaitsForOperationsInFlight) {
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> inside{0};
        std::atomic<bool> removed{false};
        std::atomic<bool> stop{false};
        std::atomic<int> calls{0};
        watch({[&](POB_PRE_OPERATION_INFORMATION) {
                   EXPECT_FALSE(removed.load());
                   ++inside;
                   ++calls;
                   std::this_thread::yield();
               },
               [&](POB_POST_OPERATION_INFORMATION) { --inside; }});
        std::vector<std::thread> openers;
        for (int i = 0; i < 3; ++i) {
            openers.emplace_back([&] {
                while (!stop.load()) {
                    executive().close(*opener_, open().handle);
                }
            });
        }
        while (calls.load() < 30) {
            std::this_thread::yield();
        }
        ObUnRegisterCallbacks(std::exchange(handle_, nullptr));
        EXPECT_EQ(inside.load(), 0);
        removed = true;
        stop = true;
        for (std::thread& opener : openers) {
            opener.join();
        }
    }
}

TEST_F(ObjectCallbacks, ARegistrationCanFail) {
    PVOID handle = nullptr;
    executive().faults().arm(1);
    EXPECT_EQ(try_register(u"1", {operation(PsProcessType)}, nullptr, &handle), STATUS_INSUFFICIENT_RESOURCES);
    EXPECT_EQ(executive().faults().failed(), std::vector<std::string>{"ObRegisterCallbacks"});
    executive().faults().reset();
}

// Catches: a name of another process; a block that is freed with another tag, or not at all.
TEST_F(ObjectCallbacks, AProcessIsNamedByThePathOfItsProgram) {
    host::ProcessCreation creation;
    creation.pid = kTarget;
    creation.image_path = u"\\Device\\a.exe";
    creation.is_protected = true;
    executive().raise_process_create(creation);
    in_driver([] {
        PEPROCESS process = nullptr;
        ASSERT_EQ(PsLookupProcessByProcessId(reinterpret_cast<HANDLE>(std::uintptr_t{kTarget}), &process),
                  STATUS_SUCCESS);
        PUNICODE_STRING name = nullptr;
        ASSERT_EQ(SeLocateProcessImageName(process, &name), STATUS_SUCCESS);
        EXPECT_EQ(std::u16string_view(reinterpret_cast<const char16_t*>(name->Buffer), name->Length / sizeof(WCHAR)),
                  u"\\Device\\a.exe");
        ExFreePool(name);
        ObDereferenceObject(process);
    });
}

}  // namespace
}  // namespace aegis::test
