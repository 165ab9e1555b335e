// What an image's imports of functions are bound to: a few bytes of code each that cross over to the thread's own stack
// (image_thread.hpp) and call the function there.
#pragma once

#include <string_view>

namespace aegis::host {

// For a function that the executive exports; null for every other name. Any thread; for good.
const void* import_gate(std::string_view name);

}  // namespace aegis::host
