#include "driver/host/sources/synthetic_generator.hpp"

#include <utf8.h>

#include <array>
#include <iterator>
#include <string_view>

namespace aegis::host::sources {
namespace {

constexpr std::array<std::string_view, 12> kFolders = {
    "/bin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/lib/systemd",
    "/usr/lib/gcc/x86_64-linux-gnu/12",
    "/usr/libexec/git-core",
    "/opt/monitoring/agent-4.18.2/bin",
    "/var/lib/docker/overlay2/6f1c0a7be2d94d5c8f7b3a3f1d0e9c55b1a2/merged/usr/bin",
    "/home/anna/.local/share/toolchains/stable-x86_64-unknown-linux-gnu/bin",
    "/home/jürgen/Programme",
    "/srv/ビルド/work",
};

constexpr std::array<std::string_view, 20> kNames = {
    "true", "sh",   "bash", "ls",    "grep",    "sed",   "awk",  "python3.11",    "cc1plus", "ld",
    "git",  "find", "tar",  "rsync", "systemd", "crond", "curl", "node_exporter", "java",    "postgres",
};

constexpr std::array<std::string_view, 10> kArguments = {
    "-c", "--verbose", "-O2", "-o", "build/object.o", "\"two words\"", "--color=auto", "/etc/hosts", "ü", "2>/dev/null",
};

// root thrice: most of what a machine starts by itself is its.
constexpr std::array<std::uint32_t, 6> kUsers = {0, 0, 0, 33, 1000, 1001};

std::u16string to_utf16(std::string_view text) {
    std::u16string result;
    utf8::unchecked::utf8to16(text.begin(), text.end(), std::back_inserter(result));
    return result;
}

}  // namespace

std::uint32_t SyntheticGenerator::someone_alive() {
    constexpr std::uint32_t kNobody = kFirstPid - 1;
    return alive_.empty() ? kNobody : alive_[below(alive_.size())];
}

std::string SyntheticGenerator::image_path() {
    std::string path(kFolders[below(kFolders.size())]);
    if (once_in(64)) {
        constexpr std::size_t kLongerThanAnEventHolds = 600;
        while (path.size() < kLongerThanAnEventHolds) {
            path.append("/node_modules/package-").append(std::to_string(below(1000)));
        }
    } else {
        for (std::uint64_t depth = below(4); depth > 0; --depth) {
            path.append("/build-").append(std::to_string(below(100'000)));
        }
    }
    return path.append("/").append(kNames[below(kNames.size())]);
}

void SyntheticGenerator::add_details(std::string_view program, SyntheticEvent& event) {
    std::string line(program.substr(program.rfind('/') + 1));
    const std::uint64_t arguments = detail_below(64) == 0 ? 40 + detail_below(200) : detail_below(6);
    for (std::uint64_t i = 0; i < arguments; ++i) {
        line.append(" ").append(kArguments[detail_below(kArguments.size())]);
    }
    event.command_line = to_utf16(line);
    event.uid = kUsers[detail_below(kUsers.size())];
    constexpr std::uint64_t kSessions = 8;
    event.session = static_cast<std::uint32_t>(kFirstPid - 1 - detail_below(kSessions));
}

std::int32_t SyntheticGenerator::some_status() {
    constexpr std::int32_t kKilled = 137;
    const std::uint64_t chance = detail_below(64);
    return chance == 0 ? kKilled : chance < 8 ? 1 : 0;
}

SyntheticEvent SyntheticGenerator::next() {
    SyntheticEvent event;
    const bool full = alive_.size() == kMostAlive;
    if (!alive_.empty() && (full || once_in(2))) {
        std::uint32_t& victim = alive_[below(alive_.size())];
        event.pid = victim;
        victim = alive_.back();
        alive_.pop_back();
        event.status = some_status();
        return event;
    }
    event.is_start = true;
    event.parent = someone_alive();
    event.creator = once_in(16) ? someone_alive() : event.parent;
    event.pid = next_pid_++;
    const std::string path = image_path();
    event.image = to_utf16(path);
    add_details(path, event);
    event.image_exact = true;
    if (next_pid_ == 0) {
        next_pid_ = kFirstPid;
    }
    alive_.push_back(event.pid);
    return event;
}

}  // namespace aegis::host::sources
