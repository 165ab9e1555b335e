#include "driver/support/watched_memory.hpp"

#include <sys/mman.h>
#include <ucontext.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace aegis::test {
namespace {

// EFLAGS.TF: a trap after the next instruction.
constexpr greg_t kTrapFlag = 0x100;

greg_t& flags_of(void* context) {
    return static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL];
}

struct sigaction handle(int signal, void (*handler)(int, siginfo_t*, void*)) {
    struct sigaction action {};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    struct sigaction before {};
    if (::sigaction(signal, &action, &before) != 0) {
        std::abort();
    }
    return before;
}

}  // namespace

WatchedMemory::WatchedMemory(void* pages, std::size_t bytes)
    : begin_(static_cast<std::byte*>(pages)),
      bytes_(bytes),
      before_access_(handle(SIGSEGV, on_access)),
      before_step_(handle(SIGTRAP, on_step)) {
    g_watched = this;
    protect(PROT_NONE);
}

WatchedMemory::~WatchedMemory() {
    protect(PROT_READ | PROT_WRITE);
    g_watched = nullptr;
    ::sigaction(SIGTRAP, &before_step_, nullptr);
    ::sigaction(SIGSEGV, &before_access_, nullptr);
}

unsigned WatchedMemory::accesses_of_a_load() {
    constexpr std::size_t kPage = 4096;
    void* page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        std::abort();
    }
    const auto* word = new (page) std::atomic<std::uint64_t>(0);
    unsigned accesses = 0;
    {
        const WatchedMemory watched(page, kPage);
        word->load(std::memory_order_relaxed);
        accesses = watched.accesses();
    }
    ::munmap(page, kPage);
    return accesses;
}

void WatchedMemory::protect(int protection) const {
    if (::mprotect(begin_, bytes_, protection) != 0) {
        std::abort();
    }
}

void WatchedMemory::on_access(int signal, siginfo_t* info, void* context) {
    const auto* address = static_cast<std::byte*>(info->si_addr);
    if (address < g_watched->begin_ || address >= g_watched->begin_ + g_watched->bytes_) {
        // Somebody else's fault: it comes again, and ends the program.
        ::signal(signal, SIG_DFL);
        return;
    }
    g_watched->accesses_ = g_watched->accesses_ + 1;
    g_watched->protect(PROT_READ | PROT_WRITE);
    flags_of(context) |= kTrapFlag;
}

void WatchedMemory::on_step(int /*signal*/, siginfo_t* /*info*/, void* context) {
    flags_of(context) &= ~kTrapFlag;
    g_watched->protect(PROT_NONE);
}

}  // namespace aegis::test
