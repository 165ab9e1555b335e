// The part of NT that a driver and its clients see, inside a Linux process.
//
// One Executive exists at a time; the NT functions that a driver calls (driver/host/nt) act on it. It is strict where
// NT is strict, and is driver verifier as well: a driver that breaks a rule ends the process with a STOP line.
//
// A client is a Process with a handle table, an account and an address space. The functions below that take a Process
// are its system calls: they run on the calling thread, in that process, in user mode, and return what NT returns.
// All of them may be called from any thread at any time; the thread must not be inside another system call.
#pragma once

#include <ntifs.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "driver/host/executive/etw/trace_event.hpp"
#include "driver/host/executive/memory/address_space.hpp"
#include "driver/host/executive/processes/process_activity.hpp"
#include "driver/host/executive/registry/service_options.hpp"
#include "driver/host/executive/verifier/fault_injector.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host {

// A process object. A ProcessRef is a reference like the driver's own: it outlives the process's exit.
class Process;
using ProcessRef = std::shared_ptr<Process>;

// Whose token a process runs with. Administrators are in S-1-5-32-544, the system is S-1-5-18; a user is neither.
enum class Account { kUser, kAdministrator, kSystem };

// A handle of one process: a multiple of 4, never 0 when valid.
using ProcessHandle = std::uint64_t;
// Whichever process uses it.
inline constexpr ProcessHandle kCurrentProcess = ~ProcessHandle{0};

struct HandleResult {
    NTSTATUS status = STATUS_SUCCESS;
    ProcessHandle handle = 0;  // 0 unless status is a success
};

struct EventResult {
    NTSTATUS status = STATUS_SUCCESS;
    ProcessHandle handle = 0;
    // Borrowed, valid while the handle is open: for a client, see share_event(). Readable means signalled; reading
    // everything resets. Whatever the client does to it, signalling never blocks.
    int descriptor = -1;
};

struct IoResult {
    NTSTATUS status = STATUS_SUCCESS;
    std::size_t information = 0;  // bytes written to the output; 0 unless the status is a success or a warning
};

enum class UnloadResult {
    kUnloaded,
    kPending,  // handles are open: no new ones, and the last close unloads
    kNotLoaded,
    kNoUnloadRoutine,  // the driver cannot be unloaded
};

// One user mapping that exists now.
struct UserMapping {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
    bool writable = false;
    bool executable = false;
};

// One block of kernel pool that exists now.
struct PoolBlock {
    void* address = nullptr;
    std::size_t bytes = 0;
};

// Bytes of the system buffer of a METHOD_BUFFERED request that the client did not fill: a reply that contains a run
// of them was sent uninitialised.
inline constexpr unsigned char kSystemBufferPoison = 0xA5;
// Fresh and freed pool.
inline constexpr unsigned char kPoolAllocatedPoison = 0xCD;
inline constexpr unsigned char kPoolFreedPoison = 0xDD;

// What IRP_MJ_CREATE finds in IO_SECURITY_CONTEXT.DesiredAccess: NT-compatible kernels differ.
enum class CreateAccess {
    kGranted,    // all that was asked for, generic rights mapped
    kRemaining,  // what the I/O manager's own check has left over
};

// Hears, after the driver, what clients have done with an open file; from any thread. `file` names it until it is
// closed.
class FileWatch {
  public:
    virtual ~FileWatch() = default;
    // A control request that succeeded.
    virtual void controlled(const void* file, ULONG code, std::span<const std::byte> input,
                            std::span<const std::byte> output) = 0;
    // The last handle.
    virtual void closed(const void* file) = 0;
};

struct ExecutiveOptions {
    // Receives the driver's debug output, a line at a time without its newline, from any thread.
    // Default: stderr. `level` is DPFLTR_…_LEVEL.
    std::function<void(ULONG level, std::string_view line)> debug_print;
    // Receives the events that the driver writes to ETW, from any thread. Default: nobody listens.
    std::function<void(const TraceEvent& event)> trace = {};
    CreateAccess create_access = CreateAccess::kGranted;
    // Whether a process whose source of activity says nothing of its user runs as one that is made up: an ordinary one,
    // or that of its account. Otherwise nobody can say whose its token is.
    bool invent_users = true;
    // Where MmGetSystemRoutineAddress answers otherwise than by default: null for what an older system lacks.
    std::map<std::string, void*> other_exports = {};
};

