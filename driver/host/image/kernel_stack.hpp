// The stack that an image's code runs on: as large as a driver may count on, with nothing below it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aegis::host {

// Half of what NT gives a thread on x86-64: callbacks come when others have used some of it.
inline constexpr std::size_t kKernelStackBytes = std::size_t{12} * 1024;

class KernelStack {
  public:
    // Ends the process when there is no memory for it.
    KernelStack();
    ~KernelStack();
    KernelStack(const KernelStack&) = delete;
    KernelStack& operator=(const KernelStack&) = delete;

    // Where the first frame begins. Some readable bytes follow, as those of a caller do.
    std::byte* top() const { return memory_ + kGuardBytes + kKernelStackBytes; }
    std::byte* bottom() const { return memory_ + kGuardBytes; }
    // Code that touches such an address has used up the stack.
    bool guards(const void* address) const;

  private:
    // Larger than any frame, so that a frame that does not fit cannot reach beyond it.
    static constexpr std::size_t kGuardBytes = std::size_t{1} << 20U;

    std::byte* memory_;
    std::byte* signal_stack_ = nullptr;  // of this thread, when it had none
};

}  // namespace aegis::host
