#include "driver/host/executive/executive.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "driver/host/executive/io/driver_load.hpp"
#include "driver/host/executive/io/file_calls.hpp"
#include "driver/host/executive/io/file_object.hpp"
#include "driver/host/executive/objects/handle_calls.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/activity.hpp"
#include "driver/host/executive/processes/image_activity.hpp"
#include "driver/host/executive/processes/thread_activity.hpp"
#include "driver/host/executive/sync/event_object.hpp"
#include "driver/host/executive/system_time.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

struct EventHandle {
    NTSTATUS status = STATUS_SUCCESS;
    Referenced<Object> object;

    EventObject& event() const { return static_cast<EventObject&>(*object); }
};

EventHandle reference_event(Process& process, ProcessHandle handle, ACCESS_MASK access) {
    HandleTable::Lookup entry = process.handles.find(handle);
    if (!entry.object) {
        return {STATUS_INVALID_HANDLE, {}};
    }
    if (&entry.object->type() != &event_object_type) {
        return {STATUS_OBJECT_TYPE_MISMATCH, {}};
    }
    if ((access & ~entry.granted) != 0) {
        return {STATUS_ACCESS_DENIED, {}};
    }
    return {STATUS_SUCCESS, std::move(entry.object)};
}

}  // namespace

Executive::Executive(ExecutiveOptions options) : parts_(std::make_unique<ExecutiveParts>(std::move(options))) {}

Executive::~Executive() {
    for (const ProcessRef& process : parts_->processes.clients()) {
        exit_process(process);
    }
    if (parts_->io.loaded()) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation, "the Executive ends while a driver is loaded");
    }
}

NTSTATUS Executive::load_driver(DRIVER_INITIALIZE* entry, const ServiceOptions& service) {
    return host::load_driver(entry, service);
}

UnloadResult Executive::unload_driver() {
    switch (parts_->io.begin_unload()) {
        case IoState::UnloadStart::kPending:
            return UnloadResult::kPending;
        case IoState::UnloadStart::kNotLoaded:
            return UnloadResult::kNotLoaded;
        case IoState::UnloadStart::kNoRoutine:
            return UnloadResult::kNoUnloadRoutine;
        case IoState::UnloadStart::kRun:
            break;
    }
    finish_unload();
    return UnloadResult::kUnloaded;
}

void Executive::set_file_watch(FileWatch* watch) {
    parts_->file_watch = watch;
}

bool Executive::driver_loaded() const {
    return parts_->io.loaded();
}

bool Executive::wait_for_unload(std::chrono::nanoseconds timeout) {
    return parts_->io.wait_until_forgotten(timeout);
}

std::vector<std::uint32_t> Executive::device_holders() const {
    std::vector<std::uint32_t> pids;
    for (const ProcessRef& process : parts_->processes.clients()) {
        if (process->handles.holds_any(file_object_type)) {
            pids.push_back(process->pid());
        }
    }
    std::sort(pids.begin(), pids.end());
    return pids;
}

ProcessRef Executive::create_process(std::uint32_t pid, Account account, std::unique_ptr<AddressSpace> address_space) {
    return parts_->processes.add_client(pid, account, std::move(address_space));
}

void Executive::exit_process(const ProcessRef& process) {
    exit_client(*process, system_time_now(), false);
}

void Executive::exit_process_from(Process& closer, const ProcessRef& process) {
    exit_client(*process, system_time_now(), false, &closer);
}

std::vector<UserMapping> Executive::mappings(const ProcessRef& process) const {
    return parts_->mdls.mappings(*process);
}

NTSTATUS Executive::raise_process_create(const ProcessCreation& creation) {
    const auto process = parts_->processes.created(
        creation.pid, creation.timestamp, creation.create_time != 0 ? creation.create_time : creation.timestamp);
    if (creation.subsystem) {
        process->set_of_subsystem();
    }
    if (creation.is_protected) {
        process->set_protected();
    }
    process->set_image_path(creation.image_path.value_or(std::u16string_view()));
    if (creation.user) {
        process->set_primary_token(make_token(*creation.user));
    }
    const auto creator = parts_->processes.find_or_invent(creation.creator);
    return notify_creation(*process, *creator, creation);
}

