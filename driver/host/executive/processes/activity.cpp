#include "driver/host/executive/processes/activity.hpp"

#include <cstring>
#include <memory>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/io/driver_call.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/borrowed_string.hpp"
#include "driver/host/executive/processes/notification.hpp"
#include "driver/host/executive/system_time.hpp"

namespace aegis::host {

NTSTATUS notify_creation(Process& process, Process& creator, const ProcessCreation& creation) {
    const ReplayedTime time(creation.timestamp);
    const ThreadInProcess in_creator(creator, KernelMode);
    const CriticalRegion region;
    const BorrowedString image(creation.image_path);
    const BorrowedString command_line(creation.command_line);

    const auto info = std::make_unique<PS_CREATE_NOTIFY_INFO>();
    info->Size = sizeof(PS_CREATE_NOTIFY_INFO);
    info->FileOpenNameAvailable = creation.image_path_exact ? 1 : 0;
    info->IsSubsystemProcess = process.of_subsystem() ? 1 : 0;
    info->ParentProcessId = to_nt(creation.parent);
    info->CreatingThreadId = {to_nt(creation.creator), to_nt(creation.creator_tid)};
    info->ImageFileName = image.get();
    info->CommandLine = command_line.get();
    info->CreationStatus = STATUS_SUCCESS;

    const HANDLE pid = to_nt(process.pid());
    executive_parts().notify.call_all(
        process.of_subsystem(),
        [&](PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine) {
            const DriverCall call("a process notify routine");
            call.run(routine, to_nt(process), pid, info.get());
        },
        [&](PCREATE_PROCESS_NOTIFY_ROUTINE routine) {
            const DriverCall call("a process notify routine");
            call.run(routine, info->ParentProcessId, pid, BOOLEAN{TRUE});
        });
    const NTSTATUS status = info->CreationStatus;
    std::memset(static_cast<void*>(info.get()), kPoolFreedPoison, sizeof(*info));
    return status;
}

void notify_exit(Process& process, std::int64_t timestamp) {
    const ReplayedTime time(timestamp);
    const ThreadInProcess in_process(process, KernelMode);
    const CriticalRegion region;
    const HANDLE pid = to_nt(process.pid());
    executive_parts().notify.call_all(
        process.of_subsystem(),
        [&](PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine) {
            const DriverCall call("a process notify routine");
            call.run(routine, to_nt(process), pid, nullptr);
        },
        [&](PCREATE_PROCESS_NOTIFY_ROUTINE routine) {
            const DriverCall call("a process notify routine");
            call.run(routine, nullptr, pid, BOOLEAN{FALSE});
        });
}

bool exit_client(Process& process, std::int64_t timestamp, bool reported, Process* closer) {
    if (!process.begin_exit()) {
        return false;
    }
    ExecutiveParts& parts = executive_parts();
    notify_exit(process, timestamp);
    {
        const ThreadInProcess in_process(closer != nullptr ? *closer : process, KernelMode);
        const ThreadAttached attached(process);
        process.handles.close_all();
        parts.objects.destroy_deferred();
    }
    parts.mdls.tear_down(process);
    // Only now may another client have the pid.
    parts.processes.remove_client(process, timestamp, reported);
    process.finish_exit();
    return true;
}

}  // namespace aegis::host
