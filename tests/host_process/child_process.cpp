#include "child_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace aegis::test {
namespace {

struct Pipe {
    Pipe() {
        std::array<int, 2> ends = {-1, -1};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) {
            throw std::runtime_error("pipe2");
        }
        reader.reset(ends[0]);
        writer.reset(ends[1]);
    }
    host::UniqueFd reader;
    host::UniqueFd writer;
};

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments) {
    Pipe input;
    Pipe output;
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments) {
        argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.reader.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output.writer.get(), STDOUT_FILENO);
    const int error = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        throw std::runtime_error("cannot start " + arguments.front());
    }
    input_ = std::move(input.writer);
    output_ = std::move(output.reader);
}

ChildProcess::~ChildProcess() {
    if (!status_) {
        signal(SIGKILL);
        wait();
    }
}

std::string ChildProcess::read_line() {
    std::string line;
    char byte = 0;
    while (read(output_.get(), &byte, 1) == 1 && byte != '\n') {
        line.push_back(byte);
    }
    return line;
}

void ChildProcess::signal(int number) const {
    kill(pid_, number);
}

int ChildProcess::wait() {
    if (!status_) {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        status_ = status;
    }
    return *status_;
}

std::string behaviour_program() {
    return AEGIS_TEST_BEHAVIOUR_PROGRAM;
}

}  // namespace aegis::test
