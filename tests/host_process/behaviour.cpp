// A process that behaves as its first argument says. Waits, where it does, for the end of its standard input.
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace {

void wait_for_end_of_input() {
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

// Tells the test that the point it waits for is reached, or which pid a child got.
void tell(long number) {
    std::printf("%ld\n", number), std::fflush(stdout);
}

[[noreturn]] void become_true() {
    execl("/bin/true", "true", nullptr);
    std::abort();
}

int fork_and_exit() {
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    tell(child);
    return 0;
}

int fork_and_linger() {
    const pid_t child = fork();
    if (child == 0) {
        wait_for_end_of_input();
        _exit(0);
    }
    tell(child);
    waitpid(child, nullptr, 0);
    return 0;
}

// The first thread ends at once, the process later.
[[noreturn]] void leader_ends_first() {
    std::thread([] {
        wait_for_end_of_input();
        _exit(0);
    }).detach();
    tell(getpid());
    pthread_exit(nullptr);
}

// The exec of another thread takes the place of the first one, which ends for it.
[[noreturn]] void exec_from_thread() {
    std::thread(become_true).detach();
    while (true) {
        pause();
    }
}

int many_threads() {
    for (int i = 0; i < 8; ++i) {
        std::thread([] {}).join();
    }
    std::thread([] { wait_for_end_of_input(); }).detach();
    tell(getpid());
    wait_for_end_of_input();
    return 0;
}

int linger() {
    tell(getpid());
    wait_for_end_of_input();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view behaviour = argc > 1 ? argv[1] : "";
    if (behaviour == "fork-and-exit") {
        return fork_and_exit();
    }
    if (behaviour == "fork-and-linger") {
        return fork_and_linger();
    }
    if (behaviour == "exec-again") {
        become_true();
    }
    if (behaviour == "leader-ends-first") {
        leader_ends_first();
    }
    if (behaviour == "exec-from-thread") {
        exec_from_thread();
    }
    if (behaviour == "many-threads") {
        return many_threads();
    }
    if (behaviour == "linger") {
        return linger();
    }
    return 2;
}
