// The command line of aegismon-host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "driver/host/sources/source_selection.hpp"

namespace aegis::host {

enum ExitCode : int {
    kFinished = 0,
    kFailed = 1,
    kUsage = 2,
    kNoSource = 3,
    kNoDescriptors = 4,
};

struct Options {
    std::string socket_path;
    std::string source = "auto";
    sources::SourceChoice source_choice;
    std::uint64_t seed = 1;
    std::optional<std::uint32_t> ring_kib;
    bool embedded = false;
    int ready_fd = -1;
    std::uint32_t stop_timeout_seconds = 5;  // for clients to read to the end and to close the device
    bool debug = false;
    bool trace = false;
};

// The command line asked for something else than a run: text for stdout (help, version) or for stderr (usage error).
struct EarlyExit {
    ExitCode code = kFinished;
    std::string text;
};

// Changes nothing and opens nothing.
std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv);

}  // namespace aegis::host
