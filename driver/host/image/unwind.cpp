#include "driver/host/image/unwind.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace aegis::host {
namespace {

struct RuntimeFunction {
    std::uint32_t begin_rva;
    std::uint32_t end_rva;
    std::uint32_t unwind_info_rva;
};

struct UnwindInfo {
    std::uint8_t version_and_flags;
    std::uint8_t prolog_bytes;
    std::uint8_t code_count;
    std::uint8_t frame_register_and_offset;
};

struct Scope {
    std::uint32_t begin_rva;
    std::uint32_t end_rva;
    std::uint32_t filter_rva;  // or kExecuteHandler
    std::uint32_t target_rva;
};

constexpr unsigned kUnwindVersion = 1;
constexpr unsigned kHasExceptionHandler = 1;  // UNW_FLAG_EHANDLER
constexpr std::uint64_t kUnwindCodeBytes = 2;
constexpr std::uint32_t kExecuteHandler = 1;  // EXCEPTION_EXECUTE_HANDLER

HandlerSearch none(std::string why) {
    return {0, std::move(why)};
}

std::optional<RuntimeFunction> function_of(const ByteReader& reader, const PeDirectory& functions, std::uint32_t rva) {
    for (std::uint32_t at = 0; at + sizeof(RuntimeFunction) <= functions.bytes; at += sizeof(RuntimeFunction)) {
        const auto function = reader.read<RuntimeFunction>(std::uint64_t{functions.rva} + at);
        if (function && rva >= function->begin_rva && rva < function->end_rva) {
            return function;
        }
    }
    return std::nullopt;
}

// The address that an import thunk jumps to: the linker makes `jmp *slot(%rip)` for a function whose address is
// taken as an RVA.
const void* thunk_target(const ByteReader& reader, std::uint32_t thunk_rva) {
    constexpr std::uint16_t kJumpIndirect = 0x25FF;
    constexpr std::uint32_t kJumpBytes = 6;
    const auto opcode = reader.read<std::uint16_t>(thunk_rva);
    const auto displacement = reader.read<std::int32_t>(std::uint64_t{thunk_rva} + sizeof(std::uint16_t));
    if (opcode != kJumpIndirect || !displacement) {
        return nullptr;
    }
    const std::int64_t slot = std::int64_t{thunk_rva} + kJumpBytes + *displacement;
    return reader.read<const void*>(static_cast<std::uint64_t>(slot)).value_or(nullptr);
}

}  // namespace

HandlerSearch find_handler(std::span<const std::byte> image, const PeDirectory& functions, std::uint32_t return_rva,
                           const void* language_handler) {
    const ByteReader reader(image);
    const auto function = function_of(reader, functions, return_rva);
    if (!function) {
        return none("the caller has no unwind data");
    }
    const auto info = reader.read<UnwindInfo>(function->unwind_info_rva);
    if (!info || (info->version_and_flags & 7U) != kUnwindVersion) {
        return none("the caller's unwind data has another version");
    }
    if ((info->version_and_flags >> 3U & kHasExceptionHandler) == 0) {
        return none("the caller has no exception handler");
    }
    // Its stack pointer at the call would not be that of its body, and only the latter is known to a caller of this.
    if ((info->frame_register_and_offset & 0xFU) != 0) {
        return none("the caller has a frame register");
    }

    const std::uint64_t codes_bytes = (info->code_count + std::uint64_t{1}) / 2 * 2 * kUnwindCodeBytes;
    const std::uint64_t handler_offset = function->unwind_info_rva + sizeof(UnwindInfo) + codes_bytes;
    const auto handler_rva = reader.read<std::uint32_t>(handler_offset);
    const std::uint64_t table_offset = handler_offset + sizeof(std::uint32_t);
    const auto scope_count = reader.read<std::uint32_t>(table_offset);
    if (!handler_rva || !scope_count || thunk_target(reader, *handler_rva) != language_handler) {
        return none("the caller's handler is not __C_specific_handler");
    }
    for (std::uint32_t i = 0; i < *scope_count; ++i) {
        const auto scope = reader.read<Scope>(table_offset + sizeof(std::uint32_t) + std::uint64_t{i} * sizeof(Scope));
        if (!scope) {
            return none("the caller's scope table ends outside the image");
        }
        if (return_rva < scope->begin_rva || return_rva >= scope->end_rva) {
            continue;
        }
        if (scope->filter_rva != kExecuteHandler || scope->target_rva == 0 || scope->target_rva >= image.size()) {
            return none("the caller's scope has a filter function or no block");
        }
        return {scope->target_rva, {}};
    }
    return none("no __try block of the caller covers the call");
}

}  // namespace aegis::host
