// UNWIND_INFO: what the prologue of a function does to stack and registers, as the image tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/host/image/pe_file.hpp"

namespace aegis::host {

// One row of .pdata, and the last part of unwind data that are chained to other data.
struct RuntimeFunction {
    std::uint32_t begin_rva;
    std::uint32_t end_rva;
    std::uint32_t unwind_info_rva;
};

enum class UnwindOperation : std::uint8_t {
    kPushNonvolatile = 0,
    kAllocateLarge = 1,
    kAllocateSmall = 2,
    kSetFrameRegister = 3,
    kSaveNonvolatile = 4,
    kSaveNonvolatileFar = 5,
    kSaveXmm128 = 8,
    kSaveXmm128Far = 9,
    kPushMachineFrame = 10,
};

// One step of a prologue.
struct UnwindCode {
    std::uint8_t prologue_offset = 0;  // of the instruction that follows the step's own
    UnwindOperation operation = UnwindOperation::kPushNonvolatile;
    // The register's number; for a machine frame 1 when an error code was pushed.
    std::uint8_t which = 0;
    // Bytes allocated, or the offset from the frame at which the register is saved.
    std::uint32_t amount = 0;
};

struct UnwindInfo {
    std::uint8_t prologue_bytes = 0;
    std::uint8_t frame_register = 0;     // 0: none
    std::uint32_t frame_offset = 0;      // of the frame register from the stack pointer of the body
    std::vector<UnwindCode> codes;       // last step first; those of what it is chained to follow, with offset 0
    std::uint32_t handler_rva = 0;       // of the exception handler; 0: none
    std::uint32_t handler_data_rva = 0;  // what follows the handler's address
};

struct UnwindInfoResult {
    std::optional<UnwindInfo> info;
    std::string error;  // why there is none
};

// Reads version 1, the only one that compilers of this driver write, to the end of its chain.
UnwindInfoResult read_unwind_info(std::span<const std::byte> image, std::uint32_t rva);

}  // namespace aegis::host
