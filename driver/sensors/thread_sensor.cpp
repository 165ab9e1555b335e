#include "sensors/thread_sensor.hpp"

#include <cstdint>

#include "aegis/event.h"
#include "diagnostics/diagnostics.hpp"
#include "nt/process_id.hpp"
#include "nt/spin_lock.hpp"
#include "nt/system_routine.hpp"
#include "sensors/first_threads.hpp"
#include "sensors/process_key.hpp"
#include "sensors/process_sensor.hpp"

namespace aegis::driver {
namespace {

// mingw-w64 declares none of these.
using SetThreadNotifyRoutineEx = NTSTATUS(NTAPI*)(ULONG type, PVOID routine);
using GetThreadExitStatus = NTSTATUS(NTAPI*)(PETHREAD thread);
using QueryInformationThread = NTSTATUS(NTAPI*)(HANDLE thread, ULONG information_class, PVOID information, ULONG bytes,
                                                PULONG returned);

// Threads of every subsystem, told on the thread that makes them. The other type, PsCreateThreadNotifyNonSystem, is
// told on the new thread, where nobody can say any more who made it.
constexpr ULONG kPsCreateThreadNotifySubsystems = 1;
constexpr ULONG kThreadQuerySetWin32StartAddress = 9;
constexpr ACCESS_MASK kThreadQueryInformation = 0x0040;

// NT passes no context to a thread notify routine, so what it needs is here. Written before registration and after
// removal, which waits for callbacks in flight; so callbacks read it without a lock.
constinit SensorContext g_context{};
constinit CallbackHealth g_health;
// Null where this system has them not.
GetThreadExitStatus g_get_exit_status = nullptr;
QueryInformationThread g_query_thread = nullptr;

// A thread by its number, referenced for one scope; null when NT does not find it. IRQL <= APC_LEVEL.
class ThreadReference {
  public:
    explicit ThreadReference(HANDLE thread_id) {
        if (!NT_SUCCESS(PsLookupThreadByThreadId(thread_id, &thread_))) {
            thread_ = nullptr;
        }
    }
    ~ThreadReference() {
        if (thread_ != nullptr) {
            ObDereferenceObject(thread_);
        }
    }
    ThreadReference(const ThreadReference&) = delete;
    ThreadReference& operator=(const ThreadReference&) = delete;

    PETHREAD get() const { return thread_; }

