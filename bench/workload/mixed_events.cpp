#include "workload/mixed_events.hpp"

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace aegis::workload {
namespace {

constexpr std::uint32_t kProcesses = 20;
constexpr std::uint32_t kThreads = 150;  // starts, and as many ends
constexpr std::uint32_t kImages = 220;
constexpr std::uint32_t kRegistry = 150;
constexpr std::uint32_t kHandles = 250;
constexpr std::uint32_t kFirstPid = 1000;
constexpr std::uint64_t kKey = 0x01DC000000000000;

std::u16string numbered(std::u16string_view text, std::uint32_t number) {
    std::u16string result(text);
    for (const char digit : std::to_string(number)) {
        result += static_cast<char16_t>(digit);
    }
    return result;
}

std::uint32_t pid_of(std::uint32_t number) {
    return kFirstPid + number % kProcesses * 4;
}

template <class Payload>
MixedEvent event_of(std::uint16_t type, const Payload& payload, std::size_t bytes) {
    MixedEvent event{type, std::vector<std::uint64_t>((bytes + 7) / 8), static_cast<std::uint16_t>(bytes)};
    std::memcpy(event.payload.data(), &payload, bytes);
    return event;
}

template <std::size_t kUnits>
std::uint16_t copy_text(std::u16string_view text, std::uint16_t (&to)[kUnits], std::size_t at = 0) {
    std::memcpy(to + at, text.data(), text.size() * sizeof(char16_t));
    return static_cast<std::uint16_t>(text.size());
}

MixedEvent process_start(std::uint32_t number) {
    AEGIS_PROCESS_PAYLOAD payload{};
    payload.ProcessId = pid_of(number);
    payload.ParentProcessId = payload.CreatingProcessId = kFirstPid;
    payload.ImagePathExact = 1;
    payload.ImagePathLength =
        copy_text(numbered(u"/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus-", number), payload.ImagePath);
    return event_of(AEGIS_EVENT_PROCESS_CREATE, payload, AEGIS_PROCESS_PAYLOAD_FIXED + 2U * payload.ImagePathLength);
}

MixedEvent process_end(std::uint32_t number) {
    AEGIS_PROCESS_PAYLOAD payload{};
    payload.ProcessId = pid_of(number);
    return event_of(AEGIS_EVENT_PROCESS_EXIT, payload, AEGIS_PROCESS_PAYLOAD_FIXED);
}

MixedEvent details(std::uint32_t number, std::uint8_t kind) {
    AEGIS_PROCESS_DETAILS_PAYLOAD payload{};
    payload.ProcessId = pid_of(number);
    payload.ProcessKey = kKey + number;
    payload.ParentKey = payload.CreatorKey = kKey;
    payload.CreationTime = static_cast<std::int64_t>(kKey + number);
    payload.Kind = kind;
    payload.Parts = 1;
    payload.Flags = AEGIS_DETAILS_KEY_IS_TIME | AEGIS_DETAILS_PARENT_KEY_IS_TIME | AEGIS_DETAILS_CREATOR_KEY_IS_TIME;
    std::size_t units = 0;
    if (kind == AEGIS_DETAILS_START) {
        payload.Flags |= AEGIS_DETAILS_TOKEN_VALID | AEGIS_DETAILS_COMMAND_LINE_VALID;
        constexpr std::uint8_t kSid[] = {1, 2, 0, 0, 0, 0, 0, 22, 1, 0, 0, 0, 0xE8, 3, 0, 0};  // S-1-22-1-1000
        std::memcpy(payload.Text, kSid, sizeof(kSid));
        payload.SidLength = sizeof(kSid);
        units = sizeof(kSid) / 2;
        payload.CommandLineLength = payload.CommandLineFullLength = copy_text(
            numbered(u"/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus -quiet -imultiarch x86_64-linux-gnu -O2 -o /tmp/cc",
                     number),
            payload.Text, units);
        units += payload.CommandLineLength;
    } else {
        payload.Flags |= AEGIS_DETAILS_EXIT_STATUS_VALID;
    }
    return event_of(AEGIS_EVENT_PROCESS_DETAILS, payload, AEGIS_DETAILS_PAYLOAD_FIXED + 2 * units);
}

MixedEvent thread(std::uint32_t number, std::uint16_t type) {
    AEGIS_THREAD_PAYLOAD payload{};
    payload.ProcessId = pid_of(number);
    payload.ThreadId = payload.ProcessId + number;
    payload.ProcessKey = kKey + number % kProcesses;
    payload.Flags = AEGIS_THREAD_KEY_IS_TIME;
    if (type == AEGIS_EVENT_THREAD_CREATE) {
        payload.CreatorProcessId = payload.ProcessId;
        payload.CreatorThreadId = payload.ProcessId + 1;
        payload.CreatorKey = payload.ProcessKey;
        payload.StartAddress = 0x7F0012345678;
        payload.Flags |= AEGIS_THREAD_ADDRESS_VALID | AEGIS_THREAD_CREATOR_KEY_IS_TIME;
    }
    return event_of(type, payload, sizeof(payload));
}

MixedEvent image(std::uint32_t number) {
    AEGIS_IMAGE_PAYLOAD payload{};
    payload.ProcessId = payload.LoaderProcessId = pid_of(number);
    payload.ThreadId = payload.ProcessId;
    payload.ProcessKey = kKey + number % kProcesses;
    payload.ImageBase = 0x7F0000000000 + number * std::uint64_t{0x10000};
    payload.ImageSize = 0x8000;
    payload.Flags = AEGIS_IMAGE_EXACT | AEGIS_IMAGE_KEY_IS_TIME;
    payload.PathLength = payload.PathFullLength =
        copy_text(numbered(u"/usr/lib/x86_64-linux-gnu/libsomething-useful.so.", number), payload.Path);
    return event_of(AEGIS_EVENT_IMAGE_LOAD, payload, AEGIS_IMAGE_PAYLOAD_FIXED + 2U * payload.PathLength);
}

MixedEvent registry(std::uint32_t number) {
    AEGIS_REGISTRY_PAYLOAD payload{};
    payload.ProcessId = payload.ThreadId = pid_of(number);
    payload.ProcessKey = kKey + number % kProcesses;
    payload.Flags = AEGIS_REGISTRY_KEY_IS_TIME;
    payload.Operation = AEGIS_REGISTRY_SET_VALUE;
    payload.ValueType = 4;  // REG_DWORD
    payload.DataSize = payload.DataLength = 4;
    payload.KeyLength = payload.KeyFullLength =
        copy_text(u"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer", payload.Text);
    payload.NameLength = payload.NameFullLength =
        copy_text(numbered(u"SomeValue", number), payload.Text, payload.KeyLength);
    const std::size_t units = payload.KeyLength + payload.NameLength + 2U;
    return event_of(AEGIS_EVENT_REGISTRY_OP, payload, AEGIS_REGISTRY_PAYLOAD_FIXED + 2 * units);
}

MixedEvent handle(std::uint32_t number) {
    AEGIS_HANDLE_PAYLOAD payload{};
    payload.ProcessId = payload.ThreadId = pid_of(number);
    payload.ProcessKey = kKey + number % kProcesses;
    payload.TargetProcessId = pid_of(number + 1);
    payload.TargetKey = kKey + (number + 1) % kProcesses;
    payload.OriginalAccess = payload.DesiredAccess = payload.GrantedAccess = 0x1FFFFF;  // PROCESS_ALL_ACCESS
    payload.ObjectType = AEGIS_HANDLE_PROCESS;
    payload.Flags = AEGIS_HANDLE_KEY_IS_TIME | AEGIS_HANDLE_TARGET_KEY_IS_TIME | AEGIS_HANDLE_GRANTED_VALID;
    return event_of(AEGIS_EVENT_HANDLE_OP, payload, sizeof(payload));
}

}  // namespace

std::vector<MixedEvent> mixed_events() {
    std::vector<MixedEvent> events;
    for (std::uint32_t process = 0; process < kProcesses; ++process) {
        // What happens while one process of twenty comes and goes.
        const auto share = [process](std::uint32_t of, auto&& make) {
            for (std::uint32_t i = of * process / kProcesses; i < of * (process + 1) / kProcesses; ++i) {
                make(i);
            }
        };
        events.push_back(details(process, AEGIS_DETAILS_START));
        events.push_back(process_start(process));
        share(kImages, [&](std::uint32_t i) { events.push_back(image(i)); });
        share(kThreads, [&](std::uint32_t i) { events.push_back(thread(i, AEGIS_EVENT_THREAD_CREATE)); });
        share(kHandles, [&](std::uint32_t i) { events.push_back(handle(i)); });
        share(kRegistry, [&](std::uint32_t i) { events.push_back(registry(i)); });
        share(kThreads, [&](std::uint32_t i) { events.push_back(thread(i, AEGIS_EVENT_THREAD_EXIT)); });
        events.push_back(details(process, AEGIS_DETAILS_EXIT));
        events.push_back(process_end(process));
    }
    return events;
}

}  // namespace aegis::workload
