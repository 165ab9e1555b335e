#include "driver/support/events.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace aegis::test {
namespace {

void take_payload(std::span<const std::byte> payload, ProcessEvent& event) {
    std::memcpy(&event.payload, payload.data(), std::min(payload.size(), sizeof(event.payload)));
    std::memcpy(event.bytes.data(), payload.data(), std::min(payload.size(), event.bytes.size()));
}

std::vector<ProcessEvent> without_details(std::vector<ProcessEvent> events) {
    std::erase_if(events, [](const ProcessEvent& event) { return event.header.Type == AEGIS_EVENT_PROCESS_DETAILS; });
    return events;
}

}  // namespace

NTSTATUS Activity::create(std::uint32_t pid, std::optional<std::u16string_view> path, bool exact, std::uint32_t parent,
                          std::uint32_t creator) {
    host::ProcessCreation creation;
    creation.pid = pid;
    creation.parent = parent;
    creation.creator = creator;
    // As on NT, where the ids of threads and processes come from one table.
    creation.creator_tid = creator + 4;
    creation.image_path = path;
    creation.image_path_exact = exact;
    creation.timestamp = kActivityTime;
    return host_->executive().raise_process_create(creation);
}

NTSTATUS Activity::create_of_subsystem(std::uint32_t pid) {
    host::ProcessCreation creation;
    creation.pid = pid;
    creation.parent = 100;
    creation.creator = 100;
    creation.image_path = u"\\Device\\lxss\\bin\\sh";
    creation.subsystem = true;
    creation.timestamp = kActivityTime;
    return host_->executive().raise_process_create(creation);
}

void Activity::exit(std::uint32_t pid, std::optional<NTSTATUS> status) {
    host_->executive().raise_process_exit(pid, kActivityTime + 1, status);
}

void Activity::come_and_go(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t pid = next_pid_++;
        create(pid);
        exit(pid);
    }
}

std::vector<ProcessEvent> all_events_in(std::span<const std::byte> pulled) {
    std::vector<ProcessEvent> events;
    while (!pulled.empty()) {
        ProcessEvent event{};
        if (pulled.size() < sizeof(event.header)) {
            ADD_FAILURE() << pulled.size() << " bytes are left behind the last event";
            break;
        }
        std::memcpy(&event.header, pulled.data(), sizeof(event.header));
        if (event.header.Size < sizeof(event.header) || event.header.Size > pulled.size()) {
            ADD_FAILURE() << "an event of " << event.header.Size << " bytes in " << pulled.size();
            break;
        }
        take_payload(pulled.first(event.header.Size).subspan(sizeof(event.header)), event);
        events.push_back(event);
        pulled = pulled.subspan(event.header.Size);
    }
    return events;
}

std::vector<ProcessEvent> events_in(std::span<const std::byte> pulled) {
    return without_details(all_events_in(pulled));
}

std::vector<ProcessEvent> drain_all(ring::Consumer<>& consumer) {
    std::vector<ProcessEvent> events;
    ring::EventBuffer buffer;
    for (;;) {
        const ring::ReadStatus status = consumer.read(buffer);
        if (status == ring::ReadStatus::kEmpty) {
            return events;
        }
        if (status == ring::ReadStatus::kEvent) {
            ProcessEvent event{};
            event.header = buffer.header();
            take_payload({static_cast<const std::byte*>(buffer.payload()), buffer.payload_size()}, event);
            events.push_back(event);
        }
    }
}

std::vector<ProcessEvent> drain(ring::Consumer<>& consumer) {
    return without_details(drain_all(consumer));
}

std::vector<AEGIS_PROCESS_DETAILS_PAYLOAD> details_of(std::span<const ProcessEvent> events, std::uint32_t pid) {
    std::vector<AEGIS_PROCESS_DETAILS_PAYLOAD> found;
    for (const ProcessEvent& event : events) {
        if (event.header.Type == AEGIS_EVENT_PROCESS_DETAILS && event.details().ProcessId == pid) {
            found.push_back(event.details());
        }
    }
    return found;
}

}  // namespace aegis::test
