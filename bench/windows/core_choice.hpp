// Which processors the two sides of a benchmark run on.
#pragma once

#include <windows.h>

#include <optional>

namespace aegis::bench {

// Affinity masks of one logical processor each, of two physical cores.
struct CoreChoice {
    DWORD_PTR first;
    DWORD_PTR second;
};

// Empty where this process may use one core only. Hardware threads of one core count where there is no other.
std::optional<CoreChoice> choose_cores();

// While it lives, the calling thread runs on that processor.
class PinnedThread {
  public:
    explicit PinnedThread(DWORD_PTR processor) : before_(SetThreadAffinityMask(GetCurrentThread(), processor)) {}
    ~PinnedThread() {
        if (before_ != 0) {
            SetThreadAffinityMask(GetCurrentThread(), before_);
        }
    }
    PinnedThread(const PinnedThread&) = delete;
    PinnedThread& operator=(const PinnedThread&) = delete;

  private:
    DWORD_PTR before_;
};

}  // namespace aegis::bench
