#include "driver/host/executive/processes/activity.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/io/driver_call.hpp"
#include "driver/host/executive/memory/pageable.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/notification.hpp"
#include "driver/host/executive/system_time.hpp"

namespace aegis::host {
namespace {

// A counted string with room for one unit more than it has, as NT's strings may have: what is there is no part of it.
// The memory ends with the room, so that a sanitizer sees a read past its end; it is pageable, as NT's is; and
// unreadable in meaning after the call, so that a kept pointer shows. A view without data has no Buffer.
class BorrowedString {
  public:
    explicit BorrowedString(std::optional<std::u16string_view> text) {
        if (!text) {
            return;
        }
        constexpr std::size_t kMostUnits = std::numeric_limits<USHORT>::max() / sizeof(char16_t);
        const std::size_t units = std::min(text->size(), kMostUnits);
        const std::size_t room = std::min(units + 1, kMostUnits);
        room_bytes_ = room * sizeof(char16_t);
        characters_.reset(new char16_t[room]);
        std::memset(characters_.get(), kPoolAllocatedPoison, room_bytes_);
        std::copy_n(text->begin(), units, characters_.get());
        string_ = std::make_unique<UNICODE_STRING>(
            UNICODE_STRING{static_cast<USHORT>(units * sizeof(char16_t)), static_cast<USHORT>(room_bytes_),
                           text->data() != nullptr ? characters_.get() : nullptr});
        pageable_.emplace(characters_.get(), room_bytes_);
    }
    ~BorrowedString() {
        pageable_.reset();
        if (string_) {
            std::memset(characters_.get(), kPoolFreedPoison, room_bytes_);
            std::memset(string_.get(), kPoolFreedPoison, sizeof(*string_));
        }
    }
    BorrowedString(const BorrowedString&) = delete;
    BorrowedString& operator=(const BorrowedString&) = delete;

    PCUNICODE_STRING get() const { return string_.get(); }

  private:
    std::size_t room_bytes_ = 0;
    std::unique_ptr<char16_t[]> characters_;
    std::unique_ptr<UNICODE_STRING> string_;
    std::optional<PageableMemory> pageable_;  // the characters
};

}  // namespace

NTSTATUS notify_creation(Process& process, Process& creator, const ProcessCreation& creation) {
    const ReplayedTime time(creation.timestamp);
    const ThreadInProcess in_creator(creator, KernelMode);
    const CriticalRegion region;
    const BorrowedString image(creation.image_path);
    const BorrowedString command_line(creation.command_line);

    const auto info = std::make_unique<PS_CREATE_NOTIFY_INFO>();
    info->Size = sizeof(PS_CREATE_NOTIFY_INFO);
    info->FileOpenNameAvailable = creation.image_path_exact ? 1 : 0;
    info->IsSubsystemProcess = process.of_subsystem() ? 1 : 0;
    info->ParentProcessId = to_nt(creation.parent);
    info->CreatingThreadId = {to_nt(creation.creator), to_nt(creation.creator_tid)};
    info->ImageFileName = image.get();
    info->CommandLine = command_line.get();
    info->CreationStatus = STATUS_SUCCESS;

    const HANDLE pid = to_nt(process.pid());
    executive_parts().notify.call_all(
        process.of_subsystem(),
        [&](PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine) {
            const DriverCall call("a process notify routine");
            call.run(routine, to_nt(process), pid, info.get());
        },
        [&](PCREATE_PROCESS_NOTIFY_ROUTINE routine) {
            const DriverCall call("a process notify routine");
            call.run(routine, info->ParentProcessId, pid, BOOLEAN{TRUE});
        });
    const NTSTATUS status = info->CreationStatus;
    std::memset(static_cast<void*>(info.get()), kPoolFreedPoison, sizeof(*info));
    return status;
}

void notify_exit(Process& process, std::int64_t timestamp) {
    const ReplayedTime time(timestamp);
    const ThreadInProcess in_process(process, KernelMode);
    const CriticalRegion region;
    const HANDLE pid = to_nt(process.pid());
    executive_parts().notify.call_all(
        process.of_subsystem(),
        [&](PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine) {
            const DriverCall call("a process notify routine");
            call.run(routine, to_nt(process), pid, nullptr);
        },
        [&](PCREATE_PROCESS_NOTIFY_ROUTINE routine) {
            const DriverCall call("a process notify routine");
            call.run(routine, nullptr, pid, BOOLEAN{FALSE});
        });
}

bool exit_client(Process& process, std::int64_t timestamp, bool reported, Process* closer) {
    if (!process.begin_exit()) {
        return false;
    }
    ExecutiveParts& parts = executive_parts();
    notify_exit(process, timestamp);
    {
        const ThreadInProcess in_process(closer != nullptr ? *closer : process, KernelMode);
        const ThreadAttached attached(process);
        process.handles.close_all();
        parts.objects.destroy_deferred();
    }
    parts.mdls.tear_down(process);
    // Only now may another client have the pid.
    parts.processes.remove_client(process, timestamp, reported);
    process.finish_exit();
    return true;
}

}  // namespace aegis::host
