// Registry callbacks: who hears of what, in which order, and the rules that others broke.
#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "driver/host/executive/memory/user_memory.hpp"
#include "driver/host/executive/registry/callbacks.hpp"
#include "driver/host/executive/registry/key_names.hpp"
#include "driver/host/executive/registry/registry_activity.hpp"
#include "driver/host/executive/registry/registry_client.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

constexpr std::int64_t kTime = 0x01DC000012345678;
constexpr std::uint32_t kPid = 0x00800010;
constexpr std::uint32_t kTid = 0x00800014;
constexpr std::u16string_view kKey = u"\\REGISTRY\\MACHINE\\SOFTWARE\\x";

using Callback = std::function<NTSTATUS(REG_NOTIFY_CLASS, PVOID)>;

// What the callbacks below do; set while they are not registered.
Callback& hook(int which = 0) {
    static Callback hooks[2];
    return hooks[which];
}

REG_NOTIFY_CLASS class_of(PVOID which) {
    return static_cast<REG_NOTIFY_CLASS>(reinterpret_cast<std::uintptr_t>(which));
}

NTSTATUS NTAPI first(PVOID, PVOID which, PVOID argument) {
    return hook(0)(class_of(which), argument);
}
NTSTATUS NTAPI second(PVOID, PVOID which, PVOID argument) {
    return hook(1)(class_of(which), argument);
}

class RegistryCallback : public ExecutiveTest {
  protected:
    void TearDown() override {
        while (!cookies_.empty()) {
            remove();
        }
        hook(0) = nullptr;
        hook(1) = nullptr;
    }

    NTSTATUS add(PEX_CALLBACK_FUNCTION function, const char16_t* altitude) {
        UNICODE_STRING text = counted(altitude);
        LARGE_INTEGER cookie{};
        const NTSTATUS status = CmRegisterCallbackEx(function, &text, nullptr, nullptr, &cookie, nullptr);
        if (NT_SUCCESS(status)) {
            cookies_.push_back(cookie);
        }
        return status;
    }
    void remove() {
        EXPECT_EQ(CmUnRegisterCallback(cookies_.back()), STATUS_SUCCESS);
        cookies_.pop_back();
    }
    void watch(Callback called) {
        hook() = std::move(called);
        ASSERT_EQ(add(&first, u"385000"), STATUS_SUCCESS);
    }
    PLARGE_INTEGER cookie() { return &cookies_.front(); }

    static host::RegistryChange change(host::RegistryChangeKind kind = host::RegistryChangeKind::kSetValue) {
        host::RegistryChange change;
        change.kind = kind;
        change.pid = kPid;
        change.tid = kTid;
        change.key = kKey;
        change.name = u"value";
        change.timestamp = kTime;
        return change;
    }

  private:
    std::vector<LARGE_INTEGER> cookies_;
};

std::u16string text_of(PCUNICODE_STRING string) {
    return {reinterpret_cast<const char16_t*>(string->Buffer), string->Length / sizeof(WCHAR)};
}

// Catches: another context than the caller's; a post without the status, or with another pre's information.
TEST_F(RegistryCallback, ACallIsToldBeforeAndAfterOnItsThread) {
    std::vector<REG_NOTIFY_CLASS> heard;
    PVOID information = nullptr;
    watch([&](REG_NOTIFY_CLASS which, PVOID argument) {
        heard.push_back(which);
        EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
        EXPECT_EQ(PsGetCurrentProcessId(), reinterpret_cast<HANDLE>(std::uintptr_t{kPid}));
        EXPECT_EQ(PsGetCurrentThreadId(), reinterpret_cast<HANDLE>(std::uintptr_t{kTid}));
        EXPECT_EQ(ExGetPreviousMode(), UserMode);
        if (which == RegNtPreSetValueKey) {
            auto* const set = static_cast<PREG_SET_VALUE_KEY_INFORMATION>(argument);
            EXPECT_EQ(text_of(set->ValueName), u"value");
            information = argument;
            set->CallContext = &heard;
        } else {
            const auto* const post = static_cast<PREG_POST_OPERATION_INFORMATION>(argument);
            EXPECT_EQ(post->Status, STATUS_QUOTA_EXCEEDED);
            EXPECT_EQ(post->PreInformation, information);
            EXPECT_EQ(post->CallContext, &heard);
        }
        return STATUS_SUCCESS;
    });
    host::RegistryChange set = change();
    set.status = STATUS_QUOTA_EXCEEDED;
    EXPECT_EQ(host::report_registry_change(set), STATUS_QUOTA_EXCEEDED);
    EXPECT_EQ(heard, (std::vector{RegNtPreSetValueKey, RegNtPostSetValueKey}));
}

