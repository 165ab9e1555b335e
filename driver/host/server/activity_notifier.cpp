#include "driver/host/server/activity_notifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "aegis/ioctl.h"
#include "driver/host/executive/registry/registry_activity.hpp"
#include "driver/host/server/unix_user_sid.hpp"

namespace aegis::host::server {

void ActivityNotifier::process_started(const sources::ProcessStart& start) {
    ProcessCreation creation;
    creation.pid = start.pid;
    creation.parent = start.parent;
    creation.creator = start.creator;
    // No source knows the thread.
    if (!start.image.empty()) {
        creation.image_path = start.image;
    }
    creation.image_path_exact = start.image_exact;
    creation.command_line = start.command_line;
    UnixUserSid sid{};
    if (start.owner) {
        sid = unix_user_sid(start.owner->uid);
        creation.user = ProcessUser{.sid = sid, .session = start.owner->session};
    }
    creation.create_time = start.created;
    creation.timestamp = start.time;
    // A driver may refuse a creation; here the process runs already.
    executive_.raise_process_create(creation);
}

void ActivityNotifier::process_ended(std::uint32_t pid, sources::NtTime time, std::optional<std::int32_t> status) {
    const ClientProcessRef client = clients_.find(pid);
    if (!client || client->has_ended()) {
        executive_.raise_process_exit(pid, time, status);
        clients_.end_reported(pid);
    }
}

void ActivityNotifier::thread_started(const sources::ThreadStart& start) {
    executive_.raise_thread_create({.pid = start.pid,
                                    .tid = start.tid,
                                    .creator = start.creator,
                                    .creator_tid = start.creator_tid,
                                    .start_address = start.start_address,
                                    .timestamp = start.time});
}

void ActivityNotifier::thread_ended(const sources::ThreadEnd& end) {
    executive_.raise_thread_exit({.pid = end.pid, .tid = end.tid, .status = end.status, .timestamp = end.time});
}

void ActivityNotifier::image_loaded(const sources::ImageLoaded& image) {
    ImageLoad load;
    load.pid = image.pid;
    load.loader = image.pid;
    load.loader_tid = image.tid;
    // A name that is not the file's own is what NT's file object would have.
    if (!image.path.empty()) {
        (image.path_exact ? load.path : load.file_name) = image.path;
    }
    load.base = image.base;
    load.size = image.size;
    load.timestamp = image.time;
    executive_.raise_image_load(load);
}

void ActivityNotifier::handle_opened(const sources::HandleOpened& handle) {
    executive_.raise_handle_open({.pid = handle.pid,
                                  .tid = handle.tid,
                                  .target = handle.target,
                                  .target_tid = handle.target_tid,
                                  .access = handle.access,
                                  .made = handle.made,
                                  .duplicate = handle.duplicate,
                                  .source = handle.source,
                                  .destination = handle.destination,
                                  .timestamp = handle.time});
}

void ActivityNotifier::registry_changed(const sources::RegistryChanged& changed) {
    RegistryChange change;
    switch (changed.kind) {
        case sources::RegistryChanged::Kind::kCreateKey:
            change.kind = RegistryChangeKind::kCreateKey;
            break;
        case sources::RegistryChanged::Kind::kSetValue:
            change.kind = RegistryChangeKind::kSetValue;
            break;
        case sources::RegistryChanged::Kind::kDeleteKey:
            change.kind = RegistryChangeKind::kDeleteKey;
            break;
        case sources::RegistryChanged::Kind::kDeleteValue:
            change.kind = RegistryChangeKind::kDeleteValue;
            break;
        case sources::RegistryChanged::Kind::kRenameKey:
            change.kind = RegistryChangeKind::kRenameKey;
            break;
    }
    change.pid = changed.pid;
    change.tid = changed.tid;
    change.key = changed.key;
    change.name = changed.name;
    change.type = changed.type;
    change.data = changed.data;
    change.claimed = static_cast<ULONG>(changed.data_bytes);
    change.timestamp = changed.time;
    // A driver may refuse it; here it has happened already.
    report_registry_change(change);
}

void ActivityNotifier::events_lost(std::uint64_t count) {
    while (count != 0) {
        AEGIS_SOURCE_LOSS_REQUEST request{};
        request.Header = {AEGIS_CONTROL_VERSION, sizeof(request)};
        request.Count = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(count, std::numeric_limits<decltype(request.Count)>::max()));
        const NTSTATUS status = executive_
                                    .internal_device_control(u"\\Device\\AegisMon", AEGIS_IOCTL_SOURCE_LOSS,
                                                             std::as_bytes(std::span(&request, 1)), {})
                                    .status;
        if (!NT_SUCCESS(status)) {
            report_(fmt::format("the driver did not take the report of {} lost events (NTSTATUS 0x{:08X})", count,
                                static_cast<std::uint32_t>(status)));
            return;
        }
        count -= request.Count;
    }
}

void ActivityNotifier::tell_what_is_missing(const sources::Tells& told) {
    if (!told.threads) {
        no_source(AEGIS_CALLBACK_THREAD);
    }
    if (!told.images) {
        no_source(AEGIS_CALLBACK_IMAGE);
    }
    if (!told.handles) {
        no_source(AEGIS_CALLBACK_HANDLE);
    }
    if (!told.registry) {
        no_source(AEGIS_CALLBACK_REGISTRY);
    }
}

void ActivityNotifier::no_source(std::uint32_t kind) {
    AEGIS_NO_SOURCE_REQUEST request{};
    request.Header = {AEGIS_CONTROL_VERSION, sizeof(request)};
    request.Kind = kind;
    const NTSTATUS status = executive_
                                .internal_device_control(u"\\Device\\AegisMon", AEGIS_IOCTL_NO_SOURCE,
                                                         std::as_bytes(std::span(&request, 1)), {})
                                .status;
    if (!NT_SUCCESS(status)) {
        report_(
            fmt::format("the driver did not take the report of a callback of kind {} without a source "
                        "(NTSTATUS 0x{:08X})",
                        kind, static_cast<std::uint32_t>(status)));
    }
}

}  // namespace aegis::host::server
