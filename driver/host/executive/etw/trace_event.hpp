// What a driver hands to EtwWrite in TraceLogging's format, taken apart again: so the bytes are checked that an ETW
// tool on Windows would have to decode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace aegis::host {

struct TraceField {
    std::string name;
    std::string value;  // as a tool shows it
};

struct TraceEvent {
    std::string provider;
    std::string name;
    std::uint8_t level = 0;
    std::uint64_t keyword = 0;
    std::vector<TraceField> fields;
};

// The parameters of EtwWrite. Windows' structs, whose headers for drivers mingw-w64 lacks.
struct EtwDescriptor {
    std::uint16_t Id;
    std::uint8_t Version;
    std::uint8_t Channel;
    std::uint8_t Level;
    std::uint8_t Opcode;
    std::uint16_t Task;
    std::uint64_t Keyword;
};
static_assert(sizeof(EtwDescriptor) == 16 && offsetof(EtwDescriptor, Keyword) == 8);

struct EtwData {
    std::uint64_t Ptr;
    std::uint32_t Size;
    std::uint32_t Type;  // 0 a value, 1 the event's metadata, 2 the provider's
};
static_assert(sizeof(EtwData) == 16 && offsetof(EtwData, Type) == 12);

struct ProviderName {
    std::string text;
};

// The provider, or what is wrong with its metadata.
std::variant<ProviderName, std::string> decode_provider(std::span<const std::byte> metadata);

// The event, or what is wrong with it.
std::variant<TraceEvent, std::string> decode_trace_event(const EtwDescriptor& descriptor,
                                                         std::span<const EtwData> data);

// "Name Field=value Field=\"text\"".
std::string to_text(const TraceEvent& event);

}  // namespace aegis::host