class Executive {
  public:
    explicit Executive(ExecutiveOptions options = {});
    // Processes that are still there exit first. The driver must be unloaded.
    ~Executive();
    Executive(const Executive&) = delete;
    Executive& operator=(const Executive&) = delete;

    // While no client is there. Null: nobody.
    void set_file_watch(FileWatch* watch);

    // --- the driver -------------------------------------------------------------------------------------------
    // Runs DriverEntry in the system process. When it fails, the verifier checks that nothing is left behind.
    // STATUS_ALREADY_REGISTERED when a driver is loaded; one driver at a time.
    NTSTATUS load_driver(DRIVER_INITIALIZE* entry, const ServiceOptions& service = {});
    // Runs DriverUnload and has the verifier check what is left, unless handles are open.
    UnloadResult unload_driver();
    bool driver_loaded() const;
    // After kPending: waits for the last close, and for DriverUnload, which it runs. False when the driver is still
    // there after `timeout`.
    bool wait_for_unload(std::chrono::nanoseconds timeout);
    // The clients that hold a handle to a device, by pid.
    std::vector<std::uint32_t> device_holders() const;

    // --- processes --------------------------------------------------------------------------------------------
    // A client. A process that activity reported before under this pid becomes the client's. Null when a client with
    // this pid exists already, and for a subsystem's process: its system calls never reach NT.
    ProcessRef create_process(std::uint32_t pid, Account account, std::unique_ptr<AddressSpace> address_space);
    // The client is gone: waits for its system calls in flight; then exit notification in the process's context, then
    // its handles close, then its address space goes. Later calls, and an exit that activity reports later, do nothing.
    void exit_process(const ProcessRef& process);
    // The same for a process whose handles are closed by a thread of `closer` that is attached to it, as it may go when
    // a debugger or a job ends it.
    void exit_process_from(Process& closer, const ProcessRef& process);
    // The user mappings of driver memory in a process.
    std::vector<UserMapping> mappings(const ProcessRef& process) const;

    // --- process activity -------------------------------------------------------------------------------------
    // Calls the notify routines in the creator's context; during the calls the precise system time is the activity's.
    // Returns the status they left in CreationStatus. A pid that has not exited is the same process with a new image.
    NTSTATUS raise_process_create(const ProcessCreation& creation);
    // Reports the exit of any pid, known or not, unless exit_process() did so. For a client it is exit_process() with
    // this timestamp. So made-up pids must not be those of clients: use values that Linux never assigns (> 2^22).
    void raise_process_exit(std::uint32_t pid, std::int64_t timestamp, std::optional<NTSTATUS> status = std::nullopt);

    // The same of threads. A process nobody has heard of is known from then on, until its exit. `raise_thread_exit` is
    // for any number, known or not.
    void raise_thread_create(const ThreadCreation& creation);
    void raise_thread_exit(const ThreadExit& exit);
    void raise_image_load(const ImageLoad& load);
    // The callbacks on handles, as open_process() and its like make them, for a handle that nobody gets.
    void raise_handle_open(const HandleOpen& open);

    // --- requests of kernel components ------------------------------------------------------------------------
    // Sends the device an IRP_MJ_INTERNAL_DEVICE_CONTROL from kernel mode, without a file object, as a component does
    // that holds a reference to the device object; METHOD_BUFFERED codes only. No system call of a process can.
    IoResult internal_device_control(std::u16string_view device, ULONG code, std::span<const std::byte> input,
                                     std::span<std::byte> output);