void Executive::raise_process_exit(std::uint32_t pid, std::int64_t timestamp, std::optional<NTSTATUS> status) {
    const ProcessTable::Exit exit = parts_->processes.exited(pid);
    if (!exit.process) {
        return;
    }
    exit.process->ended_with(status.value_or(STATUS_PENDING));
    if (!exit.client) {
        notify_exit(*exit.process, timestamp);
    } else if (!exit_client(*exit.process, timestamp, true)) {
        parts_->processes.forget_exit_ahead(pid);
    }
}

void Executive::raise_thread_create(const ThreadCreation& creation) {
    const auto process = parts_->processes.heard_of(creation.pid, creation.timestamp);
    const auto creator = parts_->processes.heard_of(creation.creator, creation.timestamp);
    const auto thread = parts_->threads.created(creation, *process);
    notify_thread_creation(*process, *creator, creation);
}

void Executive::raise_thread_exit(const ThreadExit& exit) {
    const auto process = parts_->processes.find_or_invent(exit.pid);
    auto thread = parts_->threads.find(exit.tid);
    if (!thread) {
        ThreadCreation unheard;
        unheard.pid = exit.pid;
        unheard.tid = exit.tid;
        thread = parts_->threads.created(unheard, *process);
    }
    thread->ended_with(exit.status.value_or(STATUS_PENDING));
    notify_thread_exit(*process, *thread, exit);
    parts_->threads.remove(*thread);
}

void Executive::raise_image_load(const ImageLoad& load) {
    // A driver is loaded into no process that has a number.
    const auto process = load.pid != 0 ? parts_->processes.heard_of(load.pid, load.timestamp) : Referenced<Process>();
    const auto loader = parts_->processes.heard_of(load.loader, load.timestamp);
    notify_image_load(*loader, load);
}

void Executive::raise_handle_open(const HandleOpen& open) {
    replay_handle_open(open);
}

IoResult Executive::internal_device_control(std::u16string_view device, ULONG code, std::span<const std::byte> input,
                                            std::span<std::byte> output) {
    return internal_control_device(device, code, input, output);
}

HandleResult Executive::open(Process& process, std::u16string_view path, ACCESS_MASK desired) {
    const SystemCall call(process);
    return call.refused() ? HandleResult{STATUS_PROCESS_IS_TERMINATING, 0}
                          : open_file(process, path, desired, {}, process.handles);
}

IoResult Executive::device_control(Process& process, ProcessHandle handle, ULONG code, std::span<const std::byte> input,
                                   std::span<std::byte> output) {
    const SystemCall call(process);
    return call.refused() ? IoResult{STATUS_PROCESS_IS_TERMINATING, 0}
                          : control_file(process, handle, code, input, output);
}

IoResult Executive::request(Process& process, ProcessHandle handle, UCHAR major_function) {
    const SystemCall call(process);
    return call.refused() ? IoResult{STATUS_PROCESS_IS_TERMINATING, 0} : request_file(process, handle, major_function);
}

EventResult Executive::create_event(Process& process, EVENT_TYPE type, bool signalled) {
    const SystemCall call(process);
    if (call.refused()) {
        return {STATUS_PROCESS_IS_TERMINATING, 0, -1};
    }
    const Referenced<EventObject> event(EventObject::create(type, signalled));
    if (!event) {
        return {STATUS_INSUFFICIENT_RESOURCES, 0, -1};
    }
    return {STATUS_SUCCESS, process.handles.insert(*event, EVENT_ALL_ACCESS).value(), event->client_descriptor()};
}

NTSTATUS Executive::set_event(Process& process, ProcessHandle handle) {
    const SystemCall call(process);
    if (call.refused()) {
        return STATUS_PROCESS_IS_TERMINATING;
    }
    const EventHandle entry = reference_event(process, handle, EVENT_MODIFY_STATE);
    if (NT_SUCCESS(entry.status)) {
        entry.event().set();
    }
    return entry.status;
}

