// Which __except block of an image catches an exception that a call raises: .pdata, UNWIND_INFO and the scope table
// of __C_specific_handler, as far as an image needs them that guards one call.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "driver/host/image/function_table.hpp"

namespace aegis::host {

struct HandlerSearch {
    std::uint32_t target_rva = 0;  // where execution goes on; 0: nowhere
    std::string why_none;
};

// `return_rva` is where the call that raised would have returned to. Looks at the calling function only: an exception
// that its caller would have to catch is as fatal here as one that nobody catches. `language_handler` is what the
// image's import of __C_specific_handler is bound to, the only handler known here.
HandlerSearch find_handler(std::span<const std::byte> image, const FunctionTable& functions, std::uint32_t return_rva,
                           const void* language_handler);

}  // namespace aegis::host
