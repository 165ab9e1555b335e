#include "agent/port/linux/embedded_host.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "driver/host/client/call_limit.hpp"

namespace aegis::agent {
namespace {

constexpr std::string_view kHostName = "aegismon-host";
constexpr int kReadyDescriptor = 3;  // in the child
constexpr std::chrono::seconds kReadyTimeout{30};
constexpr std::chrono::seconds kEndTimeout{15};

// The host's own exit codes that say more than "it failed".
constexpr int kHostUsage = 2;
constexpr int kHostNoPrivilege = 3;

std::string errno_text(int error) {
    return fmt::format("{} (errno {})", std::strerror(error), error);
}

std::string host_program() {
    if (const char* named = std::getenv("AEGISMON_HOST"); named != nullptr && named[0] != '\0') {
        return named;
    }
    std::error_code error;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!error) {
        const std::filesystem::path beside = self.parent_path() / kHostName;
        if (access(beside.c_str(), X_OK) == 0) {
            return beside;
        }
    }
    return std::string(kHostName);
}

std::string describe_end(std::string_view program, std::optional<int> end) {
    if (!end) {
        return fmt::format("{} does not end, not even by signal 9", program);
    }
    const int status = *end;
    if (WIFSIGNALED(status)) {
        const char* const hint = WTERMSIG(status) == SIGABRT ? ": its verifier stopped it, see its message above" : "";
        return fmt::format("{} was ended by signal {} ({}){}", program, WTERMSIG(status), strsignal(WTERMSIG(status)),
                           hint);
    }
    return fmt::format("{} ended with exit code {}", program, WEXITSTATUS(status));
}

// Attributes and descriptors of the child.
class SpawnPlan {
  public:
    SpawnPlan() {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
    }
    ~SpawnPlan() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;

    int spawn(const std::string& program, const std::vector<std::string>& arguments, int ready, pid_t& child) {
        posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        // Stdout carries events only.
        posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions_, ready, kReadyDescriptor);
        // A group of its own: Ctrl-C is for the agent, which then ends the host when it has read everything. And the
        // agent ignores SIGPIPE and SIGXFSZ, which a child would inherit.
        sigset_t defaults;
        sigemptyset(&defaults);
        sigaddset(&defaults, SIGPIPE);
        sigaddset(&defaults, SIGXFSZ);
        posix_spawnattr_setsigdefault(&attributes_, &defaults);
        posix_spawnattr_setpgroup(&attributes_, 0);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);

        std::vector<char*> argv = {const_cast<char*>(program.c_str())};
        for (const std::string& argument : arguments) {
            argv.push_back(const_cast<char*>(argument.c_str()));
        }
        argv.push_back(nullptr);
        return posix_spawnp(&child, program.c_str(), &actions_, &attributes_, argv.data(), environ);
    }

  private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

}  // namespace

std::optional<Failure> PrivateDirectory::create() {
    std::error_code error;
    const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
    std::string path = (error ? std::filesystem::path("/tmp") : parent) / "aegis-agent-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
        return Failure{ExitCode::kRuntimeFailure, fmt::format("cannot create a private directory {}: {}; set TMPDIR "
                                                              "to a directory that can be written",
                                                              path, errno_text(errno))};
    }
    path_ = std::move(path);
    return std::nullopt;
}

void PrivateDirectory::remove() {
    if (!path_.empty()) {
        unlink(socket_path().c_str());
        rmdir(path_.c_str());
        path_.clear();
    }
}

EmbeddedHost::~EmbeddedHost() {
    if (child_ > 0) {
        stop();
    }
}

std::optional<Failure> EmbeddedHost::start(const DeviceChoice& choice, const Patience& patience, int interrupt_fd) {
    if (auto failure = directory_.create()) {
        return failure;
    }
    host::UniqueFd ready;
    if (auto failure = spawn(choice, ready)) {
        return failure;
    }
    return wait_until_ready(ready, patience, interrupt_fd);
}

