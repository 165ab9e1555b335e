// Which of the driver's losses are told already: each is told once, whoever of the workers notices it first.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "agent/client/loss.hpp"

namespace aegis::agent {

// Any thread.
class LossWatch {
  public:
    // What was lost before the agent came is no loss of this agent.
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

}  // namespace aegis::agent