    // --- system calls -----------------------------------------------------------------------------------------
    // NtCreateFile of a path such as \??\AegisMon. `desired` may have generic bits.
    HandleResult open(Process& process, std::u16string_view path, ACCESS_MASK desired);
    // NtDeviceIoControlFile, waited for. Not serialized per handle.
    IoResult device_control(Process& process, ProcessHandle handle, ULONG code, std::span<const std::byte> input,
                            std::span<std::byte> output);
    // A request of any other major function, without buffers.
    IoResult request(Process& process, ProcessHandle handle, UCHAR major_function);
    // NtCreateEvent with all access.
    EventResult create_event(Process& process, EVENT_TYPE type, bool signalled);
    NTSTATUS set_event(Process& process, ProcessHandle handle);
    NTSTATUS reset_event(Process& process, ProcessHandle handle);
    // NtDuplicateObject; without `access` with the access of the source.
    HandleResult duplicate_handle(Process& source, ProcessHandle handle, Process& target,
                                  std::optional<ACCESS_MASK> access = std::nullopt);
    // NtDuplicateObject of a caller that has both processes open with PROCESS_DUP_HANDLE, or is one of them
    // (kCurrentProcess). Who has a handle to a process may name that process itself by kCurrentProcess as well.
    HandleResult duplicate_between(Process& caller, ProcessHandle source, ProcessHandle handle, ProcessHandle target,
                                   std::optional<ACCESS_MASK> access = std::nullopt);
    // NtOpenProcess and NtOpenThread, of whatever clients and activity there are. `desired` may have generic bits and
    // MAXIMUM_ALLOWED. No security descriptor stands in the way: what is not granted the drivers' callbacks have taken.
    HandleResult open_process(Process& process, std::uint32_t pid, ACCESS_MASK desired);
    HandleResult open_thread(Process& process, std::uint32_t tid, ACCESS_MASK desired);
    // NtQueryObject: what a handle may do; none for a value that is no handle.
    std::optional<ACCESS_MASK> granted_access(Process& process, ProcessHandle handle) const;
    // A duplicate of an event's descriptor, to pass to the client; it stays valid whoever closes the handle meanwhile.
    // Empty when it is no event handle, or no descriptor is left.
    UniqueFd share_event(Process& process, ProcessHandle handle);
    NTSTATUS close(Process& process, ProcessHandle handle);
    // NtDuplicateObject with DUPLICATE_CLOSE_SOURCE and no target: a thread of `closer`, attached to `process`, closes
    // a handle of it.
    NTSTATUS close_from(Process& closer, Process& process, ProcessHandle handle);

    // --- inspection -------------------------------------------------------------------------------------------
    FaultInjector& faults();
    // What ExUuidCreate answers to each coming call, in order: STATUS_RETRY where NT is not ready, or
    // RPC_NT_UUID_LOCAL_ONLY with an id. STATUS_SUCCESS after those.
    void answer_uuids(const std::vector<NTSTATUS>& statuses);
    // From now on memory that the driver has not written holds `value`: fresh pool, system buffers, and the stack below
    // every call of the driver, which holds whatever was there otherwise. A reply or a ring that depends on it tells
    // what the driver did not mean to. While no system call is under way.
    void poison_with(unsigned char value);
    std::vector<PoolBlock> pool_blocks() const;
    // The most events that the driver has set during one hold of a spin lock. NT keeps the lock's other users waiting
    // for as long as it takes to release the waiters of all of them, and this host cannot know how many those are.
    unsigned most_signals_in_a_hold() const;
    // Stops when [address, address + bytes) holds pageable memory and the thread runs at DISPATCH_LEVEL or above.
    void verify_access(const void* address, std::size_t bytes) const;

  private:
    std::unique_ptr<struct ExecutiveParts> parts_;
};

// The calling thread runs in `process` for one scope, in user or kernel mode: for tests that call NT functions
// themselves. Scopes nest.
class ProcessScope {
  public:
    ProcessScope(Process& process, MODE previous_mode);
    ~ProcessScope();
    ProcessScope(const ProcessScope&) = delete;
    ProcessScope& operator=(const ProcessScope&) = delete;

  private:
    Process* process_;
    MODE mode_;
};

std::uint32_t process_id(const Process& process);

}  // namespace aegis::host
