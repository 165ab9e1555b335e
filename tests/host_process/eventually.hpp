// Waiting for a condition that nothing signals.
#pragma once

#include <chrono>
#include <thread>

namespace aegis::test {

// False when it does not hold after a time that no healthy machine needs.
template <typename Condition>
bool eventually(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

}  // namespace aegis::test
