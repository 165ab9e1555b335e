#include "agent/client/process_barrier.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace aegis::client {
namespace {

long membarrier(int command) noexcept {
    return syscall(SYS_membarrier, command, 0U, 0);
}

void must(int command) {
    if (membarrier(command) != 0) {
        throw std::system_error(errno, std::generic_category(), "membarrier");
    }
}

}  // namespace

// An error, from a kernel without it or where it is filtered out, is negative: all bits would be set.
bool has_process_barrier() noexcept {
    const int before = errno;
    const long commands = membarrier(MEMBARRIER_CMD_QUERY);
    errno = before;
    return commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
}

// To register again costs a system call and nothing else.
void process_barrier() {
    must(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    must(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

}  // namespace aegis::client
