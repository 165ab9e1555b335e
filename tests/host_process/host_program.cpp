#include "host_program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace aegis::test {

TemporaryDirectory::TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aegis-host-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
        throw std::runtime_error("mkdtemp");
    }
    path_ = pattern;
    // Other users connect too.
    chmod(path_.c_str(), 0755);
}

TemporaryDirectory::~TemporaryDirectory() {
    std::filesystem::remove_all(path_);
}

std::string host_program() {
    return AEGIS_TEST_HOST_PROGRAM;
}

HostProgram::HostProgram(std::vector<std::string> arguments) {
    constexpr int kReadyFd = 3;
    std::array<int, 2> ready = {-1, -1};
    if (pipe2(ready.data(), O_CLOEXEC) != 0) {
        throw std::runtime_error("pipe2");
    }
    const host::UniqueFd reader(ready[0]);
    host::UniqueFd writer(ready[1]);
    arguments.insert(arguments.begin(), host_program());
    arguments.insert(arguments.end(), {"--socket", socket_path(), "--ready-fd", std::to_string(kReadyFd)});
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, writer.get(), kReadyFd);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, (directory_.path() / "errors").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int error = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        throw std::runtime_error("cannot start " + host_program());
    }
    writer.reset();
    std::array<char, 256> line;
    ready_ = read(reader.get(), line.data(), line.size()) > 0;
}

HostProgram::~HostProgram() {
    if (!status_) {
        const int status = end(SIGTERM);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status << "\n" << errors();
    }
}

void HostProgram::signal(int number) const {
    kill(pid_, number);
}

int HostProgram::end(int number) {
    if (!status_) {
        if (number != 0) {
            signal(number);
        }
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        status_ = status;
    }
    return *status_;
}

std::string HostProgram::errors() const {
    std::ifstream file(directory_.path() / "errors");
    std::string lines;
    for (std::string line; std::getline(file, line);) {
        lines += line.starts_with("aegismon-host: ready: ") ? std::string() : line + '\n';
    }
    return lines;
}

std::size_t HostProgram::descriptors() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd")) {
        ++count;
    }
    return count;
}

}  // namespace aegis::test
