// What each sensor's callback costs, by Google Benchmark: the loaded driver's own routines, called the way the
// executive calls them, one after the other in one notification. Without a policy, switched off, dropped by default,
// and let through, each with so many rules by path beside it; nobody reads the ring.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/config/policy_blob.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/image_routines.hpp"
#include "driver/host/executive/processes/thread_routines.hpp"
#include "driver/host/executive/registry/callbacks.hpp"
#include "driver/host/executive/registry/registry_activity.hpp"
#include "hosted/loaded_driver.hpp"
#include "micro/policy_rules.hpp"

namespace {

using namespace aegis;

constexpr std::uint32_t kPid = 0x00800000;
constexpr std::uint32_t kCreator = 0x00800100;

// What runs inside of a notification, in place of a routine of another driver. One at a time.
std::function<void(PUNICODE_STRING, PIMAGE_INFO, PPS_CREATE_NOTIFY_INFO, PEPROCESS)> g_inside;

void NTAPI inside_image(PUNICODE_STRING name, HANDLE, PIMAGE_INFO info) {
    g_inside(name, info, nullptr, nullptr);
}
void NTAPI inside_thread(HANDLE, HANDLE, BOOLEAN) {
    g_inside(nullptr, nullptr, nullptr, nullptr);
}
void NTAPI inside_process(PEPROCESS process, HANDLE, PPS_CREATE_NOTIFY_INFO info) {
    g_inside(nullptr, nullptr, info, process);
}

// What the sensors of handles and of the registry register: their lists do not tell.
OB_OPERATION_REGISTRATION g_handle_routines{};
PEX_CALLBACK_FUNCTION g_registry_routine = nullptr;

NTSTATUS NTAPI note_object_callbacks(POB_CALLBACK_REGISTRATION registration, PVOID* handle) {
    g_handle_routines = registration->OperationRegistration[0];
    return ObRegisterCallbacks(registration, handle);
}
NTSTATUS NTAPI note_registry_callback(PEX_CALLBACK_FUNCTION function, PCUNICODE_STRING altitude, PVOID driver,
                                      PVOID context, PLARGE_INTEGER cookie, PVOID reserved) {
    g_registry_routine = function;
    return CmRegisterCallbackEx(function, altitude, driver, context, cookie, reserved);
}

const std::map<std::string, void*> kNotingExports = {
    {"ObRegisterCallbacks", reinterpret_cast<void*>(note_object_callbacks)},
    {"CmRegisterCallbackEx", reinterpret_cast<void*>(note_registry_callback)}};

// The same for callbacks, at an altitude of their own.
std::function<void(POB_PRE_OPERATION_INFORMATION)> g_inside_handle;
std::function<void(PREG_SET_VALUE_KEY_INFORMATION)> g_inside_registry;

OB_PREOP_CALLBACK_STATUS NTAPI inside_handle(PVOID, POB_PRE_OPERATION_INFORMATION info) {
    g_inside_handle(info);
    info->CallContext = nullptr;
    return OB_PREOP_SUCCESS;
}
NTSTATUS NTAPI inside_registry(PVOID, PVOID which, PVOID argument) {
    if (static_cast<REG_NOTIFY_CLASS>(reinterpret_cast<std::uintptr_t>(which)) == RegNtPreSetValueKey) {
        auto* const set = static_cast<PREG_SET_VALUE_KEY_INFORMATION>(argument);
        g_inside_registry(set);
        set->CallContext = nullptr;
    }
    return STATUS_SUCCESS;
}

UNICODE_STRING own_altitude() {
    static WCHAR digits[] = {u'3', u'8', u'0', u'0', u'0', u'1'};
    return {sizeof(digits), sizeof(digits), digits};
}

// The one routine that is registered so: a sensor's.
PVOID only_of(host::RoutineList& list, int wanted) {
    PVOID found = nullptr;
    list.call_all([&](int kind) { return kind == wanted; }, [&](PVOID routine, int) { found = routine; });
    return found;
}

HANDLE nt(std::uint32_t id) {
    return reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(id));
}

enum class What : std::uint8_t { kNoPolicy, kOff, kDropped, kReported };

struct Setting {
    What what;
    std::int64_t rules;
};

std::uint32_t all_operations(unsigned type) {
    switch (type) {
        case AEGIS_EVENT_REGISTRY_OP:
            return (1U << AEGIS_REGISTRY_OPERATIONS) - 1;
        case AEGIS_EVENT_HANDLE_OP:
            return (1U << AEGIS_HANDLE_OPERATIONS) - 1;
        default:
            return AEGIS_POLICY_OPERATION_ANY;
    }
}

