#include "agent/client/process_barrier.hpp"

#include <windows.h>

namespace aegis::client {

bool has_process_barrier() noexcept {
    return true;
}

void process_barrier() {
    FlushProcessWriteBuffers();
}

}  // namespace aegis::client
