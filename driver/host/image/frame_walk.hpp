// From the frame of a function to that of its caller, as NT goes when it looks for whoever catches an exception: by
// what the unwind data say the prologue did, and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "driver/host/image/function_table.hpp"

namespace aegis::host {

using XmmRegister = std::array<std::uint64_t, 2>;

// The registers of a frame. Those that a callee need not preserve are not kept up to date.
struct FrameRegisters {
    std::uint64_t instruction_pointer = 0;
    std::array<std::uint64_t, 16> general{};  // by the processor's numbers
    std::array<XmmRegister, 16> xmm{};

    std::uint64_t& stack_pointer() { return general[4]; }
    std::uint64_t stack_pointer() const { return general[4]; }
};

// The stack from its lowest readable address on.
struct StackBytes {
    std::uint64_t address = 0;
    std::span<const std::byte> bytes;
};

// Leaves `function`, in which `registers` are, `offset` bytes behind its begin. Returns why that is not possible; empty
// on success.
std::string leave_frame(const ImageFunction& function, std::uint32_t offset, const StackBytes& stack,
                        FrameRegisters* registers);

}  // namespace aegis::host
