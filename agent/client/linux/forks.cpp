#include "agent/client/forks.hpp"

#include <pthread.h>

#include <atomic>

namespace aegis::client {
namespace {

// Relaxed: a child has one thread, which sees what it did itself.
std::atomic<std::uint32_t> g_generation{0};

void count_fork() {
    g_generation.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

std::uint32_t fork_generation() {
    static const int registered = pthread_atfork(nullptr, nullptr, count_fork);
    static_cast<void>(registered);
    return g_generation.load(std::memory_order_relaxed);
}

}  // namespace aegis::client
