// Which processes have been created and have no thread yet.
//
// Another process makes the first thread of every process, so that one looks like a thread that is injected. NT tells
// of a process's creation and then, on the same thread, of its first thread; what is remembered in between is kept
// here: a few numbers at a time, in a table that never grows. Any IRQL up to DISPATCH_LEVEL.
#pragma once

#include <cstdint>

namespace aegis::driver {

// More processes than are in the middle of being created at a time. Beyond it the first thread of one is not known.
inline constexpr std::uint32_t kMostExpectedThreads = 128;

// A process has been created: the next thread of it is its first.
void expect_first_thread(std::uint32_t process_id);

// Whether the thread that has just been made in this process is its first.
bool take_first_thread(std::uint32_t process_id);

// The process has ended, perhaps before it had a thread: its number may be another's.
void forget_first_thread(std::uint32_t process_id);

// Of the load before. Before any callback.
void reset_first_threads();

}  // namespace aegis::driver
