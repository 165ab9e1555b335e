#include "agent/app/log.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace aegis::agent {

void Log::write_message(std::string_view severity, std::string_view message) {
    write_line(fmt::format("{}: {}: {}", program_, severity, message));
}

void write_to_stderr(std::string_view text) {
    // Where stderr itself fails there is nobody left to tell.
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

void StderrLog::write_line(std::string_view line) {
    // One call, so that lines of several threads, and of a host that shares the terminal, do not mix.
    write_(fmt::format("{}\n", line));
}

}  // namespace aegis::agent
