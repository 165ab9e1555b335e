// Process events: made to happen, and read back from either transport.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aegis/event.h"
#include "aegis/ring/consumer.hpp"
#include "driver/support/test_host.hpp"

namespace aegis::test {

// Pids that are no clients'.
inline constexpr std::uint32_t kFirstFreePid = 0x00800000;

// One event, header and payload, as it was read; the payload zero-extended to its struct.
struct ProcessEvent {
    AEGIS_EVENT_HEADER header;
    AEGIS_PROCESS_PAYLOAD payload;
    std::array<std::byte, sizeof(AEGIS_IMAGE_PAYLOAD)> bytes;  // the payload, whatever it is; zeros behind it

    // Of a thread's start or end: its bytes stand where those of a process event do.
    AEGIS_THREAD_PAYLOAD thread() const {
        AEGIS_THREAD_PAYLOAD thread;
        std::memcpy(&thread, &payload, sizeof(thread));
        return thread;
    }

    // Of a handle, in the same place.
    AEGIS_HANDLE_PAYLOAD handle() const {
        AEGIS_HANDLE_PAYLOAD handle;
        std::memcpy(&handle, bytes.data(), sizeof(handle));
        return handle;
    }

    // Of an image, whose payload is longer than that of a process event.
    AEGIS_IMAGE_PAYLOAD image() const {
        AEGIS_IMAGE_PAYLOAD image;
        std::memcpy(&image, bytes.data(), sizeof(image));
        return image;
    }

    AEGIS_REGISTRY_PAYLOAD registry() const {
        AEGIS_REGISTRY_PAYLOAD change;
        std::memcpy(&change, bytes.data(), sizeof(change));
        return change;
    }

    // Of details, whose payload is longer than that of a process event, too.
    AEGIS_PROCESS_DETAILS_PAYLOAD details() const {
        AEGIS_PROCESS_DETAILS_PAYLOAD details;
        std::memcpy(&details, bytes.data(), sizeof(details));
        return details;
    }

    std::u16string path() const {
        return {reinterpret_cast<const char16_t*>(payload.ImagePath), payload.ImagePathLength};
    }
};

static_assert(sizeof(AEGIS_PROCESS_DETAILS_PAYLOAD) <= sizeof(ProcessEvent::bytes));

inline std::u16string path_of(const AEGIS_IMAGE_PAYLOAD& image) {
    return {reinterpret_cast<const char16_t*>(image.Path), image.PathLength};
}

// Timestamp of the activity that create() and exit() report.
inline constexpr std::int64_t kActivityTime = 0x01DC000012345678;

// What a process does, as a source of activity would report it.
class Activity {
  public:
    explicit Activity(TestHost& host) : host_(&host) {}

    // Returns the status that the notify routines left in CreationStatus.
    NTSTATUS create(std::uint32_t pid, std::optional<std::u16string_view> path = u"\\Device\\a.exe", bool exact = true,
                    std::uint32_t parent = 100, std::uint32_t creator = 100);
    NTSTATUS create(const host::ProcessCreation& creation) { return host_->executive().raise_process_create(creation); }
    void exit(std::uint32_t pid, std::optional<NTSTATUS> status = std::nullopt);
    // A process of WSL 1 or the like, which NT calls a pico process.
    NTSTATUS create_of_subsystem(std::uint32_t pid);
    // A thread of `pid`, made by thread `creator_tid` of `creator`.
    void create_thread(const host::ThreadCreation& thread) { host_->executive().raise_thread_create(thread); }
    void exit_thread(const host::ThreadExit& thread) { host_->executive().raise_thread_exit(thread); }
    void load_image(const host::ImageLoad& image) { host_->executive().raise_image_load(image); }
    // `count` processes that are created and exit at once: twice as many events, and as many details.
    void come_and_go(std::uint32_t count);

  private:
    TestHost* host_;
    std::uint32_t next_pid_ = kFirstFreePid;
};

// Takes the output of a pull apart by its strides; a failure of the test when they do not add up.
std::vector<ProcessEvent> all_events_in(std::span<const std::byte> pulled);
// The same without process details.
std::vector<ProcessEvent> events_in(std::span<const std::byte> pulled);

// Everything a consumer can read now. Losses are the consumer's to tell.
std::vector<ProcessEvent> drain_all(ring::Consumer<>& consumer);
// The same without process details.
std::vector<ProcessEvent> drain(ring::Consumer<>& consumer);

// The details among these, of one process.
std::vector<AEGIS_PROCESS_DETAILS_PAYLOAD> details_of(std::span<const ProcessEvent> events, std::uint32_t pid);

}  // namespace aegis::test
