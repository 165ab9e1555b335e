// A full memory barrier that one thread passes for all threads of its process: the others pay nothing for it.
#pragma once

namespace aegis::client {

// Whether this system has one.
bool has_process_barrier() noexcept;

// When it returns, every other thread of this process has passed a full barrier since it was called. Takes as long as
// interrupting the processors does. Throws std::system_error where the system refuses after all.
void process_barrier();

}  // namespace aegis::client
