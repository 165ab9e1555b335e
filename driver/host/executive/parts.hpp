// Everything one Executive consists of, for the NT functions that act on it.
#pragma once

#include <atomic>
#include <optional>

#include "driver/host/executive/etw/trace_providers.hpp"
#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/io/io_state.hpp"
#include "driver/host/executive/io/irp.hpp"
#include "driver/host/executive/memory/mdl.hpp"
#include "driver/host/executive/memory/pool.hpp"
#include "driver/host/executive/objects/object.hpp"
#include "driver/host/executive/objects/object_callbacks.hpp"
#include "driver/host/executive/processes/notify_routines.hpp"
#include "driver/host/executive/processes/process_table.hpp"
#include "driver/host/executive/processes/thread.hpp"
#include "driver/host/executive/registry/callbacks.hpp"
#include "driver/host/executive/registry/hive.hpp"
#include "driver/host/executive/registry/key_names.hpp"
#include "driver/host/executive/security/token_references.hpp"
#include "driver/host/executive/uuid.hpp"
#include "driver/host/executive/verifier/fault_injector.hpp"

namespace aegis::host {

// What memory holds that the driver has not written. Changes only while nobody calls.
struct Poison {
    unsigned char pool = kPoolAllocatedPoison;
    unsigned char system_buffer = kSystemBufferPoison;
    std::optional<unsigned char> stack;
};

struct ExecutiveParts {
    explicit ExecutiveParts(ExecutiveOptions chosen);
    ~ExecutiveParts();

    ExecutiveOptions options;
    FileWatch* file_watch = nullptr;  // changes while no client is there
    Poison poison;
    FaultInjector faults;
    ObjectTable objects;
    Pool pool;
    MdlTable mdls;
    NotifyRoutines notify;
    RoutineList thread_notify{"thread notify routine"};
    RoutineList image_notify{"image notify routine"};
    ObjectCallbacks object_callbacks;
    TraceProviders trace_providers;
    Hive hive;
    RegistryCallbacks registry_callbacks;
    KeyNames key_names;
    UuidSource uuids;
    IrpTable irps;
    IoState io;
    TokenReferences token_references;
    std::atomic<int> subject_contexts{0};   // captured and not released
    std::atomic<unsigned> most_signals{0};  // events set during one hold of a spin lock; relaxed, for reports
    ProcessTable processes;
    ThreadTable threads;
};

// Of the one Executive there is. Stops when there is none.
ExecutiveParts& executive_parts();

}  // namespace aegis::host