// Catches: the lower one asked first; the end told in the order of the beginning; a context that is the other's; a
// callback that refused and hears of the end; one above it that does not.
TEST_F(RegistryCallback, TheHigherAltitudeIsAskedFirstAndARefusalEndsIt) {
    std::vector<std::string> heard;
    bool refuse = false;
    const auto told = [&](const char* who, bool refuses) {
        return [&heard, &refuse, who, refuses](REG_NOTIFY_CLASS which, PVOID argument) {
            const bool pre = which == RegNtPreSetValueKey;
            heard.push_back(std::string(who) + (pre ? " before" : " after"));
            if (!pre) {
                const auto* const post = static_cast<PREG_POST_OPERATION_INFORMATION>(argument);
                EXPECT_STREQ(static_cast<const char*>(post->CallContext), who);
                EXPECT_EQ(post->Status, refuse ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
                return STATUS_SUCCESS;
            }
            if (refuses && refuse) {
                return STATUS_ACCESS_DENIED;
            }
            static_cast<PREG_SET_VALUE_KEY_INFORMATION>(argument)->CallContext = const_cast<char*>(who);
            return STATUS_SUCCESS;
        };
    };
    hook(0) = told("low", true);
    hook(1) = told("high", false);
    ASSERT_EQ(add(&first, u"99000"), STATUS_SUCCESS);
    ASSERT_EQ(add(&second, u"385000.5"), STATUS_SUCCESS);
    EXPECT_EQ(host::report_registry_change(change()), STATUS_SUCCESS);
    EXPECT_EQ(heard, (std::vector<std::string>{"high before", "low before", "low after", "high after"}));
    heard.clear();
    refuse = true;
    EXPECT_EQ(host::report_registry_change(change()), STATUS_ACCESS_DENIED);
    EXPECT_EQ(heard, (std::vector<std::string>{"high before", "low before", "high after"}));
}

TEST_F(RegistryCallback, AnAltitudeIsOnesOwn) {
    hook(0) = hook(1) = [](REG_NOTIFY_CLASS, PVOID) { return STATUS_SUCCESS; };
    EXPECT_EQ(add(&first, u"385000"), STATUS_SUCCESS);
    EXPECT_EQ(add(&second, u"385000"), STATUS_FLT_INSTANCE_ALTITUDE_COLLISION);
    EXPECT_EQ(add(&second, u"no number"), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(add(&second, u"385001"), STATUS_SUCCESS);
}

// Catches: a link followed in silence; what stands behind it told relative to the key in front of it.
TEST_F(RegistryCallback, ACreateThroughALinkIsToldTwice) {
    struct Told {
        std::u16string name;
        bool relative;
        NTSTATUS status;
        ULONG disposition;
    };
    std::vector<Told> heard;
    watch([&](REG_NOTIFY_CLASS which, PVOID argument) {
        if (which == RegNtPreCreateKeyEx) {
            const auto* const create = static_cast<PREG_CREATE_KEY_INFORMATION_V1>(argument);
            PCUNICODE_STRING root = nullptr;
            EXPECT_EQ(CmCallbackGetKeyObjectIDEx(cookie(), create->RootObject, nullptr, &root, 0), STATUS_SUCCESS);
            heard.push_back({text_of(create->CompleteName), text_of(root) != u"\\REGISTRY", STATUS_PENDING, 0});
            CmCallbackReleaseKeyObjectIDEx(root);
        } else if (which == RegNtPostCreateKeyEx) {
            const auto* const post = static_cast<PREG_POST_OPERATION_INFORMATION>(argument);
            heard.back().status = post->Status;
            heard.back().disposition = *static_cast<PREG_CREATE_KEY_INFORMATION_V1>(post->PreInformation)->Disposition;
        }
        return STATUS_SUCCESS;
    });
    const host::ProcessRef process = client(100);
    host::RegistryClient registry(*process);
    const host::ProcessHandle system = registry.open(u"\\REGISTRY\\MACHINE\\SYSTEM").handle;
    for (const ULONG disposition : {REG_CREATED_NEW_KEY, REG_OPENED_EXISTING_KEY}) {
        heard.clear();
        EXPECT_EQ(registry.create(u"CurrentControlSet\\Services\\x", system).status, STATUS_SUCCESS);
        ASSERT_EQ(heard.size(), 2U);
        EXPECT_EQ(heard[0].name, u"CurrentControlSet\\Services\\x");
        EXPECT_TRUE(heard[0].relative);
        EXPECT_EQ(heard[0].status, STATUS_REPARSE);
        EXPECT_EQ(heard[1].name, u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\x");
        EXPECT_FALSE(heard[1].relative);
        EXPECT_EQ(heard[1].status, STATUS_SUCCESS);
        EXPECT_EQ(heard[1].disposition, disposition);
    }
    executive().exit_process(process);
}

// Catches: the name after a rename told before it; a key that is gone which still has one.
TEST_F(RegistryCallback, ANameIsTheKeysOwnAtTheMoment) {
    std::vector<std::u16string> names;
    watch([&](REG_NOTIFY_CLASS which, PVOID argument) {
        const bool pre = which == RegNtPreRenameKey || which == RegNtPreDeleteKey;
        PVOID object = pre ? static_cast<PREG_RENAME_KEY_INFORMATION>(argument)->Object
                           : static_cast<PREG_POST_OPERATION_INFORMATION>(argument)->Object;
        PCUNICODE_STRING name = nullptr;
        ULONG_PTR id = 0;
        const NTSTATUS status = CmCallbackGetKeyObjectIDEx(cookie(), object, &id, &name, 0);
        names.push_back(NT_SUCCESS(status) ? text_of(name) : u"none");
        if (NT_SUCCESS(status)) {
            EXPECT_NE(id, 0U);
            CmCallbackReleaseKeyObjectIDEx(name);
            EXPECT_EQ(CmCallbackGetKeyObjectIDEx(cookie(), object, nullptr, nullptr, 1), STATUS_INVALID_PARAMETER);
            // The older way: a name nobody gives back.
            EXPECT_EQ(CmCallbackGetKeyObjectID(cookie(), object, nullptr, &name), STATUS_SUCCESS);
            EXPECT_EQ(text_of(name), names.back());
        }
        return STATUS_SUCCESS;
    });
    host::report_registry_change(change(host::RegistryChangeKind::kRenameKey));
    host::report_registry_change(change(host::RegistryChangeKind::kDeleteKey));
    EXPECT_EQ(names, (std::vector<std::u16string>{std::u16string(kKey), u"\\REGISTRY\\MACHINE\\SOFTWARE\\value",
                                                  std::u16string(kKey), u"none"}));
}

// Catches: memory of a process that can be touched, or copied beyond what there is.
TEST_F(RegistryCallback, DataAreTheProcessesOwnMemory) {
    const std::string text = "twelve bytes";
    std::string copied(text.size() + 4, '.');
    SIZE_T bytes = 0;
    NTSTATUS status = STATUS_PENDING;
    watch([&](REG_NOTIFY_CLASS which, PVOID argument) {
        if (which == RegNtPreSetValueKey) {
            const auto* const set = static_cast<PREG_SET_VALUE_KEY_INFORMATION>(argument);
            status = MmCopyMemory(copied.data(), set->Data, set->DataSize, MM_COPY_MEMORY_VIRTUAL, &bytes);
            EXPECT_EQ(MmCopyMemory(copied.data(), set->Data, 1, MM_COPY_MEMORY_PHYSICAL, &bytes),
                      STATUS_INVALID_PARAMETER);
            bytes = 0;
            MmCopyMemory(copied.data(), set->Data, set->DataSize, MM_COPY_MEMORY_VIRTUAL, &bytes);
        }
        return STATUS_SUCCESS;
    });
    host::RegistryChange set = change();
    set.data = std::as_bytes(std::span(text));
    host::report_registry_change(set);
    EXPECT_EQ(status, STATUS_SUCCESS);
    EXPECT_EQ(bytes, text.size());
    EXPECT_EQ(copied, text + "....");
    // The caller says that it has more than it has.
    set.claimed = static_cast<ULONG>(text.size() + 4);
    host::report_registry_change(set);
    EXPECT_EQ(status, STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(bytes, text.size());
    // What a driver passes is its own, and can be touched.
    set.claimed.reset();
    set.kernel = true;
    host::report_registry_change(set);
    EXPECT_EQ(status, STATUS_SUCCESS);
}

TEST_F(RegistryCallback, RemovalWaitsForTheEndOfACallThatHasBegun) {
    std::atomic<bool> in_call = false;
    std::atomic<bool> may_end = false;
    std::atomic<int> ends = 0;
    watch([&](REG_NOTIFY_CLASS which, PVOID) {
        if (which == RegNtPreSetValueKey) {
            in_call = true;
            in_call.notify_all();
            may_end.wait(false);
        } else {
            ++ends;
        }
        return STATUS_SUCCESS;
    });
    std::thread caller([] { host::report_registry_change(change()); });
    in_call.wait(false);
    std::thread remover([&] {
        remove();
        EXPECT_EQ(ends, 1);
    });
    may_end = true;
    may_end.notify_all();
    remover.join();
    caller.join();
    host::report_registry_change(change());
    EXPECT_EQ(ends, 1);
}

// --- stops ---------------------------------------------------------------------------------------------------------

TEST_F(RegistryCallback, RemovalFromInside) {
    watch([&](REG_NOTIFY_CLASS, PVOID) { return CmUnRegisterCallback(*cookie()); });
    AEGIS_EXPECT_STOP(host::report_registry_change(change()), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "registry callback .* removes itself and waits for itself");
}

TEST_F(RegistryCallback, RemovedTwice) {
    watch([](REG_NOTIFY_CLASS, PVOID) { return STATUS_SUCCESS; });
    const LARGE_INTEGER cookie_of_one = *cookie();
    remove();
    AEGIS_EXPECT_STOP(CmUnRegisterCallback(cookie_of_one), "DRIVER_VERIFIER_DETECTED_VIOLATION", "removed twice");
    LARGE_INTEGER unknown{};
    unknown.QuadPart = 4711;
    EXPECT_EQ(CmUnRegisterCallback(unknown), STATUS_INVALID_PARAMETER);
}

TEST_F(RegistryCallback, AContextLeftByARefusal) {
    watch([](REG_NOTIFY_CLASS, PVOID argument) {
        static_cast<PREG_SET_VALUE_KEY_INFORMATION>(argument)->CallContext = argument;
        return STATUS_ACCESS_DENIED;
    });
    AEGIS_EXPECT_STOP(host::report_registry_change(change()), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "leaves a call context");
}

TEST_F(RegistryCallback, ANameReleasedTwice) {
    watch([&](REG_NOTIFY_CLASS, PVOID argument) {
        PCUNICODE_STRING name = nullptr;
        PVOID const object = static_cast<PREG_SET_VALUE_KEY_INFORMATION>(argument)->Object;
        EXPECT_EQ(CmCallbackGetKeyObjectIDEx(cookie(), object, nullptr, &name, 0), STATUS_SUCCESS);
        CmCallbackReleaseKeyObjectIDEx(name);
        CmCallbackReleaseKeyObjectIDEx(name);
        return STATUS_SUCCESS;
    });
    AEGIS_EXPECT_STOP(host::report_registry_change(change()), "BAD_POOL_CALLER", "was released before");
}

TEST_F(RegistryCallback, ANameNeverReleased) {
    const auto leak = [&] {
        in_driver([&] {
            watch([&](REG_NOTIFY_CLASS which, PVOID argument) {
                PCUNICODE_STRING name = nullptr;
                if (which == RegNtPreSetValueKey) {
                    CmCallbackGetKeyObjectIDEx(cookie(), static_cast<PREG_SET_VALUE_KEY_INFORMATION>(argument)->Object,
                                               nullptr, &name, 0);
                }
                return STATUS_SUCCESS;
            });
            host::report_registry_change(change());
            remove();
        });
    };
    AEGIS_EXPECT_STOP(leak(), "DRIVER_VERIFIER_DETECTED_VIOLATION", "name of the key .*SOFTWARE.*x not released");
}

TEST_F(RegistryCallback, ACallbackLeftRegistered) {
    const auto leak = [&] { in_driver([&] { watch([](REG_NOTIFY_CLASS, PVOID) { return STATUS_SUCCESS; }); }); };
    AEGIS_EXPECT_STOP(leak(), "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS",
                      "registry callback at altitude 385000 registered");
}

// The key's last handle is being closed: its object is none any more, before and after.
TEST_F(RegistryCallback, ANameAskedForAtTheEndOfAKey) {
    for (const REG_NOTIFY_CLASS asked : {RegNtPreKeyHandleClose, RegNtPostKeyHandleClose}) {
        watch([&, asked](REG_NOTIFY_CLASS which, PVOID argument) {
            if (which == asked) {
                PCUNICODE_STRING name = nullptr;
                // Object is the first member of both.
                CmCallbackGetKeyObjectIDEx(cookie(), static_cast<REG_POST_OPERATION_INFORMATION*>(argument)->Object,
                                           nullptr, &name, 0);
            }
            return STATUS_SUCCESS;
        });
        const auto close = [&] {
            const host::ProcessRef process = client(100);
            host::RegistryClient registry(*process);
            executive().close(*process, registry.open(u"\\REGISTRY\\MACHINE").handle);
        };
        AEGIS_EXPECT_STOP(close(), "REFERENCE_BY_POINTER", "whose last handle is being closed");
        remove();
    }
}

// Of a create that did not succeed the object is whatever it is.
TEST_F(RegistryCallback, ANameAskedForOfNoObject) {
    watch([&](REG_NOTIFY_CLASS which, PVOID argument) {
        if (which == RegNtPostCreateKeyEx) {
            PCUNICODE_STRING name = nullptr;
            CmCallbackGetKeyObjectIDEx(cookie(), static_cast<REG_POST_OPERATION_INFORMATION*>(argument)->Object,
                                       nullptr, &name, 0);
        }
        return STATUS_SUCCESS;
    });
    host::RegistryChange create = change(host::RegistryChangeKind::kCreateKey);
    create.status = STATUS_REPARSE;
    AEGIS_EXPECT_STOP(host::report_registry_change(create), "REFERENCE_BY_POINTER", "which is no key");
}

TEST_F(RegistryCallback, DataTouchedByTheirAddress) {
    watch([&](REG_NOTIFY_CLASS which, PVOID argument) {
        if (which == RegNtPreSetValueKey) {
            const auto* const set = static_cast<PREG_SET_VALUE_KEY_INFORMATION>(argument);
            EXPECT_NE(*static_cast<volatile const char*>(set->Data), 0);
        }
        return STATUS_SUCCESS;
    });
    host::RegistryChange set = change();
    const std::string text = "text";
    set.data = std::as_bytes(std::span(text));
    EXPECT_DEATH(host::report_registry_change(set), "");
}

}  // namespace
}  // namespace aegis::test