// The driver with a policy that says the same of every type.
class Sensors {
  public:
    explicit Sensors(const Setting& setting) {
        if (setting.what == What::kNoPolicy) {
            return;
        }
        agent::PolicyTypes types{};
        for (const unsigned type :
             {AEGIS_EVENT_PROCESS_CREATE, AEGIS_EVENT_PROCESS_EXIT, AEGIS_EVENT_THREAD_CREATE, AEGIS_EVENT_THREAD_EXIT,
              AEGIS_EVENT_IMAGE_LOAD, AEGIS_EVENT_REGISTRY_OP, AEGIS_EVENT_HANDLE_OP}) {
            types[type].Operations = setting.what == What::kOff ? 0 : all_operations(type);
            types[type].Default = setting.what == What::kReported ? AEGIS_POLICY_REPORT : AEGIS_POLICY_DROP;
        }
        const std::vector<std::byte> blob = agent::policy_blob(
            types,
            bench::rules_beside(setting.rules, 1U << AEGIS_EVENT_PROCESS_CREATE | 1U << AEGIS_EVENT_IMAGE_LOAD |
                                                   1U << AEGIS_EVENT_REGISTRY_OP),
            {}, {});
        AEGIS_SET_POLICY_REQUEST header{};
        header.Header = {AEGIS_CONTROL_VERSION, static_cast<std::uint32_t>(sizeof(header) + blob.size())};
        std::vector<std::byte> request(sizeof(header));
        std::memcpy(request.data(), &header, sizeof(header));
        request.insert(request.end(), blob.begin(), blob.end());
        AEGIS_SET_POLICY_REPLY reply{};
        const host::IoResult result =
            client_.control(AEGIS_IOCTL_SET_POLICY, request, std::as_writable_bytes(std::span(&reply, 1)));
        if (!NT_SUCCESS(result.status)) {
            std::fprintf(stderr, "aegis-bench-micro: the driver refuses the policy: 0x%08x\n",
                         static_cast<unsigned>(result.status));
            std::exit(1);
        }
    }

    // Runs `body` inside of one notification of each kind.
    void in_image_load(const std::function<void(PUNICODE_STRING, PIMAGE_INFO)>& body) {
        g_inside = [&](PUNICODE_STRING name, PIMAGE_INFO info, PPS_CREATE_NOTIFY_INFO, PEPROCESS) { body(name, info); };
        PsSetLoadImageNotifyRoutine(inside_image);
        host::ImageLoad load;
        load.pid = load.loader = kPid;
        load.loader_tid = kPid;
        load.path = bench::kPath64;
        loaded_.executive().raise_image_load(load);
        PsRemoveLoadImageNotifyRoutine(inside_image);
    }
    void in_thread_start(const std::function<void()>& body) {
        g_inside = [&](PUNICODE_STRING, PIMAGE_INFO, PPS_CREATE_NOTIFY_INFO, PEPROCESS) { body(); };
        PsSetCreateThreadNotifyRoutine(inside_thread);
        host::ThreadCreation thread;
        thread.pid = thread.creator = kPid;
        thread.tid = kPid + 1;
        thread.creator_tid = kPid;
        loaded_.executive().raise_thread_create(thread);
        PsRemoveCreateThreadNotifyRoutine(inside_thread);
    }
    void in_process_start(const std::function<void(PEPROCESS, PPS_CREATE_NOTIFY_INFO)>& body) {
        g_inside = [&](PUNICODE_STRING, PIMAGE_INFO, PPS_CREATE_NOTIFY_INFO info, PEPROCESS process) {
            body(process, info);
        };
        PsSetCreateProcessNotifyRoutineEx(inside_process, FALSE);
        host::ProcessCreation creation;
        creation.pid = kPid;
        creation.parent = creation.creator = kCreator;
        creation.creator_tid = kCreator + 4;
        creation.image_path = bench::kPath64;
        loaded_.executive().raise_process_create(creation);
        PsSetCreateProcessNotifyRoutineEx(inside_process, TRUE);
        loaded_.executive().raise_process_exit(kPid, 0);
    }

    void in_handle_open(const std::function<void(POB_PRE_OPERATION_INFORMATION)>& body) {
        g_inside_handle = body;
        OB_OPERATION_REGISTRATION operation{g_handle_routines.ObjectType, OB_OPERATION_HANDLE_CREATE, inside_handle,
                                            nullptr};
        OB_CALLBACK_REGISTRATION registration{};
        registration.Version = OB_FLT_REGISTRATION_VERSION;
        registration.OperationRegistrationCount = 1;
        registration.Altitude = own_altitude();
        registration.OperationRegistration = &operation;
        PVOID handle = nullptr;
        ObRegisterCallbacks(&registration, &handle);
        host::HandleOpen open;
        open.pid = open.tid = kPid;
        open.target = kCreator;
        open.access = 0x1FFFFF;  // PROCESS_ALL_ACCESS
        loaded_.executive().raise_handle_open(open);
        ObUnRegisterCallbacks(handle);
    }
    void in_value_set(const std::function<void(PREG_SET_VALUE_KEY_INFORMATION)>& body) {
        g_inside_registry = body;
        LARGE_INTEGER cookie{};
        const UNICODE_STRING altitude = own_altitude();
        CmRegisterCallbackEx(inside_registry, &altitude, nullptr, nullptr, &cookie, nullptr);
        constexpr std::uint32_t kData = 1;
        host::RegistryChange set;
        set.pid = set.tid = kPid;
        set.key = u"\\REGISTRY\\MACHINE\\SOFTWARE\\Vendor\\Product\\Some\\Longer\\Key";
        set.name = u"Value";
        set.type = REG_DWORD;
        set.data = std::as_bytes(std::span(&kData, 1));
        host::report_registry_change(set);
        CmUnRegisterCallback(cookie);
    }

