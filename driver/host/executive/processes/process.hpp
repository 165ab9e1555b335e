// Process objects, and which of them a thread runs in.
#pragma once

#include <ntifs.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/memory/address_space.hpp"
#include "driver/host/executive/objects/handle_table.hpp"
#include "driver/host/executive/objects/object.hpp"
#include "driver/host/executive/security/token.hpp"
#include "driver/host/executive/sync/thread_state.hpp"

namespace aegis::host {

class Process final : public Object {
  public:
    Process(std::uint32_t pid, Account account, std::int64_t create_time);

    std::uint32_t pid() const { return pid_; }
    // What access checks go by.
    const Token& token() const { return token_of(account_); }
    // What the process says it runs as: what a source of activity told, else the token of its account.
    std::shared_ptr<const Token> primary_token() const;
    void set_primary_token(std::shared_ptr<const Token> token);
    std::string describe() const override;

    // Turns a process that only activity has reported into a client's. Before any system call of it.
    void become_client(Account account, std::unique_ptr<AddressSpace> space);

    // A pico process, which belongs to another subsystem: said when activity reports its creation.
    bool of_subsystem() const { return of_subsystem_.load(std::memory_order_relaxed); }
    void set_of_subsystem() { of_subsystem_.store(true, std::memory_order_relaxed); }

    // A protected process of the system's, as csrss.exe is one: said when activity reports its creation.
    bool is_protected() const { return is_protected_.load(std::memory_order_relaxed); }
    void set_protected() { is_protected_.store(true, std::memory_order_relaxed); }

    // Of the program that it runs, as activity has reported it; empty where nobody has.
    std::u16string image_path() const;
    void set_image_path(std::u16string_view path);

    // Its name for ever; its creation's time, or that of the first activity it was heard of by.
    std::uint64_t start_key() const { return start_key_; }
    std::int64_t create_time() const { return create_time_; }

    // STATUS_PENDING before the process has ended, and when nobody knows with what it did.
    NTSTATUS exit_status() const { return exit_status_.load(std::memory_order_relaxed); }
    void ended_with(NTSTATUS status) { exit_status_.store(status, std::memory_order_relaxed); }

    // A system call begins, unless the process is exiting.
    bool begin_system_call();
    void end_system_call();
    // True for the one caller that has to run the exit; it then runs alone: no system call is in flight, none begins.
    // Everyone else waits until finish_exit().
    bool begin_exit();
    void finish_exit();

    HandleTable handles;
    std::unique_ptr<AddressSpace> address_space;  // guarded by MdlTable

  private:
    enum class Life { kRunning, kExiting, kExited };

    const std::uint32_t pid_;
    const std::uint64_t start_key_;
    const std::int64_t create_time_;
    std::atomic<bool> of_subsystem_ = false;
    std::atomic<bool> is_protected_ = false;
    std::atomic<Account> account_;  // activity may run in a process while a client takes it over
    std::atomic<NTSTATUS> exit_status_ = STATUS_PENDING;
    mutable std::mutex mutex_;  // guards everything below
    std::condition_variable changed_;
    std::u16string image_path_;
    std::shared_ptr<const Token> primary_token_;  // null: that of the account
    Life life_ = Life::kRunning;
    unsigned system_calls_ = 0;
};

inline PEPROCESS to_nt(Process& process) {
    return reinterpret_cast<PEPROCESS>(&process);
}

inline HANDLE to_nt(std::uint32_t id) {
    return reinterpret_cast<HANDLE>(static_cast<ULONG_PTR>(id));
}

// The process this thread belongs to: the caller of the system call, else the system process.
Process& thread_process();
// The process whose addresses this thread sees: the one it is attached to, else its own.
Process& current_process();
SECURITY_SUBJECT_CONTEXT subject_context(const Process& process);
// A reference that NT functions outside this library can hold.
ProcessRef share(Process& process);

// This thread is one of `process` for one scope.
class ThreadInProcess {
  public:
    ThreadInProcess(Process& process, KPROCESSOR_MODE previous_mode);
    ~ThreadInProcess();
    ThreadInProcess(const ThreadInProcess&) = delete;
    ThreadInProcess& operator=(const ThreadInProcess&) = delete;

  private:
    Process* process_;
    KPROCESSOR_MODE previous_mode_;
};

// This thread sees the addresses of `process` for one scope, as after KeStackAttachProcess.
class ThreadAttached {
  public:
    explicit ThreadAttached(Process& process);
    ~ThreadAttached();
    ThreadAttached(const ThreadAttached&) = delete;
    ThreadAttached& operator=(const ThreadAttached&) = delete;

  private:
    KAPC_STATE state_{};
};

// One system call of a client. Refused when the process is exiting; its functions then must not run.
class SystemCall {
  public:
    explicit SystemCall(Process& process);
    ~SystemCall();
    SystemCall(const SystemCall&) = delete;
    SystemCall& operator=(const SystemCall&) = delete;

    bool refused() const { return !in_process_; }

  private:
    Process& process_;
    std::optional<ThreadInProcess> in_process_;
};

}  // namespace aegis::host
