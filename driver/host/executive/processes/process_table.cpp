#include "driver/host/executive/processes/process_table.hpp"

#include <utility>

#include "driver/host/executive/system_time.hpp"

namespace aegis::host {
namespace {

constexpr std::uint32_t kSystemProcessId = 4;

Referenced<Process> again(const Referenced<Process>& process) {
    process->reference();
    return Referenced<Process>(process.get());
}

}  // namespace

ProcessTable::ProcessTable() : system_(new Process(kSystemProcessId, Account::kSystem, system_time_now())) {
    PsInitialSystemProcess = to_nt(*system_);
}

void ProcessTable::destroy_system() {
    entries_.clear();
    PsInitialSystemProcess = nullptr;
    system_ = {};
}

ProcessRef ProcessTable::add_client(std::uint32_t pid, Account account, std::unique_ptr<AddressSpace> space) {
    const std::lock_guard lock(mutex_);
    auto found = entries_.find(pid);
    if (found == entries_.end()) {
        found = entries_.emplace(pid, Entry{Referenced<Process>(new Process(pid, account, system_time_now())), false})
                    .first;
    }
    if (found->second.client || found->second.process->of_subsystem()) {
        return nullptr;
    }
    found->second.client = true;
    found->second.process->become_client(account, std::move(space));
    return share(*found->second.process);
}

Referenced<Process> ProcessTable::created(std::uint32_t pid, std::int64_t timestamp, std::int64_t create_time) {
    const std::lock_guard lock(mutex_);
    const auto ahead = exits_ahead_.find(pid);
    if (ahead != exits_ahead_.end() && ahead->second < timestamp) {
        exits_ahead_.erase(ahead);
    }
    return again(entry_of(pid, create_time).process);
}

Referenced<Process> ProcessTable::heard_of(std::uint32_t pid, std::int64_t timestamp) {
    if (pid == kSystemProcessId) {
        return find(pid);
    }
    const std::lock_guard lock(mutex_);
    return again(entry_of(pid, timestamp).process);
}

ProcessTable::Entry& ProcessTable::entry_of(std::uint32_t pid, std::int64_t create_time) {
    const auto found = entries_.find(pid);
    if (found != entries_.end()) {
        return found->second;
    }
    return entries_.emplace(pid, Entry{Referenced<Process>(new Process(pid, Account::kUser, create_time)), false})
        .first->second;
}

Referenced<Process> ProcessTable::find(std::uint32_t pid) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(pid);
    if (found != entries_.end()) {
        return again(found->second.process);
    }
    return pid == kSystemProcessId ? again(system_) : Referenced<Process>();
}

Referenced<Process> ProcessTable::find_or_invent(std::uint32_t pid) {
    Referenced<Process> process = find(pid);
    return process ? std::move(process) : Referenced<Process>(new Process(pid, Account::kUser, 0));
}

ProcessTable::Exit ProcessTable::exited(std::uint32_t pid) {
    const std::lock_guard lock(mutex_);
    const bool reported_ahead = exits_ahead_.erase(pid) != 0;
    const auto found = entries_.find(pid);
    if (found != entries_.end() && found->second.client) {
        return {again(found->second.process), true};
    }
    Referenced<Process> process;
    if (found != entries_.end()) {
        process = std::move(found->second.process);
        entries_.erase(found);
    } else {
        process = Referenced<Process>(new Process(pid, Account::kUser, 0));
    }
    return reported_ahead ? Exit{} : Exit{std::move(process), false};
}

void ProcessTable::remove_client(Process& process, std::int64_t timestamp, bool reported) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(process.pid());
    if (found != entries_.end() && found->second.process.get() == &process) {
        entries_.erase(found);
        if (!reported) {
            exits_ahead_.insert_or_assign(process.pid(), timestamp);
        }
    }
}

void ProcessTable::forget_exit_ahead(std::uint32_t pid) {
    const std::lock_guard lock(mutex_);
    exits_ahead_.erase(pid);
}

std::vector<ProcessRef> ProcessTable::clients() {
    const std::lock_guard lock(mutex_);
    std::vector<ProcessRef> all;
    for (const auto& [pid, entry] : entries_) {
        if (entry.client) {
            all.push_back(share(*entry.process));
        }
    }
    return all;
}

}  // namespace aegis::host

extern "C" {
PEPROCESS PsInitialSystemProcess = nullptr;
}
