// A thread inside an image's code: on its kernel stack there, and on its own stack again whenever the image calls the
// executive. At each such call NT's unwind data of every function on the kernel stack have to lead back to whoever
// called the image, because an exception could be raised in any of them.
//
// The two crossings are in image_thread_x64.S, which knows the layouts below.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "driver/host/executive/io/driver_call.hpp"
#include "driver/host/image/frame_walk.hpp"

namespace aegis::host {

// What a function preserves in NT's calling convention.
struct PreservedRegisters {
    std::uint64_t rbx;
    std::uint64_t rbp;
    std::uint64_t rsi;
    std::uint64_t rdi;
    std::uint64_t r12;
    std::uint64_t r13;
    std::uint64_t r14;
    std::uint64_t r15;
    std::array<XmmRegister, 10> xmm6_to_15;

    bool operator==(const PreservedRegisters&) const = default;
};
static_assert(sizeof(PreservedRegisters) == 0xE0);

// A call of the executive by an image, on the thread's own stack.
struct ExecutiveCall {
    PreservedRegisters registers;
    std::uint64_t stack_pointer;  // the image's: the return address is there
    std::uint64_t resume_at;      // where the image goes on instead of returning; 0: it returns
    ExecutiveCall* previous;
};
static_assert(offsetof(ExecutiveCall, stack_pointer) == 0xE0);
static_assert(offsetof(ExecutiveCall, resume_at) == 0xE8);

// An ImageRunner: the image that is mapped.
std::optional<std::uint64_t> run_image_code(const void* routine, std::string_view what,
                                            const DriverArguments& arguments);

// The call of the executive that this thread is in; null outside of any, and where an image's code was called without
// run_image_code().
ExecutiveCall* current_executive_call();

}  // namespace aegis::host