std::optional<Failure> EmbeddedHost::spawn(const DeviceChoice& choice, host::UniqueFd& ready) {
    std::array<int, 2> ends = {};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return Failure{ExitCode::kRuntimeFailure, fmt::format("cannot create a pipe: {}", errno_text(errno))};
    }
    ready.reset(ends[0]);
    const host::UniqueFd ready_writer(ends[1]);

    program_ = host_program();
    std::vector<std::string> arguments = {"--embedded", "--socket", socket_path(), "--ready-fd",
                                          std::to_string(kReadyDescriptor)};
    if (!choice.source.empty()) {
        arguments.insert(arguments.end(), {"--source", choice.source});
    }
    if (choice.ring_kib != 0) {
        arguments.insert(arguments.end(), {"--ring-kib", std::to_string(choice.ring_kib)});
    }
    if (choice.seed) {
        arguments.insert(arguments.end(), {"--seed", std::to_string(*choice.seed)});
    }
    const int error = SpawnPlan().spawn(program_, arguments, ready_writer.get(), child_);
    if (error != 0) {
        child_ = -1;
        return Failure{ExitCode::kNoDriver,
                       fmt::format("cannot start {}: {}; set AEGISMON_HOST to its path, put it beside the agent, or "
                                   "name a running host's socket with --device",
                                   program_, errno_text(error))};
    }
    return std::nullopt;
}

std::optional<Failure> EmbeddedHost::wait_until_ready(const host::UniqueFd& ready, const Patience& patience,
                                                      int interrupt_fd) {
    const std::chrono::nanoseconds limit = patience.at_most(kReadyTimeout);
    host::client::CallDeadline deadline({.timeout = limit, .interrupt_fd = interrupt_fd});
    const host::client::NtStatus waited = deadline.wait(ready.get(), POLLIN);
    if (waited == host::client::kStatusCancelled) {
        stop();
        return Failure{ExitCode::kFinished, fmt::format("asked to end before {} was ready", program_)};
    }
    if (!host::client::succeeded(waited)) {
        stop();
        return Failure{ExitCode::kNoAnswer, fmt::format("{} was not ready after {:.3g} s; run it alone to see why",
                                                        program_, std::chrono::duration<double>(limit).count())};
    }
    char byte = 0;
    if (::read(ready.get(), &byte, 1) == 1) {
        return std::nullopt;
    }
    // It closed the pipe without a word: it has ended, or is about to.
    const std::optional<int> status = wait_for_end();
    const int code = status && WIFEXITED(*status) ? WEXITSTATUS(*status) : 0;
    const ExitCode exit_code = code == kHostNoPrivilege ? ExitCode::kNoDriver
                               : code == kHostUsage     ? ExitCode::kUsage
                                                        : ExitCode::kRuntimeFailure;
    return Failure{exit_code, describe_end(program_, status) + " before it was ready; its message is above"};
}

std::optional<Failure> EmbeddedHost::stop() {
    directory_.remove();
    if (child_ <= 0) {
        return std::nullopt;
    }
    kill(child_, SIGTERM);
    // One that somebody stopped would not hear it.
    kill(child_, SIGCONT);
    const std::optional<int> status = wait_for_end();
    if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0) {
        return std::nullopt;
    }
    return Failure{ExitCode::kRuntimeFailure, describe_end(program_, status)};
}

std::optional<int> EmbeddedHost::wait_for_end() {
    const pid_t child = std::exchange(child_, -1);
    const host::UniqueFd ended(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    const auto has_ended = [&ended] {
        host::client::CallDeadline deadline({.timeout = kEndTimeout});
        return ended && host::client::succeeded(deadline.wait(ended.get(), POLLIN));
    };
    if (!has_ended()) {
        kill(child, SIGKILL);
        if (ended && !has_ended()) {
            return std::nullopt;
        }
    }
    // Without a pidfd this waits for what SIGKILL does.
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

}  // namespace aegis::agent
