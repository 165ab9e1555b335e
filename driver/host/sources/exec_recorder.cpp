#include "driver/host/sources/exec_recorder.hpp"

#include <elf.h>
#include <fcntl.h>
#include <mntent.h>
#include <sys/fanotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

namespace aegis::host::sources {
namespace {

// A process whose exec fails and that lives on keeps its record; this many of them are not real life.
constexpr std::size_t kMostProcesses = 65536;

enum class ProgramKind {
    kScript,   // or anything else that another program interprets, which is opened next
    kStatic,   // complete by itself
    kDynamic,  // names a dynamic linker, which is opened next
};

template <typename Header, typename Segment>
ProgramKind kind_of_elf(int file) {
    Header header;
    if (pread(file, &header, sizeof(header), 0) != sizeof(header)) {
        return ProgramKind::kScript;
    }
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Segment segment;
        const auto offset = static_cast<off_t>(header.e_phoff + std::uint64_t{i} * sizeof(segment));
        if (pread(file, &segment, sizeof(segment), offset) != sizeof(segment)) {
            break;
        }
        if (segment.p_type == PT_INTERP) {
            return ProgramKind::kDynamic;
        }
    }
    return ProgramKind::kStatic;
}

ProgramKind kind_of(int file) {
    std::array<unsigned char, EI_NIDENT> identification{};
    if (pread(file, identification.data(), identification.size(), 0) != ssize_t{EI_NIDENT} ||
        std::memcmp(identification.data(), ELFMAG, SELFMAG) != 0) {
        return ProgramKind::kScript;
    }
    return identification[EI_CLASS] == ELFCLASS32 ? kind_of_elf<Elf32_Ehdr, Elf32_Phdr>(file)
                                                  : kind_of_elf<Elf64_Ehdr, Elf64_Phdr>(file);
}

struct MountsCloser {
    void operator()(FILE* mounts) const { endmntent(mounts); }
};

}  // namespace

std::optional<std::string> ExecRecorder::start() {
    // Descriptors for reading, which is no flag.
    queue_.reset(fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, O_CLOEXEC | O_LARGEFILE));
    if (!queue_) {
        return std::strerror(errno);
    }
    const std::unique_ptr<FILE, MountsCloser> mounts(setmntent("/proc/self/mounts", "re"));
    bool any = false;
    int error = ENOENT;
    while (const mntent* mount = mounts ? getmntent(mounts.get()) : nullptr) {
        // Some filesystems cannot be watched; most of these have no programs either.
        if (fanotify_mark(queue_.get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC, AT_FDCWD, mount->mnt_dir) ==
            0) {
            any = true;
        } else {
            error = errno;
        }
    }
    if (!any) {
        queue_.reset();
        return std::strerror(error);
    }
    return std::nullopt;
}

void ExecRecorder::receive() {
    alignas(fanotify_event_metadata) std::array<char, 16384> buffer;
    while (queue_) {
        ssize_t left = read(queue_.get(), buffer.data(), buffer.size());
        if (left <= 0) {
            return;
        }
        const auto* event = reinterpret_cast<const fanotify_event_metadata*>(buffer.data());
        for (; FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left)) {
            const UniqueFd file(event->fd);
            if ((event->mask & FAN_Q_OVERFLOW) != 0) {
                // Which opening belongs to which exec can no longer be told.
                records_.clear();
            } else if (file) {
                note(static_cast<std::uint32_t>(event->pid), file.get());
            }
        }
    }
}

void ExecRecorder::note(std::uint32_t pid, int file) {
    if (records_.size() >= kMostProcesses) {
        records_.clear();
    }
    Record& record = records_[pid];
    struct stat status {};
    fstat(file, &status);
    const FileId id{status.st_dev, status.st_ino};
    if (record.linker == id) {
        record.awaits_linker = false;
        return;
    }
    const ProgramKind kind = kind_of(file);
    // The kernel merges an opening with one of the same file by the same process that was not read yet. So
    // only the first linker of a process is sure to show; without it, that exec failed.
    if (std::exchange(record.awaits_linker, false) && !record.linker) {
        if (kind == ProgramKind::kStatic) {
            record.linker = id;
            return;
        }
        record.programs.pop_back();
    }
    if (kind == ProgramKind::kScript) {
        return;
    }
    std::array<char, 32> link;
    std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", file);
    if (std::optional<std::string> path = read_file_link(link.data())) {
        record.awaits_linker = kind == ProgramKind::kDynamic;
        record.programs.push_back(*std::move(path));
    }
}

ImageBytes ExecRecorder::image_of_exec(std::uint32_t pid, ImageBytes seen) {
    const auto found = records_.find(pid);
    if (found == records_.end()) {
        return seen;
    }
    std::deque<std::string>& programs = found->second.programs;
    const bool recorded = std::find(programs.begin(), programs.end(), seen.path) != programs.end();
    // A program from a filesystem that is not watched, or renamed since: the record is out of step.
    if (programs.empty() || (seen.exact && !recorded)) {
        records_.erase(found);
        return seen;
    }
    ImageBytes image{std::move(programs.front()), true, false};
    programs.pop_front();
    if (programs.empty()) {
        records_.erase(found);
    }
    return image;
}

void ExecRecorder::forget(std::uint32_t pid) {
    records_.erase(pid);
}

}  // namespace aegis::host::sources
