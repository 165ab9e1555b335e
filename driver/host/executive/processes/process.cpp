#include "driver/host/executive/processes/process.hpp"

#include <fmt/format.h>

#include <utility>

#include "driver/host/executive/parts.hpp"

namespace aegis::host {

namespace {

// As NT makes them: a count of boots above a count of processes.
std::uint64_t next_start_key() {
    constexpr std::uint64_t kFirst = (std::uint64_t{1} << 48) + 1;
    // Relaxed: only that no two are equal matters.
    static std::atomic<std::uint64_t> next = kFirst;
    return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

Process::Process(std::uint32_t pid, Account account, std::int64_t create_time)
    : Object(process_object_type, this),
      pid_(pid),
      start_key_(next_start_key()),
      create_time_(create_time),
      account_(account) {}

std::string Process::describe() const {
    return fmt::format("process {}", pid_);
}

void Process::become_client(Account account, std::unique_ptr<AddressSpace> space) {
    account_ = account;
    address_space = std::move(space);
}

std::u16string Process::image_path() const {
    const std::lock_guard lock(mutex_);
    return image_path_;
}

void Process::set_image_path(std::u16string_view path) {
    const std::lock_guard lock(mutex_);
    image_path_ = path;
}

std::shared_ptr<const Token> Process::primary_token() const {
    static const Token nobodys;
    const std::lock_guard lock(mutex_);
    if (primary_token_) {
        return primary_token_;
    }
    // These are nobody's to delete.
    const Token& made_up = executive_parts().options.invent_users ? token() : nobodys;
    return {std::shared_ptr<void>(), &made_up};
}

void Process::set_primary_token(std::shared_ptr<const Token> token) {
    const std::lock_guard lock(mutex_);
    primary_token_ = std::move(token);
}

bool Process::begin_system_call() {
    const std::lock_guard lock(mutex_);
    if (life_ != Life::kRunning) {
        return false;
    }
    ++system_calls_;
    return true;
}

void Process::end_system_call() {
    const std::lock_guard lock(mutex_);
    --system_calls_;
    // Under the lock: an exit that waits for this may end with the process's last reference.
    changed_.notify_all();
}

bool Process::begin_exit() {
    std::unique_lock lock(mutex_);
    if (life_ != Life::kRunning) {
        changed_.wait(lock, [&] { return life_ == Life::kExited; });
        return false;
    }
    life_ = Life::kExiting;
    changed_.wait(lock, [&] { return system_calls_ == 0; });
    return true;
}

void Process::finish_exit() {
    const std::lock_guard lock(mutex_);
    life_ = Life::kExited;
    changed_.notify_all();
}

Process& thread_process() {
    Process* process = this_thread().process;
    return process != nullptr ? *process : executive_parts().processes.system();
}

Process& current_process() {
    const auto& attachments = this_thread().attachments;
    return attachments.empty() ? thread_process() : *attachments.back().process;
}

SECURITY_SUBJECT_CONTEXT subject_context(const Process& process) {
    return {nullptr, SecurityAnonymous, const_cast<Token*>(&process.token()), to_nt(process.pid())};
}

ProcessRef share(Process& process) {
    process.reference();
    return {&process, [](Process* shared) { shared->dereference(); }};
}

ThreadInProcess::ThreadInProcess(Process& process, KPROCESSOR_MODE previous_mode)
    : process_(std::exchange(this_thread().process, &process)),
      previous_mode_(std::exchange(this_thread().previous_mode, previous_mode)) {}

ThreadInProcess::~ThreadInProcess() {
    this_thread().process = process_;
    this_thread().previous_mode = previous_mode_;
}

ThreadAttached::ThreadAttached(Process& process) {
    this_thread().attachments.push_back({&process, &state_});
}

ThreadAttached::~ThreadAttached() {
    this_thread().attachments.pop_back();
}

SystemCall::SystemCall(Process& process) : process_(process) {
    if (process_.begin_system_call()) {
        in_process_.emplace(process_, UserMode);
    }
}

SystemCall::~SystemCall() {
    if (in_process_) {
        executive_parts().objects.destroy_deferred();
        in_process_.reset();
        process_.end_system_call();
    }
}

ProcessScope::ProcessScope(Process& process, MODE previous_mode)
    : process_(std::exchange(this_thread().process, &process)),
      mode_(
          static_cast<MODE>(std::exchange(this_thread().previous_mode, static_cast<KPROCESSOR_MODE>(previous_mode)))) {}

ProcessScope::~ProcessScope() {
    this_thread().process = process_;
    this_thread().previous_mode = static_cast<KPROCESSOR_MODE>(mode_);
}

std::uint32_t process_id(const Process& process) {
    return process.pid();
}

}  // namespace aegis::host