NTSTATUS Executive::reset_event(Process& process, ProcessHandle handle) {
    const SystemCall call(process);
    if (call.refused()) {
        return STATUS_PROCESS_IS_TERMINATING;
    }
    const EventHandle entry = reference_event(process, handle, EVENT_MODIFY_STATE);
    if (NT_SUCCESS(entry.status)) {
        entry.event().reset();
    }
    return entry.status;
}

HandleResult Executive::duplicate_handle(Process& source, ProcessHandle handle, Process& target,
                                         std::optional<ACCESS_MASK> access) {
    const SystemCall call(source);
    if (call.refused()) {
        return {STATUS_PROCESS_IS_TERMINATING, 0};
    }
    return duplicate_object(source, handle, target, access);
}

HandleResult Executive::duplicate_between(Process& caller, ProcessHandle source, ProcessHandle handle,
                                          ProcessHandle target, std::optional<ACCESS_MASK> access) {
    const SystemCall call(caller);
    return call.refused() ? HandleResult{STATUS_PROCESS_IS_TERMINATING, 0}
                          : duplicate_for(caller, source, handle, target, access);
}

HandleResult Executive::open_process(Process& process, std::uint32_t pid, ACCESS_MASK desired) {
    const SystemCall call(process);
    return call.refused() ? HandleResult{STATUS_PROCESS_IS_TERMINATING, 0} : open_process_object(process, pid, desired);
}

HandleResult Executive::open_thread(Process& process, std::uint32_t tid, ACCESS_MASK desired) {
    const SystemCall call(process);
    return call.refused() ? HandleResult{STATUS_PROCESS_IS_TERMINATING, 0} : open_thread_object(process, tid, desired);
}

std::optional<ACCESS_MASK> Executive::granted_access(Process& process, ProcessHandle handle) const {
    const HandleTable::Lookup entry = process.handles.find(handle);
    return entry.object ? std::optional(entry.granted) : std::nullopt;
}

UniqueFd Executive::share_event(Process& process, ProcessHandle handle) {
    const EventHandle entry = reference_event(process, handle, 0);
    return UniqueFd(NT_SUCCESS(entry.status) ? ::fcntl(entry.event().client_descriptor(), F_DUPFD_CLOEXEC, 0) : -1);
}

NTSTATUS Executive::close(Process& process, ProcessHandle handle) {
    const SystemCall call(process);
    if (call.refused()) {
        return STATUS_PROCESS_IS_TERMINATING;
    }
    return process.handles.close(handle) ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

NTSTATUS Executive::close_from(Process& closer, Process& process, ProcessHandle handle) {
    const SystemCall call(closer);
    if (call.refused()) {
        return STATUS_PROCESS_IS_TERMINATING;
    }
    const ThreadAttached attached(process);
    return process.handles.close(handle) ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

FaultInjector& Executive::faults() {
    return parts_->faults;
}

void Executive::answer_uuids(const std::vector<NTSTATUS>& statuses) {
    parts_->uuids.answer(statuses);
}

void Executive::poison_with(unsigned char value) {
    parts_->poison.pool = value;
    parts_->poison.system_buffer = value;
    parts_->poison.stack = value;
}

unsigned Executive::most_signals_in_a_hold() const {
    return parts_->most_signals.load(std::memory_order_relaxed);
}

std::vector<PoolBlock> Executive::pool_blocks() const {
    return parts_->pool.blocks();
}

void Executive::verify_access(const void* address, std::size_t bytes) const {
    if (KeGetCurrentIrql() >= DISPATCH_LEVEL && parts_->pool.holds_pageable(address, bytes)) {
        verifier_stop(Bugcheck::kIrqlNotLessOrEqual, "pageable memory is touched at DISPATCH_LEVEL or above");
    }
}

}  // namespace aegis::host
