#include "driver/host/executive/processes/thread_activity.hpp"

#include <optional>
#include <utility>

#include "driver/host/executive/io/driver_call.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/notification.hpp"
#include "driver/host/executive/processes/thread_routines.hpp"
#include "driver/host/executive/system_time.hpp"

namespace aegis::host {
namespace {

// This thread is that one of `process`, at the IRQL of the notification, for one scope.
class AsThread {
  public:
    AsThread(Process& process, std::uint32_t tid, bool at_apc_level)
        : in_process_(process, KernelMode),
          tid_(std::exchange(this_thread().tid, tid)),
          irql_(change_irql(at_apc_level ? KIRQL{APC_LEVEL} : this_thread().irql)) {}
    ~AsThread() {
        change_irql(irql_);
        this_thread().tid = tid_;
    }
    AsThread(const AsThread&) = delete;
    AsThread& operator=(const AsThread&) = delete;

  private:
    ThreadInProcess in_process_;
    CriticalRegion region_;
    std::optional<std::uint32_t> tid_;
    KIRQL irql_;
};

struct Told {
    bool create;
    bool on_new_thread;
    bool of_system;
    bool of_subsystem;
};

void call_routines(std::uint32_t pid, std::uint32_t tid, const Told& told) {
    executive_parts().thread_notify.call_all(
        [&](int kind) {
            // An exit is told to all, on the thread that ends.
            const auto notify_kind = static_cast<ThreadNotifyKind>(kind);
            const bool on_new_thread = told.create ? told.on_new_thread : notify_kind == ThreadNotifyKind::kNonSystem;
            return is_told(notify_kind, on_new_thread, told.of_system, told.of_subsystem);
        },
        [&](PVOID routine, int) {
            const DriverCall call("a thread notify routine");
            call.run(reinterpret_cast<PCREATE_THREAD_NOTIFY_ROUTINE>(routine), to_nt(pid), to_nt(tid),
                     BOOLEAN{told.create});
        });
}

}  // namespace

void notify_thread_creation(Process& process, Process& creator, const ThreadCreation& creation) {
    const ReplayedTime time(creation.timestamp);
    {
        const AsThread as_creator(creator, creation.creator_tid, creation.at_apc_level);
        call_routines(creation.pid, creation.tid, {true, false, creation.system, process.of_subsystem()});
    }
    const AsThread as_created(process, creation.tid, creation.at_apc_level);
    call_routines(creation.pid, creation.tid, {true, true, creation.system, process.of_subsystem()});
}

void notify_thread_exit(Process& process, const Thread& thread, const ThreadExit& exit) {
    const ReplayedTime time(exit.timestamp);
    const AsThread as_exiting(process, exit.tid, false);
    call_routines(exit.pid, exit.tid, {false, false, thread.is_system(), process.of_subsystem()});
}

}  // namespace aegis::host
