#include "driver/host/server/exec_gate.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <mntent.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "aegis/policy.h"
#include "driver/host/server/unix_user_sid.hpp"
#include "driver/host/sources/nt_clock.hpp"
#include "driver/host/sources/process_details.hpp"
#include "driver/host/sources/process_files.hpp"

namespace aegis::host::server {
namespace {

std::string error_text(int error) {
    return fmt::format("{} (errno {})", std::generic_category().message(error), error);
}

struct MountsCloser {
    void operator()(FILE* mounts) const { endmntent(mounts); }
};

std::u16string nt_path(const std::string& path) {
    return sources::to_nt_image({path, true, false})->path;
}

}  // namespace

void ExecGate::controlled(const void* file, ULONG code, std::span<const std::byte> input,
                          std::span<const std::byte> output) {
    AEGIS_SET_POLICY_REPLY reply;
    if (code != AEGIS_IOCTL_SET_POLICY || output.size() < sizeof(reply)) {
        return;
    }
    std::memcpy(&reply, output.data(), sizeof(reply));
    policy_set(file, reply.Generation, input.subspan(sizeof(AEGIS_SET_POLICY_REQUEST)));
}

void ExecGate::policy_set(const void* owner, std::uint64_t generation, std::span<const std::byte> blob) {
    const std::lock_guard lock(mutex_);
    if (stopped_ || generation <= generation_) {
        return;
    }
    generation_ = generation;
    owner_ = owner;
    RefusedPaths rules(blob);
    if (rules.empty()) {
        set_rules({});
        end();
        return;
    }
    if (!events_ && !start()) {
        return;
    }
    mark(rules);
    set_rules(std::move(rules));
}

void ExecGate::closed(const void* file) {
    const std::lock_guard lock(mutex_);
    if (file == owner_) {
        owner_ = nullptr;
        set_rules({});
        end();
    }
}

void ExecGate::stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    set_rules({});
    end();
}

void ExecGate::set_rules(RefusedPaths rules) {
    auto next = std::make_shared<const RefusedPaths>(std::move(rules));
    const std::lock_guard lock(rules_mutex_);
    rules_ = std::move(next);
}

std::shared_ptr<const RefusedPaths> ExecGate::rules() const {
    const std::lock_guard lock(rules_mutex_);
    return rules_;
}

bool ExecGate::start() {
    events_.reset(fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC | O_LARGEFILE));
    if (!events_) {
        const int error = errno;
        report_(
            fmt::format("the policy refuses the start of processes, and this host cannot: fanotify: {}{}; such "
                        "processes run, though their events say otherwise",
                        error_text(error), error == EPERM ? ", it needs CAP_SYS_ADMIN" : ""));
        return false;
    }
    end_ = std::make_unique<sources::StopSignal>();
    thread_ = std::thread([this] { answer_until_stopped(); });
    return true;
}

void ExecGate::end() {
    if (!events_) {
        return;
    }
    end_->set();
    thread_.join();
    // The kernel lets through whoever waits.
    events_.reset();
}

// The file systems that hold what is refused, as they are mounted now. Those marked before stay so until the gate ends:
// a program there costs a question more.
void ExecGate::mark(const RefusedPaths& rules) {
    unsigned marked = 0;
    int error = 0;
    const std::unique_ptr<FILE, MountsCloser> mounts(setmntent("/proc/self/mounts", "re"));
    while (const mntent* mount = mounts ? getmntent(mounts.get()) : nullptr) {
        if (!rules.concerns(nt_path(mount->mnt_dir))) {
            continue;
        }
        if (fanotify_mark(events_.get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC_PERM, AT_FDCWD,
                          mount->mnt_dir) == 0) {
            ++marked;
        } else {
            // Many of the kernel's own have nothing that could be run, and refuse.
            error = errno;
        }
    }
    if (marked == 0) {
        report_(
            fmt::format("the policy refuses the start of processes, and this host cannot: no file system that holds "
                        "them can be watched: {}",
                        error == 0 ? "none is mounted there" : error_text(error)));
    }
}

void ExecGate::answer_until_stopped() {
    alignas(fanotify_event_metadata) std::array<char, 4096> buffer;
    while (end_->keep_going(events_.get(), -1)) {
        const ssize_t bytes = ::read(events_.get(), buffer.data(), buffer.size());
        if (bytes < 0 && errno != EAGAIN && errno != EINTR) {
            report_(fmt::format("the kernel's questions before an exec cannot be read: {}; nothing is refused any more",
                                error_text(errno)));
            return;
        }
        const auto* event = reinterpret_cast<const fanotify_event_metadata*>(buffer.data());
        for (ssize_t left = bytes; FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left)) {
            const UniqueFd file(event->fd);
            if (file && (event->mask & FAN_OPEN_EXEC_PERM) != 0) {
                answer(file.get(), static_cast<std::uint32_t>(event->pid));
            }
        }
    }
}

void ExecGate::answer(int file, std::uint32_t pid) {
    // The name of what is open already: reading it opens nothing.
    const auto path = sources::read_file_link(fmt::format("/proc/self/fd/{}", file).c_str());
    const bool refused = path && pid != static_cast<std::uint32_t>(getpid()) && refuse(pid, *path);
    fanotify_response response = {};
    response.fd = file;
    response.response = refused ? FAN_DENY : FAN_ALLOW;
    [[maybe_unused]] const ssize_t written = ::write(events_.get(), &response, sizeof(response));
}

bool ExecGate::refuse(std::uint32_t pid, const std::string& path) {
    const sources::ImagePointer image = sources::to_nt_image({path, true, false});
    // What is not refused is told by the source once it runs: an exec may still fail for other reasons.
    if (!rules()->refuses(image->path)) {
        return false;
    }
    const auto stat = sources::read_stat(pid);
    ProcessCreation creation;
    creation.pid = pid;
    creation.parent = stat ? stat->parent : 0;
    creation.creator = creation.parent;
    creation.image_path = image->path;
    creation.image_path_exact = image->exact;
    // Its arguments are still those of the program that it runs.
    const sources::DetailBytes details = sources::read_details(pid);
    UnixUserSid sid{};
    if (details.owner) {
        sid = unix_user_sid(details.owner->uid);
        creation.user = ProcessUser{.sid = sid, .session = details.owner->session};
    }
    creation.timestamp = sources::nt_now();
    if (NT_SUCCESS(executive_.raise_process_create(creation))) {
        return false;
    }
    // NT tells of the end of a process that was refused, and the driver keeps it to itself. Here the process goes on
    // with the image it had; its own end is still to come.
    if (!clients_.find(pid)) {
        executive_.raise_process_exit(pid, sources::nt_now());
    }
    return true;
}

}  // namespace aegis::host::server