  private:
    bench::LoadedDriver loaded_{AEGIS_RING_KIB_DEFAULT, kNotingExports};
    bench::DriverClient client_{loaded_};
};

void image_load(benchmark::State& state, const Setting& setting) {
    Sensors sensors(setting);
    const auto routine = reinterpret_cast<PLOAD_IMAGE_NOTIFY_ROUTINE>(
        only_of(host::executive_parts().image_notify, static_cast<int>(host::ImageNotifyKind::kEveryArchitecture)));
    sensors.in_image_load([&](PUNICODE_STRING name, PIMAGE_INFO info) {
        for ([[maybe_unused]] auto _ : state) {
            routine(name, nt(kPid), info);
        }
    });
}

void thread_start(benchmark::State& state, const Setting& setting) {
    Sensors sensors(setting);
    const auto routine = reinterpret_cast<PCREATE_THREAD_NOTIFY_ROUTINE>(
        only_of(host::executive_parts().thread_notify, static_cast<int>(host::ThreadNotifyKind::kSubsystems)));
    sensors.in_thread_start([&] {
        for ([[maybe_unused]] auto _ : state) {
            routine(nt(kPid), nt(kPid + 1), TRUE);
        }
    });
}

// With its end: a process that starts twice is none.
void process_start_and_end(benchmark::State& state, const Setting& setting) {
    Sensors sensors(setting);
    const auto routine = reinterpret_cast<PCREATE_PROCESS_NOTIFY_ROUTINE_EX>(
        only_of(host::executive_parts().notify.list(), static_cast<int>(host::NotifyKind::kSubsystems)));
    sensors.in_process_start([&](PEPROCESS process, PPS_CREATE_NOTIFY_INFO info) {
        for ([[maybe_unused]] auto _ : state) {
            routine(process, nt(kPid), info);
            routine(process, nt(kPid), nullptr);
        }
    });
}

void handle_open(benchmark::State& state, const Setting& setting) {
    Sensors sensors(setting);
    sensors.in_handle_open([&](POB_PRE_OPERATION_INFORMATION before) {
        OB_POST_OPERATION_PARAMETERS granted{};
        granted.CreateHandleInformation.GrantedAccess = before->Parameters->CreateHandleInformation.DesiredAccess;
        OB_POST_OPERATION_INFORMATION after{};
        after.Operation = before->Operation;
        after.Object = before->Object;
        after.ObjectType = before->ObjectType;
        after.Parameters = &granted;
        for ([[maybe_unused]] auto _ : state) {
            g_handle_routines.PreOperation(nullptr, before);
            after.CallContext = before->CallContext;
            g_handle_routines.PostOperation(nullptr, &after);
        }
    });
}

void value_set(benchmark::State& state, const Setting& setting) {
    Sensors sensors(setting);
    const auto notify = [](REG_NOTIFY_CLASS which, void* argument) {
        return g_registry_routine(nullptr, reinterpret_cast<PVOID>(static_cast<std::uintptr_t>(which)), argument);
    };
    sensors.in_value_set([&](PREG_SET_VALUE_KEY_INFORMATION before) {
        REG_POST_OPERATION_INFORMATION after{};
        after.Object = before->Object;
        after.PreInformation = before;
        for ([[maybe_unused]] auto _ : state) {
            before->CallContext = nullptr;
            notify(RegNtPreSetValueKey, before);
            after.CallContext = before->CallContext;
            notify(RegNtPostSetValueKey, &after);
        }
    });
}

struct Named {
    const char* name;
    Setting setting;
};

constexpr Named kSettings[] = {{"no policy", {What::kNoPolicy, 0}},
                               {"off", {What::kOff, 0}},
                               {"dropped, 0 rules", {What::kDropped, 0}},
                               {"dropped, 100 rules", {What::kDropped, 100}},
                               {"dropped, 1000 rules", {What::kDropped, 1000}},
                               {"reported, 0 rules", {What::kReported, 0}},
                               {"reported, 100 rules", {What::kReported, 100}},
                               {"reported, 1000 rules", {What::kReported, 1000}}};

struct Sensor {
    const char* name;
    void (*body)(benchmark::State& state, const Setting& setting);
};

constexpr Sensor kSensors[] = {{"image load", image_load},
                               {"thread start", thread_start},
                               {"process start and end", process_start_and_end},
                               {"handle open", handle_open},
                               {"registry value set", value_set}};

[[maybe_unused]] const bool kRegistered = [] {
    for (const Sensor& sensor : kSensors) {
        for (const Named& named : kSettings) {
            const std::string name = std::string(sensor.name) + ", " + named.name;
            benchmark::RegisterBenchmark(name.c_str(), sensor.body, named.setting);
        }
    }
    return true;
}();

}  // namespace
