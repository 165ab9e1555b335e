// How many file descriptors this process may still open.
//
// The host looks before it takes another client on: a source that cannot open /proc would take the whole machine's
// processes for ended, and a client that is half served is worse off than one that is refused.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

#include <cstddef>

namespace aegis::host {

// What the host needs to start and to serve a client.
inline constexpr std::size_t kDescriptorsToStart = 34;
// What clients leave to the sources, which open and close some all the time, and to the refusal of further clients.
inline constexpr std::size_t kDescriptorsInReserve = 16;

inline std::size_t descriptor_limit() {
    rlimit limit{};
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

// Whether `count` more can be opened. Opens none: another thread may need the last one just now. Any thread.
inline bool descriptors_left(std::size_t count) {
    const std::size_t limit = descriptor_limit();
    std::size_t found = 0;
    for (std::size_t fd = 0; fd < limit && found < count; ++fd) {
        found += fcntl(static_cast<int>(fd), F_GETFD) < 0 ? 1 : 0;
    }
    return found == count;
}

}  // namespace aegis::host
