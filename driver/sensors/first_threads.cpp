#include "sensors/first_threads.hpp"

#include <atomic>

namespace aegis::driver {
namespace {

// Numbers of processes; 0: free. All orders are relaxed: a number is put in and taken out by the thread that creates
// the process, and nothing else is read because of it. Slots are claimed by compare-exchange, so that two processors
// never share one.
constinit std::atomic<std::uint32_t> g_expected[kMostExpectedThreads];

// Whether the slot held `from`, and now holds `to`.
bool change(std::atomic<std::uint32_t>& slot, std::uint32_t from, std::uint32_t to) {
    return slot.load(std::memory_order_relaxed) == from &&
           slot.compare_exchange_strong(from, to, std::memory_order_relaxed, std::memory_order_relaxed);
}

bool change_any(std::uint32_t from, std::uint32_t to) {
    for (std::atomic<std::uint32_t>& slot : g_expected) {
        if (change(slot, from, to)) {
            return true;
        }
    }
    return false;
}

}  // namespace

void expect_first_thread(std::uint32_t process_id) {
    // A creation that somebody refused left its number behind: nobody tells of the end of what never began.
    forget_first_thread(process_id);
    if (!change_any(0, process_id)) {
        g_expected[process_id / 4 % kMostExpectedThreads].store(process_id, std::memory_order_relaxed);
    }
}

bool take_first_thread(std::uint32_t process_id) {
    return change_any(process_id, 0);
}

void forget_first_thread(std::uint32_t process_id) {
    change_any(process_id, 0);
}

void reset_first_threads() {
    for (std::atomic<std::uint32_t>& slot : g_expected) {
        slot.store(0, std::memory_order_relaxed);
    }
}

}  // namespace aegis::driver
