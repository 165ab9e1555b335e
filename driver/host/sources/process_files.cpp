#include "driver/host/sources/process_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utf8.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <limits>
#include <utility>

#include "driver/host/unique_fd.hpp"

namespace aegis::host::sources {
namespace {

// "/proc/4294967295/task/4294967295/stat" and shorter.
using ProcPath = std::array<char, 48>;

ProcPath proc_path(std::uint32_t pid, const char* file) {
    ProcPath path;
    std::snprintf(path.data(), path.size(), "/proc/%u/%s", pid, file);
    return path;
}

// The first bytes of a small file; empty when it cannot be read.
std::string read_small_file(const char* path) {
    const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
    std::array<char, 1024> text;
    const ssize_t bytes = file ? read(file.get(), text.data(), text.size()) : -1;
    return bytes > 0 ? std::string(text.data(), static_cast<std::size_t>(bytes)) : std::string();
}

std::string read_file(const char* path, std::size_t most_bytes) {
    const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
    std::string text;
    std::array<char, 16384> piece;
    for (ssize_t bytes = 1; file && bytes > 0 && text.size() < most_bytes;) {
        bytes = read(file.get(), piece.data(), std::min(piece.size(), most_bytes - text.size()));
        text.append(piece.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
    }
    return text;
}

// A link of /proc tells a path of at most a page; a line of the table of mappings tells one of any length.
std::optional<std::string> read_path_of_any_length(const char* link) {
    const UniqueFd file(open(link, O_RDONLY | O_CLOEXEC));
    void* const mapping = file ? mmap(nullptr, 1, PROT_READ, MAP_PRIVATE, file.get(), 0) : MAP_FAILED;
    if (mapping == MAP_FAILED) {
        return std::nullopt;
    }
    std::string mappings = "\n";
    mappings += read_file("/proc/self/maps", std::numeric_limits<std::size_t>::max());
    munmap(mapping, 1);
    std::array<char, 32> address;
    std::snprintf(address.data(), address.size(), "\n%08jx-", static_cast<std::uintmax_t>(std::uintptr_t(mapping)));
    const std::size_t line = mappings.find(address.data());
    const std::size_t begin = mappings.find('/', line);
    if (line == std::string::npos || begin == std::string::npos) {
        return std::nullopt;
    }
    std::string path = mappings.substr(begin, mappings.find('\n', begin) - begin);
    // What the kernel writes for a newline, the only character that it replaces.
    constexpr std::string_view kNewline = "\\012";
    for (std::size_t at = path.find(kNewline); at != std::string::npos; at = path.find(kNewline, at + 1)) {
        path.replace(at, kNewline.size(), 1, '\n');
    }
    return path;
}

std::optional<ProcessStat> parse_stat(const std::string& text) {
    // The command name may hold blanks and parentheses; the fields begin after the last one.
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) {
        return std::nullopt;
    }
    ProcessStat stat;
    unsigned long long start = 0;
    // Fields 3 to 22 of proc(5).
    const int fields = std::sscanf(text.c_str() + name_end + 1,
                                   " %c %u %*d %u %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu",
                                   &stat.state, &stat.parent, &stat.session, &stat.flags, &stat.threads, &start);
    constexpr int kFieldsWanted = 6;
    stat.start_time = start;
    return fields == kFieldsWanted ? std::optional(stat) : std::nullopt;
}

struct DirectoryCloser {
    void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

// Calls visit(number, inode) for every entry whose name is a number. False: the directory could not be read.
template <typename Visit>
bool for_each_number(const char* path, Visit visit) {
    const Directory directory(opendir(path));
    while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        std::uint32_t number = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (error == std::errc() && end == name.data() + name.size()) {
            visit(number, static_cast<std::uint64_t>(entry->d_ino));
        }
    }
    return directory != nullptr;
}

template <typename Condition>
bool any_thread(std::uint32_t pid, Condition condition) {
    bool found = false;
    for_each_number(proc_path(pid, "task").data(), [&](std::uint32_t thread, std::uint64_t) {
        ProcPath path;
        std::snprintf(path.data(), path.size(), "/proc/%u/task/%u/stat", pid, thread);
        const std::optional<ProcessStat> stat = parse_stat(read_small_file(path.data()));
        found = found || (stat && condition(*stat));
    });
    return found;
}

}  // namespace

std::optional<std::string> read_file_link(const char* link) {
    std::array<char, PATH_MAX> target;
    const ssize_t bytes = readlink(link, target.data(), target.size());
    std::string path;
    if (bytes > 0) {
        path.assign(target.data(), static_cast<std::size_t>(bytes));
    } else if (std::optional<std::string> longer =
                   errno == ENAMETOOLONG ? read_path_of_any_length(link) : std::nullopt) {
        path = *std::move(longer);
    } else {
        return std::nullopt;
    }
    // The kernel appends this to the name of a file that lost it, but a file may also be called so.
    constexpr std::string_view kSuffix = " (deleted)";
    if (path.ends_with(kSuffix)) {
        struct stat opened {};
        struct stat named {};
        const bool is_its_name = stat(link, &opened) == 0 && stat(path.c_str(), &named) == 0 &&
                                 opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
        if (!is_its_name) {
            path.resize(path.size() - kSuffix.size());
        }
    }
    return path;
}

ImageBytes read_image(std::uint32_t pid) {
    if (std::optional<std::string> path = read_file_link(proc_path(pid, "exe").data())) {
        return {*std::move(path), true, false};
    }
    const bool denied = errno == EACCES;
    std::string name = read_small_file(proc_path(pid, "comm").data());
    if (name.ends_with('\n')) {
        name.pop_back();
    }
    return {std::move(name), false, denied};
}

ImagePointer to_nt_image(const ImageBytes& bytes) {
    auto image = std::make_shared<Image>();
    image->exact = bytes.exact && utf8::is_valid(bytes.path.begin(), bytes.path.end());
    std::string valid;
    utf8::replace_invalid(bytes.path.begin(), bytes.path.end(), std::back_inserter(valid));
    utf8::unchecked::utf8to16(valid.begin(), valid.end(), std::back_inserter(image->path));
    // A counted string of NT holds no more, and there can be no such path there. Its end names the program.
    constexpr std::size_t kMostUnits = std::numeric_limits<std::uint16_t>::max() / sizeof(char16_t);
    constexpr std::u16string_view kCut = u"...";
    if (image->path.size() > kMostUnits) {
        constexpr std::size_t kBeginning = 4096;
        const std::size_t too_many = image->path.size() - kMostUnits + kCut.size();
        image->path.replace(kBeginning, too_many, kCut);
        image->exact = false;
    }
    return image;
}

std::optional<ProcessStat> read_stat(std::uint32_t pid) {
    return parse_stat(read_small_file(proc_path(pid, "stat").data()));
}

std::optional<std::string> read_arguments(std::uint32_t pid, std::size_t most_bytes) {
    std::string arguments = read_file(proc_path(pid, "cmdline").data(), most_bytes);
    return arguments.empty() ? std::nullopt : std::optional(std::move(arguments));
}

std::optional<std::uint32_t> read_uid(std::uint32_t pid) {
    const std::string status = read_small_file(proc_path(pid, "status").data());
    const std::size_t line = status.find("\nUid:");
    std::uint32_t effective = 0;
    if (line == std::string::npos || std::sscanf(status.c_str() + line, "\nUid: %*u %u", &effective) != 1) {
        return std::nullopt;
    }
    return effective;
}

bool any_thread_alive(std::uint32_t pid) {
    const std::optional<ProcessStat> leader = read_stat(pid);
    if (!leader || !leader->has_ended()) {
        return leader.has_value();
    }
    return leader->threads > 1 && any_thread(pid, [](const ProcessStat& stat) { return !stat.has_ended(); });
}

bool every_thread_exiting(std::uint32_t pid) {
    return !any_thread(pid, [](const ProcessStat& stat) { return !stat.is_exiting(); });
}

bool for_each_process(const std::function<void(std::uint32_t pid, std::uint64_t inode)>& visit) {
    return for_each_number("/proc", visit);
}

}  // namespace aegis::host::sources
