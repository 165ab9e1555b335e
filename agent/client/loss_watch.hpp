// Which of the driver's losses are told already: each is told once, whoever of the readers notices it first.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "agent/client/losses.hpp"

namespace aegis::client {

// Any thread.
class LossWatch {
  public:
    // What was lost before the client came is no loss of this client.
    explicit LossWatch(const LossCounters& at_attach) {
        for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
            told_[reason].store(at_attach[reason], std::memory_order_relaxed);
        }
    }

    // `now`: the driver's counters as they were a moment ago. Returns by how much each has grown since anyone took its
    // growth before; who gets it tells it.
    LossCounters take(const LossCounters& now) {
        LossCounters grown{};
        for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
            // Relaxed: each counter stands for itself, and the exchange alone decides whose its growth is. A look that
            // comes late finds a larger number and takes nothing.
            std::uint64_t told = told_[reason].load(std::memory_order_relaxed);
            while (now[reason] > told) {
                if (told_[reason].compare_exchange_weak(told, now[reason], std::memory_order_relaxed)) {
                    grown[reason] = now[reason] - told;
                    break;
                }
            }
        }
        return grown;
    }

    // What one had taken and did not tell is left to the next look.
    void give_back(unsigned reason, std::uint64_t count) { told_[reason].fetch_sub(count, std::memory_order_relaxed); }

    bool has_grown(const LossCounters& now) const {
        for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
            if (now[reason] > told_[reason].load(std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

  private:
    std::array<std::atomic<std::uint64_t>, AEGIS_LOST_REASONS> told_;
};

}  // namespace aegis::client
