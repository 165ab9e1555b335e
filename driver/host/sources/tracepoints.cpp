#include "driver/host/sources/tracepoints.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>
#include <system_error>

namespace aegis::host::sources {
namespace {

constexpr const char* kCalls = "events/syscalls";

UniqueFd open_folder(int at, const char* path) {
    return UniqueFd(::openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

bool has_calls(const UniqueFd& folder) {
    return folder && open_folder(folder.get(), kCalls);
}

// In no place: nobody else sees it, and it ends with the descriptor.
UniqueFd mount_for_oneself() {
    const UniqueFd context(fsopen("tracefs", FSOPEN_CLOEXEC));
    if (!context || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        return {};
    }
    return UniqueFd(fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC));
}

}  // namespace

bool Tracepoints::open() {
    for (const char* const place : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
        folder_ = open_folder(AT_FDCWD, place);
        if (has_calls(folder_)) {
            return true;
        }
    }
    folder_ = mount_for_oneself();
    return has_calls(folder_);
}

std::optional<std::uint64_t> Tracepoints::beginning_of(std::string_view call) const {
    const UniqueFd file(
        ::openat(folder_.get(), fmt::format("{}/sys_enter_{}/id", kCalls, call).c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 32> text;
    const ssize_t bytes = file ? ::read(file.get(), text.data(), text.size()) : -1;
    std::uint64_t number = 0;
    if (bytes <= 0 || std::from_chars(text.data(), text.data() + bytes, number).ec != std::errc()) {
        return std::nullopt;
    }
    return number;
}

}  // namespace aegis::host::sources
