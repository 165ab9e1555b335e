#include "driver/host/server/process_table.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "driver/host/client/status.hpp"
#include "driver/host/server/client_address_space.hpp"
#include "driver/host/server/limits.hpp"

namespace aegis::host::server {

ProcessTable::ProcessTable(Executive& executive) : executive_(executive), ended_(epoll_create1(EPOLL_CLOEXEC)) {
    if (!ended_) {
        throw std::system_error(errno, std::generic_category(), "epoll_create1");
    }
}

ProcessTable::Admission ProcessTable::admit(Peer peer, int socket, int notices, const AddressWindow& window) {
    ClientProcessRef known = find(peer.pid);
    if (known && known->has_ended()) {
        // The pid is in use again before the end of its former owner was dealt with.
        bury(known);
        known = nullptr;
    }
    const std::lock_guard guard(mutex_);
    const auto found = processes_.find(peer.pid);
    if (found != processes_.end()) {
        const ClientProcessRef& process = found->second;
        if (process->user() != peer.user) {
            return {STATUS_ACCESS_DENIED, nullptr};
        }
        const bool connected = process->connect(socket, notices, window);
        return {connected ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER, connected ? process : nullptr};
    }
    if (!has_room_for(peer)) {
        return {client::kStatusTooManySessions, nullptr};
    }
    auto process = std::make_shared<ClientProcess>(std::move(peer), window);
    if (process->has_ended()) {
        // It ended with its greeting still in the socket. The driver has been told of that end, by a source or at the
        // burial of another connection, or never heard of the process; made a client now, it would end once more. What
        // is left is a source's report from within the process's exit, moments before the pidfd shows it.
        return {STATUS_PROCESS_IS_TERMINATING, nullptr};
    }
    // The watch first: what follows cannot be undone before the process has ended.
    epoll_event ended = {.events = EPOLLIN | EPOLLONESHOT, .data = {.u32 = process->pid()}};
    if (epoll_ctl(ended_.get(), EPOLL_CTL_ADD, process->pidfd(), &ended) != 0) {
        return {STATUS_INSUFFICIENT_RESOURCES, nullptr};
    }
    process->set_process(executive_.create_process(
        process->pid(), process->account(), std::make_unique<ClientAddressSpace>(process->window(), process->board())));
    if (!process->reference()) {
        return {STATUS_INSUFFICIENT_RESOURCES, nullptr};
    }
    process->connect(socket, notices, window);
    processes_.emplace(process->pid(), process);
    return {STATUS_SUCCESS, process};
}

bool ProcessTable::has_room_for(const Peer& peer) const {
    if (processes_.size() >= kMostProcesses) {
        return false;
    }
    if (peer.account != Account::kUser) {
        return true;
    }
    std::size_t ordinary = 0;
    std::size_t of_this_user = 0;
    for (const auto& [pid, process] : processes_) {
        ordinary += process->account() == Account::kUser ? 1 : 0;
        of_this_user += process->user() == peer.user ? 1 : 0;
    }
    return ordinary < kMostOrdinaryProcesses && of_this_user < kMostProcessesOfOneUser;
}

ClientProcessRef ProcessTable::find(std::uint32_t pid) const {
    const std::lock_guard guard(mutex_);
    const auto found = processes_.find(pid);
    return found == processes_.end() ? nullptr : found->second;
}

std::vector<ClientProcessRef> ProcessTable::all() const {
    const std::lock_guard guard(mutex_);
    std::vector<ClientProcessRef> processes;
    for (const auto& [pid, process] : processes_) {
        processes.push_back(process);
    }
    return processes;
}

std::optional<ProcessTable::Clock::time_point> ProcessTable::bury_ended() {
    const Clock::time_point now = Clock::now();
    std::array<epoll_event, 16> events;
    int count = 0;
    do {
        count = epoll_wait(ended_.get(), events.data(), events.size(), 0);
        for (int i = 0; i < count; ++i) {
            ClientProcessRef process = find(events[static_cast<std::size_t>(i)].data.u32);
            if (process && process->has_ended()) {
                dying_.push_back({std::move(process), now + patience_});
            }
        }
    } while (count == static_cast<int>(events.size()));
    const auto waiting =
        std::find_if(dying_.begin(), dying_.end(), [&](const Dying& dying) { return dying.deadline > now; });
    std::for_each(dying_.begin(), waiting, [&](const Dying& dying) { bury(dying.process); });
    dying_.erase(dying_.begin(), waiting);
    return dying_.empty() ? std::nullopt : std::optional(dying_.front().deadline);
}

void ProcessTable::end_reported(std::uint32_t pid) {
    const ClientProcessRef process = find(pid);
    if (process && process->has_ended()) {
        bury(process);
    }
}

// Harmless for one that is buried already.
void ProcessTable::bury(const ClientProcessRef& process) {
    executive_.exit_process(process->reference());
    process->board()->hang_up();
    const std::lock_guard guard(mutex_);
    const auto found = processes_.find(process->pid());
    if (found != processes_.end() && found->second == process) {
        processes_.erase(found);
    }
}

}  // namespace aegis::host::server