  private:
    PETHREAD thread_ = nullptr;
};

// Where the thread begins to run in its process. A handle is what NT asks for, and PASSIVE_LEVEL: at APC_LEVEL, where
// NT may notify too, the address is left out. IRQL <= APC_LEVEL.
void add_start_address(PETHREAD thread, AEGIS_THREAD_PAYLOAD* told) {
    if (g_query_thread == nullptr || current_irql() != PASSIVE_LEVEL) {
        return;
    }
    HANDLE handle = nullptr;
    if (!NT_SUCCESS(ObOpenObjectByPointer(thread, OBJ_KERNEL_HANDLE, nullptr, kThreadQueryInformation, nullptr,
                                          KernelMode, &handle))) {
        return;
    }
    PVOID address = nullptr;
    if (NT_SUCCESS(g_query_thread(handle, kThreadQuerySetWin32StartAddress, &address, sizeof(address), nullptr))) {
        told->StartAddress = reinterpret_cast<std::uintptr_t>(address);
        told->Flags |= AEGIS_THREAD_ADDRESS_VALID;
    }
    ZwClose(handle);
}

// Who makes the thread: the current one. IRQL <= APC_LEVEL.
void add_creator(HANDLE process_id, HANDLE thread_id, AEGIS_THREAD_PAYLOAD* told) {
    const HANDLE creator = PsGetCurrentProcessId();
    const HANDLE creating_thread = PsGetCurrentThreadId();
    // No thread makes itself: this system notifies on the new one, and its maker is not known.
    if (creating_thread == thread_id) {
        return;
    }
    told->CreatorProcessId = process_id_number(creator);
    told->CreatorThreadId = process_id_number(creating_thread);
    if (creator == process_id) {
        told->CreatorKey = told->ProcessKey;
        told->Flags |= (told->Flags & AEGIS_THREAD_KEY_IS_TIME) != 0 ? AEGIS_THREAD_CREATOR_KEY_IS_TIME : 0;
        return;
    }
    const ProcessKey key = process_key(creator);
    told->CreatorKey = key.value;
    told->Flags |= AEGIS_THREAD_REMOTE | (key.is_time ? AEGIS_THREAD_CREATOR_KEY_IS_TIME : 0) |
                   (take_first_thread(told->ProcessId) ? AEGIS_THREAD_FIRST : 0);
}

// What NT says before the thread has ended is no status. Any IRQL.
void add_exit_status(PETHREAD thread, AEGIS_THREAD_PAYLOAD* told) {
    if (g_get_exit_status == nullptr) {
        return;
    }
    const NTSTATUS status = g_get_exit_status(thread);
    if (status != STATUS_PENDING) {
        told->ExitStatus = status;
        told->Flags |= AEGIS_THREAD_EXIT_STATUS_VALID;
    }
}

// A thread that nobody hears of: the next one is not its process's first all the same. IRQL <= APC_LEVEL.
void pass_over(BOOLEAN create, HANDLE process_id) {
    if (create && PsGetCurrentProcessId() != process_id) {
        take_first_thread(process_id_number(process_id));
    }
}

// IRQL <= APC_LEVEL, in the context of the thread that makes the new one, or of the one that exits.
void NTAPI on_thread_notify(HANDLE process_id, HANDLE thread_id, BOOLEAN create) {
    const std::uint16_t type = create ? AEGIS_EVENT_THREAD_CREATE : AEGIS_EVENT_THREAD_EXIT;
    const std::uint32_t owner = process_id_number(process_id);
    if (g_context.policies->is_off(type)) {
        pass_over(create, process_id);
        return;
    }
    const std::int64_t now = g_context.clock->now();
    const Decision decision = g_context.policies->happened({type, owner, 0, {}, now, false});
    if (g_context.keep_back(&g_health, decision, now)) {
        pass_over(create, process_id);
        return;
    }

    AEGIS_THREAD_PAYLOAD told;
    RtlZeroMemory(&told, sizeof(told));
    told.ProcessId = owner;
    told.ThreadId = process_id_number(thread_id);
    const ProcessKey key = process_key(process_id);
    told.ProcessKey = key.value;
    told.Flags = key.is_time ? AEGIS_THREAD_KEY_IS_TIME : 0;

    const ThreadReference thread(thread_id);
    if (thread.get() != nullptr && PsIsSystemThread(thread.get())) {
        told.Flags |= AEGIS_THREAD_SYSTEM;
    }
    if (!create) {
        if (thread.get() != nullptr) {
            add_exit_status(thread.get(), &told);
        }
        g_context.report(&g_health, type, now, &told, sizeof(told));
        return;
    }
    add_creator(process_id, thread_id, &told);
    if (thread.get() != nullptr) {
        add_start_address(thread.get(), &told);
    }
    g_context.report(&g_health, type, now, &told, sizeof(told));
}

// STATUS_PROCEDURE_NOT_FOUND on older systems. IRQL PASSIVE_LEVEL.
NTSTATUS register_for_subsystems() {
    const auto set = find_system_routine<SetThreadNotifyRoutineEx>(u"PsSetCreateThreadNotifyRoutineEx");
    return set != nullptr ? set(kPsCreateThreadNotifySubsystems, reinterpret_cast<PVOID>(on_thread_notify))
                          : STATUS_PROCEDURE_NOT_FOUND;
}

// What the row of the query reply says that is not seen. IRQL PASSIVE_LEVEL.
std::uint32_t blind_spots(bool subsystems) {
    return (subsystems ? 0 : AEGIS_CALLBACK_NO_SUBSYSTEMS) |
           (kProcessSensor.health->is_registered() ? 0 : AEGIS_CALLBACK_NO_FIRST_THREADS);
}

// IRQL PASSIVE_LEVEL.
NTSTATUS start_thread_sensor(const SensorContext& context) {
    g_context = context;
    g_get_exit_status = find_system_routine<GetThreadExitStatus>(u"PsGetThreadExitStatus");
    g_query_thread = find_system_routine<QueryInformationThread>(u"ZwQueryInformationThread");
    NTSTATUS status = register_for_subsystems();
    if (NT_SUCCESS(status)) {
        g_health.registered(status, blind_spots(true));
        return status;
    }
    failed("see threads of every subsystem", status);
    status = PsSetCreateThreadNotifyRoutine(on_thread_notify);
    g_health.registered(status, blind_spots(false));
    return status;
}

// IRQL PASSIVE_LEVEL.
void stop_thread_sensor() {
    PsRemoveCreateThreadNotifyRoutine(on_thread_notify);
}

}  // namespace

constinit const Sensor kThreadSensor = {
    "thread sensor",     AEGIS_CALLBACK_THREAD, 1U << AEGIS_EVENT_THREAD_CREATE | 1U << AEGIS_EVENT_THREAD_EXIT,
    start_thread_sensor, stop_thread_sensor,    &g_health};

}  // namespace aegis::driver
