// Why something could not be done: one of the negative results of aegis/client.h, and a sentence that names operation,
// object, code and remedy.
#pragma once

#include <cstdint>
#include <string>

#include "aegis/client.h"

namespace aegis::client {

struct Error {
    std::int32_t code = AEGIS_ERROR_FAILED;
    std::string text;
};

}  // namespace aegis::client
