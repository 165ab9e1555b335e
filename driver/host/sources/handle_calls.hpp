// System calls by which one process gets at another: which rights of NT's each of them amounts to.
//
//   ptrace             to attach: everything; what follows is the use of that
//   process_vm_readv   to read its memory
//   process_vm_writev  to write it
//   pidfd_open         a descriptor that signals can be sent by
//   pidfd_getfd        to take one of its descriptors
//   kill, tgkill, tkill  to end it, or to stop it and let it go on; other signals do what the process makes of them,
//                      which is to end unless it says otherwise
//
// What is sent to a group of processes, or by a signal that does nothing, is none of these.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace aegis::host::sources {

enum class HandleCall : std::uint8_t {
    kPtrace,
    kReadMemory,
    kWriteMemory,
    kOpenPidfd,
    kGetDescriptor,
    kKill,
    kThreadKill,       // tgkill
    kOtherThreadKill,  // tkill
};

// The kernel's names of them, in that order.
inline constexpr std::array<std::string_view, 8> kHandleCalls = {
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_open", "pidfd_getfd", "kill", "tgkill", "tkill",
};

// What one call asks for.
struct HandleAccess {
    std::uint32_t process_id = 0;  // 0: that of the thread, or behind the descriptor
    std::uint32_t thread_id = 0;   // 0: the process itself is meant
    int descriptor = -1;           // a pidfd of the caller's
    std::uint32_t access = 0;      // rights to a process, or, with a thread alone, to a thread
    bool of_thread = false;        // the rights are those to a thread
};

// None for a call that gets at nobody.
std::optional<HandleAccess> handle_access(HandleCall call, const std::array<std::uint64_t, 3>& arguments);

// Whose thread this is; the number itself where nobody has it any more. Threads and processes share one range of
// numbers.
std::uint32_t process_of_thread(std::uint32_t thread_id);

// The process behind a pidfd of another process; none when either is gone.
std::optional<std::uint32_t> process_of_pidfd(std::uint32_t process_id, int descriptor);

}  // namespace aegis::host::sources
