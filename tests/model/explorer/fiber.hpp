// A stack of its own for each modelled thread, so that unchanged code can be stopped in front of any operation.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <memory>

namespace aegis::model {

class Fiber {
  public:
    // A fiber that is the caller's own stack.
    Fiber();
    // A fiber with its own stack; see restart.
    explicit Fiber(std::size_t stack_bytes);
    ~Fiber();

    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    // Forgets where it was, without unwinding, and begins `entry(argument)` at the next switch_to. Never returns
    // from entry.
    void restart(void (*entry)(void*), void* argument);

    // Stops `self`, the running fiber, and continues this one.
    void switch_from(Fiber& self);

  private:
    static void enter(unsigned high, unsigned low);
    void arrived();

    ucontext_t context_;
    std::unique_ptr<std::byte[]> stack_;
    std::size_t stack_bytes_ = 0;
    void (*entry_)(void*) = nullptr;
    void* argument_ = nullptr;
    // For the sanitizers, which want to know about every stack.
    [[maybe_unused]] void* sanitizer_state_ = nullptr;
    [[maybe_unused]] const void* known_stack_ = nullptr;
    [[maybe_unused]] std::size_t known_stack_bytes_ = 0;
};

}  // namespace aegis::model
