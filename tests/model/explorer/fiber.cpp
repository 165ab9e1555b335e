#include "explorer/fiber.hpp"

#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AEGIS_FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define AEGIS_FIBER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define AEGIS_FIBER_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define AEGIS_FIBER_TSAN 1
#endif

#if defined(AEGIS_FIBER_ASAN)
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(AEGIS_FIBER_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace aegis::model {

Fiber::Fiber() {
    getcontext(&context_);
#if defined(AEGIS_FIBER_ASAN)
    pthread_attr_t attributes;
    void* stack = nullptr;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &stack, &known_stack_bytes_);
    pthread_attr_destroy(&attributes);
    known_stack_ = stack;
#endif
#if defined(AEGIS_FIBER_TSAN)
    sanitizer_state_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(std::size_t stack_bytes) : stack_(new std::byte[stack_bytes]), stack_bytes_(stack_bytes) {
    known_stack_ = stack_.get();
    known_stack_bytes_ = stack_bytes;
#if defined(AEGIS_FIBER_TSAN)
    sanitizer_state_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(AEGIS_FIBER_TSAN)
    if (stack_) {
        __tsan_destroy_fiber(sanitizer_state_);
    }
#endif
}

void Fiber::restart(void (*entry)(void*), void* argument) {
    entry_ = entry;
    argument_ = argument;
#if defined(AEGIS_FIBER_ASAN)
    // The abandoned frames left their red zones behind.
    ASAN_UNPOISON_MEMORY_REGION(stack_.get(), stack_bytes_);
    sanitizer_state_ = nullptr;
#endif
#if defined(AEGIS_FIBER_TSAN)
    __tsan_destroy_fiber(sanitizer_state_);
    sanitizer_state_ = __tsan_create_fiber(0);
#endif
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack_.get();
    context_.uc_stack.ss_size = stack_bytes_;
    context_.uc_link = nullptr;
    // makecontext passes ints only.
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&context_, reinterpret_cast<void (*)()>(&Fiber::enter), 2, static_cast<unsigned>(self >> 32U),
                static_cast<unsigned>(self));
}

void Fiber::switch_from(Fiber& self) {
#if defined(AEGIS_FIBER_ASAN)
    __sanitizer_start_switch_fiber(&self.sanitizer_state_, known_stack_, known_stack_bytes_);
#endif
#if defined(AEGIS_FIBER_TSAN)
    __tsan_switch_to_fiber(sanitizer_state_, 0);
#endif
    swapcontext(&self.context_, &context_);
    self.arrived();
}

void Fiber::arrived() {
#if defined(AEGIS_FIBER_ASAN)
    __sanitizer_finish_switch_fiber(sanitizer_state_, nullptr, nullptr);
#endif
}

void Fiber::enter(unsigned high, unsigned low) {
    auto* self = reinterpret_cast<Fiber*>(std::uintptr_t{high} << 32U | low);
    self->arrived();
    self->entry_(self->argument_);
}

}  // namespace aegis::model
