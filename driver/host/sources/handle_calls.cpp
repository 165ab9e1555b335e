#include "driver/host/sources/handle_calls.hpp"

#include <fmt/format.h>
#include <sys/ptrace.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>

namespace aegis::host::sources {
namespace {

// NT's.
constexpr std::uint32_t kTerminate = 0x0001;  // of a process and of a thread
constexpr std::uint32_t kProcessVmOperation = 0x0008;
constexpr std::uint32_t kProcessVmRead = 0x0010;
constexpr std::uint32_t kProcessVmWrite = 0x0020;
constexpr std::uint32_t kProcessDupHandle = 0x0040;
constexpr std::uint32_t kProcessSuspendResume = 0x0800;
constexpr std::uint32_t kProcessQueryLimited = 0x1000;
constexpr std::uint32_t kThreadSuspendResume = 0x0002;
constexpr std::uint32_t kSynchronize = 0x0010'0000;
constexpr std::uint32_t kAttach =
    kTerminate | kProcessVmOperation | kProcessVmRead | kProcessVmWrite | kProcessSuspendResume;

// 0: it does nothing unless the process says otherwise.
std::uint32_t access_of_signal(int signal, std::uint32_t suspend_resume) {
    switch (signal) {
        case 0:
        case SIGCHLD:
        case SIGURG:
        case SIGWINCH:
            return 0;
        case SIGSTOP:
        case SIGTSTP:
        case SIGTTIN:
        case SIGTTOU:
        case SIGCONT:
            return suspend_resume;
        default:
            return kTerminate;
    }
}

// The number behind `field` at the beginning of a line of a file of /proc; none where there is no such line.
std::optional<std::uint32_t> field_of(const std::string& path, std::string_view field) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
    std::array<char, 256> line;
    while (file && std::fgets(line.data(), line.size(), file.get()) != nullptr) {
        std::string_view text(line.data());
        if (!text.starts_with(field)) {
            continue;
        }
        text.remove_prefix(field.size());
        text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
        std::uint32_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        return error == std::errc() ? std::optional(number) : std::nullopt;
    }
    return std::nullopt;
}

HandleAccess to_process(std::uint64_t pid, std::uint32_t access) {
    HandleAccess wanted;
    wanted.process_id = static_cast<std::uint32_t>(pid);
    wanted.access = access;
    return wanted;
}

HandleAccess to_thread(std::uint64_t pid, std::uint64_t tid, std::uint32_t access) {
    HandleAccess wanted = to_process(pid, access);
    wanted.thread_id = static_cast<std::uint32_t>(tid);
    wanted.of_thread = true;
    return wanted;
}

// A thread's number where it stands for its whole process.
HandleAccess to_process_of_thread(std::uint64_t tid, std::uint32_t access) {
    HandleAccess wanted;
    wanted.thread_id = static_cast<std::uint32_t>(tid);
    wanted.access = access;
    return wanted;
}

std::optional<HandleAccess> of_ptrace(std::uint64_t request, std::uint64_t tid) {
    const auto wanted = static_cast<std::int64_t>(request);
    if (wanted != PTRACE_ATTACH && wanted != PTRACE_SEIZE) {
        return std::nullopt;
    }
    return to_process_of_thread(tid, kAttach);
}

std::optional<HandleAccess> of_kill(std::uint64_t pid, std::uint64_t signal) {
    const std::uint32_t access = access_of_signal(static_cast<int>(signal), kProcessSuspendResume);
    // 0 and what is negative are groups.
    if (access == 0 || static_cast<std::int32_t>(pid) <= 0) {
        return std::nullopt;
    }
    return to_process(pid, access);
}

std::optional<HandleAccess> of_thread_kill(std::uint64_t pid, std::uint64_t tid, std::uint64_t signal) {
    const std::uint32_t access = access_of_signal(static_cast<int>(signal), kThreadSuspendResume);
    if (access == 0) {
        return std::nullopt;
    }
    return to_thread(pid, tid, access);
}

}  // namespace

std::optional<HandleAccess> handle_access(HandleCall call, const std::array<std::uint64_t, 3>& arguments) {
    switch (call) {
        case HandleCall::kPtrace:
            return of_ptrace(arguments[0], arguments[1]);
        case HandleCall::kReadMemory:
            return to_process_of_thread(arguments[0], kProcessVmRead);
        case HandleCall::kWriteMemory:
            return to_process_of_thread(arguments[0], kProcessVmWrite | kProcessVmOperation);
        case HandleCall::kOpenPidfd:
            return to_process(arguments[0], kTerminate | kProcessQueryLimited | kSynchronize);
        case HandleCall::kGetDescriptor: {
            HandleAccess wanted;
            wanted.descriptor = static_cast<int>(arguments[0]);
            wanted.access = kProcessDupHandle;
            return wanted;
        }
        case HandleCall::kKill:
            return of_kill(arguments[0], arguments[1]);
        case HandleCall::kThreadKill:
            return of_thread_kill(arguments[0], arguments[1], arguments[2]);
        case HandleCall::kOtherThreadKill:
            return of_thread_kill(0, arguments[0], arguments[1]);
    }
    return std::nullopt;
}

std::uint32_t process_of_thread(std::uint32_t thread_id) {
    return field_of(fmt::format("/proc/{}/status", thread_id), "Tgid:").value_or(thread_id);
}

std::optional<std::uint32_t> process_of_pidfd(std::uint32_t process_id, int descriptor) {
    const auto found = field_of(fmt::format("/proc/{}/fdinfo/{}", process_id, descriptor), "Pid:");
    // What is no pidfd has no such line; -1: its process has ended.
    return found && *found != 0 ? found : std::nullopt;
}

}  // namespace aegis::host::sources
