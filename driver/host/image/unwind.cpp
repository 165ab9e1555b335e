#include "driver/host/image/unwind.hpp"

#include "driver/host/image/pe_file.hpp"

namespace aegis::host {
namespace {

struct Scope {
    std::uint32_t begin_rva;
    std::uint32_t end_rva;
    std::uint32_t filter_rva;  // or kExecuteHandler
    std::uint32_t target_rva;
};

constexpr std::uint32_t kExecuteHandler = 1;  // EXCEPTION_EXECUTE_HANDLER

HandlerSearch none(std::string why) {
    return {0, std::move(why)};
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

HandlerSearch find_handler(std::span<const std::byte> image, const FunctionTable& functions, std::uint32_t return_rva,
                           const void* language_handler) {
    const ByteReader reader(image);
    const ImageFunction* function = functions.find(return_rva);
    if (function == nullptr) {
        return none("the caller has no unwind data");
    }
    const UnwindInfo& unwind = function->unwind;
    if (unwind.handler_rva == 0) {
        return none("the caller has no exception handler");
    }
    const std::uint64_t table_offset = unwind.handler_data_rva;
    const auto scope_count = reader.read<std::uint32_t>(table_offset);
    if (!scope_count || thunk_target(reader, unwind.handler_rva) != language_handler) {
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
