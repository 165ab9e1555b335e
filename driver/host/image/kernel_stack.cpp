#include "driver/host/image/kernel_stack.hpp"

#include <sys/mman.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace aegis::host {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kSignalStackBytes = std::size_t{64} * 1024;

std::byte* map_or_end(std::size_t bytes, int protection) {
    void* memory = ::mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        std::perror("no memory for a kernel stack");
        std::abort();
    }
    return static_cast<std::byte*>(memory);
}

}  // namespace

KernelStack::KernelStack() : memory_(map_or_end(kGuardBytes + kKernelStackBytes + kPageBytes, PROT_NONE)) {
    if (::mprotect(bottom(), kKernelStackBytes + kPageBytes, PROT_READ | PROT_WRITE) != 0) {
        std::perror("no memory for a kernel stack");
        std::abort();
    }
    // A thread without any stack left needs another one for the signal that says so. Sanitizers bring theirs.
    stack_t current{};
    if (::sigaltstack(nullptr, &current) == 0 && (current.ss_flags & SS_DISABLE) != 0) {
        signal_stack_ = map_or_end(kSignalStackBytes, PROT_READ | PROT_WRITE);
        const stack_t mine{signal_stack_, 0, kSignalStackBytes};
        ::sigaltstack(&mine, nullptr);
    }
}

KernelStack::~KernelStack() {
    if (signal_stack_ != nullptr) {
        const stack_t none{nullptr, SS_DISABLE, 0};
        ::sigaltstack(&none, nullptr);
        ::munmap(signal_stack_, kSignalStackBytes);
    }
    ::munmap(memory_, kGuardBytes + kKernelStackBytes + kPageBytes);
}

bool KernelStack::guards(const void* address) const {
    const auto* byte = static_cast<const std::byte*>(address);
    return byte >= memory_ && byte < bottom();
}

}  // namespace aegis::host
