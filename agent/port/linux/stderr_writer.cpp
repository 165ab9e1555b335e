// stderr for an agent that must not be stuck in it: `aegis-agent --stats 2>&1 | sleep 1000` has a reader that reads
// nothing.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <mutex>
#include <string>

#include "agent/port/port.hpp"

namespace aegis::agent {
namespace {

// How long one line waits for its reader. After it those that follow do not wait, until something is taken again.
constexpr int kPatienceMs = 2'000;

std::mutex g_mutex;  // one line at a time; guards what follows
bool g_stuck = false;
std::uint64_t g_given_up = 0;

bool reader_takes_something() {
    pollfd writable = {STDERR_FILENO, POLLOUT, 0};
    return poll(&writable, 1, g_stuck ? 0 : kPatienceMs) > 0;
}

// False: given up.
bool write_all(std::string_view text) {
    while (!text.empty()) {
        if (!reader_takes_something()) {
            g_stuck = true;
            return false;
        }
        g_stuck = false;
        // A pipe that poll calls writable takes this much without waiting.
        const ssize_t written = ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
        if (written > 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR && errno != EAGAIN) {
            // There is nobody left to tell.
            return true;
        }
    }
    return true;
}

}  // namespace

void write_diagnostic(std::string_view line) {
    const std::scoped_lock lock(g_mutex);
    const std::string note =
        g_given_up != 0 ? fmt::format("({} lines before this one were not taken from stderr)\n", g_given_up) : "";
    if (write_all(note + std::string(line))) {
        g_given_up = 0;
    } else {
        ++g_given_up;
    }
}

}  // namespace aegis::agent
