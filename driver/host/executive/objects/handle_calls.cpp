#include "driver/host/executive/objects/handle_calls.hpp"

#include <utility>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/thread.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/system_time.hpp"

namespace aegis::host {
namespace {

constexpr ACCESS_MASK kDuplicateHandles = 0x0040;  // PROCESS_DUP_HANDLE

// What is asked for, as the callbacks see it: by name of each right.
ACCESS_MASK wanted_rights(const Object& object, ACCESS_MASK desired) {
    const GENERIC_MAPPING& mapping = object.type().mapping;
    const ACCESS_MASK all = (desired & MAXIMUM_ALLOWED) != 0 ? mapping.GenericAll : 0;
    return map_generic(mapping, desired & ~MAXIMUM_ALLOWED) | all;
}

HandleResult open_object(Process& caller, Object& object, ACCESS_MASK desired) {
    InterceptedHandle intercepted(
        {OB_OPERATION_HANDLE_CREATE, &object, false, wanted_rights(object, desired), nullptr, nullptr});
    const ACCESS_MASK granted = intercepted.desired();
    const auto value = caller.handles.insert(object, granted);
    const HandleResult result =
        value ? HandleResult{STATUS_SUCCESS, *value} : HandleResult{STATUS_PROCESS_IS_TERMINATING, 0};
    intercepted.finish(result.status, granted);
    return result;
}

HandleResult duplicate(const HandleTable::Lookup& entry, Process& source, Process& target,
                       std::optional<ACCESS_MASK> access) {
    Object& object = *entry.object;
    const ACCESS_MASK wanted = access ? wanted_rights(object, *access) : entry.granted;
    if ((wanted & ~entry.granted) != 0) {
        return {STATUS_ACCESS_DENIED, 0};
    }
    const auto insert = [&](ACCESS_MASK granted) {
        const auto value = target.handles.insert(object, granted);
        return value ? HandleResult{STATUS_SUCCESS, *value} : HandleResult{STATUS_PROCESS_IS_TERMINATING, 0};
    };
    if (!has_callbacks(object)) {
        return insert(wanted);
    }
    const bool into_kernel = &target == &executive_parts().processes.system();
    InterceptedHandle intercepted(
        {OB_OPERATION_HANDLE_DUPLICATE, &object, into_kernel, wanted, to_nt(source), to_nt(target)});
    const HandleResult result = insert(intercepted.desired());
    intercepted.finish(result.status, intercepted.desired());
    return result;
}

struct NamedProcess {
    NTSTATUS status = STATUS_SUCCESS;
    Referenced<Process> process;
};

// The process behind a handle that may duplicate from or to it.
NamedProcess process_behind(Process& caller, ProcessHandle handle) {
    if (handle == kCurrentProcess) {
        caller.reference();
        return {STATUS_SUCCESS, Referenced<Process>(&caller)};
    }
    const HandleTable::Lookup entry = caller.handles.find(handle);
    if (!entry.object) {
        return {STATUS_INVALID_HANDLE, {}};
    }
    if (&entry.object->type() != &process_object_type) {
        return {STATUS_OBJECT_TYPE_MISMATCH, {}};
    }
    if ((entry.granted & kDuplicateHandles) == 0) {
        return {STATUS_ACCESS_DENIED, {}};
    }
    auto& process = static_cast<Process&>(*entry.object);
    process.reference();
    return {STATUS_SUCCESS, Referenced<Process>(&process)};
}

// This thread is that one, for one scope.
class AsThreadNumber {
  public:
    explicit AsThreadNumber(std::uint32_t tid) : tid_(std::exchange(this_thread().tid, tid)) {}
    ~AsThreadNumber() { this_thread().tid = tid_; }
    AsThreadNumber(const AsThreadNumber&) = delete;
    AsThreadNumber& operator=(const AsThreadNumber&) = delete;

  private:
    std::optional<std::uint32_t> tid_;
};

Referenced<Thread> thread_of(const HandleOpen& open, Process& process) {
    Referenced<Thread> known = executive_parts().threads.find(open.target_tid);
    if (known && &known->process() == &process) {
        return known;
    }
    ThreadCreation unheard;
    unheard.pid = open.target;
    unheard.tid = open.target_tid;
    return Referenced<Thread>(new Thread(unheard, process));
}

}  // namespace

bool has_callbacks(const Object& object) {
    return &object.type() == &process_object_type || &object.type() == &thread_object_type;
}

HandleResult open_process_object(Process& caller, std::uint32_t pid, ACCESS_MASK desired) {
    const Referenced<Process> process = executive_parts().processes.find(pid);
    return process ? open_object(caller, *process, desired) : HandleResult{STATUS_INVALID_CID, 0};
}

HandleResult open_thread_object(Process& caller, std::uint32_t tid, ACCESS_MASK desired) {
    const Referenced<Thread> thread = executive_parts().threads.find(tid);
    return thread ? open_object(caller, *thread, desired) : HandleResult{STATUS_INVALID_CID, 0};
}

HandleResult duplicate_object(Process& source, ProcessHandle handle, Process& target,
                              std::optional<ACCESS_MASK> access) {
    if (handle == kCurrentProcess) {
        source.reference();
        return duplicate({Referenced<Object>(&source), process_object_type.mapping.GenericAll}, source, target, access);
    }
    const HandleTable::Lookup entry = source.handles.find_and_add_handle(handle);
    if (!entry.object) {
        return {STATUS_INVALID_HANDLE, 0};
    }
    const HandleResult result = duplicate(entry, source, target, access);
    entry.object->drop_handle();
    return result;
}

HandleResult duplicate_for(Process& caller, ProcessHandle source, ProcessHandle handle, ProcessHandle target,
                           std::optional<ACCESS_MASK> access) {
    const NamedProcess from = process_behind(caller, source);
    if (!NT_SUCCESS(from.status)) {
        return {from.status, 0};
    }
    const NamedProcess to = process_behind(caller, target);
    return NT_SUCCESS(to.status) ? duplicate_object(*from.process, handle, *to.process, access)
                                 : HandleResult{to.status, 0};
}

void replay_handle_open(const HandleOpen& open) {
    ExecutiveParts& parts = executive_parts();
    const auto caller = parts.processes.heard_of(open.pid, open.timestamp);
    const auto process = parts.processes.heard_of(open.target, open.timestamp);
    const auto thread = open.target_tid != 0 ? thread_of(open, *process) : Referenced<Thread>();
    Object& object = thread ? static_cast<Object&>(*thread) : *process;
    HandleOperation operation{OB_OPERATION_HANDLE_CREATE,         &object, false,
                              wanted_rights(object, open.access), nullptr, nullptr};
    Referenced<Process> source;
    Referenced<Process> destination;
    if (open.duplicate) {
        source = parts.processes.heard_of(open.source, open.timestamp);
        destination = parts.processes.heard_of(open.destination, open.timestamp);
        operation.operation = OB_OPERATION_HANDLE_DUPLICATE;
        operation.source = to_nt(*source);
        operation.target = to_nt(*destination);
    }
    const ReplayedTime time(open.timestamp);
    const ThreadInProcess in_caller(*caller, UserMode);
    const AsThreadNumber as_caller(open.tid);
    InterceptedHandle intercepted(operation);
    intercepted.finish(open.made ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL, intercepted.desired());
}

}  // namespace aegis::host
