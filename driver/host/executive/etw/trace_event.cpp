#include "driver/host/executive/etw/trace_event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace aegis::host {
namespace {

constexpr std::uint8_t kTraceLoggingChannel = 11;
constexpr std::uint32_t kValue = 0;
constexpr std::uint32_t kEventMetadata = 1;
constexpr std::uint32_t kProviderMetadata = 2;
constexpr std::uint8_t kHasOut = 0x80;
constexpr std::uint8_t kMoreTags = 0x80;

using Bytes = std::span<const std::byte>;

Bytes bytes_of(const EtwData& data) {
    return {reinterpret_cast<const std::byte*>(static_cast<std::uintptr_t>(data.Ptr)), data.Size};
}

// Takes what it reads from the front; nothing once something was missing.
class Reader {
  public:
    explicit Reader(Bytes bytes) : left_(bytes) {}

    std::optional<std::uint8_t> byte() {
        if (left_.empty()) {
            return std::nullopt;
        }
        const auto value = static_cast<std::uint8_t>(left_.front());
        left_ = left_.subspan(1);
        return value;
    }

    std::optional<std::uint16_t> length() {
        if (left_.size() < sizeof(std::uint16_t)) {
            return std::nullopt;
        }
        std::uint16_t value = 0;
        std::memcpy(&value, left_.data(), sizeof(value));
        left_ = left_.subspan(sizeof(value));
        return value;
    }

    // Without its zero; none when there is no zero, or nothing before it.
    std::optional<std::string> name() {
        const auto end = std::find(left_.begin(), left_.end(), std::byte{0});
        if (end == left_.end() || end == left_.begin()) {
            return std::nullopt;
        }
        std::string text(reinterpret_cast<const char*>(left_.data()), static_cast<std::size_t>(end - left_.begin()));
        left_ = left_.subspan(text.size() + 1);
        return text;
    }

    bool empty() const { return left_.empty(); }

  private:
    Bytes left_;
};

template <class Number>
std::optional<Number> number_in(Bytes value) {
    Number number{};
    if (value.size() != sizeof(number)) {
        return std::nullopt;
    }
    std::memcpy(&number, value.data(), sizeof(number));
    return number;
}

template <class Number>
std::optional<std::string> decimal(Bytes value) {
    const std::optional<Number> number = number_in<Number>(value);
    return number ? std::optional(fmt::format("{}", *number)) : std::nullopt;
}

std::optional<std::string> ansi_string(Bytes value) {
    const auto end = std::find(value.begin(), value.end(), std::byte{0});
    if (value.empty() || end != value.end() - 1) {
        return std::nullopt;
    }
    return fmt::format("\"{}\"", std::string_view(reinterpret_cast<const char*>(value.data()), value.size() - 1));
}

// How a field of this type is shown; none when the bytes are not such a value. The types that a driver here uses.
std::optional<std::string> shown(std::uint8_t in, std::uint8_t out, Bytes value) {
    constexpr std::uint8_t kNtStatus = 14;
    switch (in) {
        case 2:
            return ansi_string(value);
        case 7: {
            const auto number = number_in<std::uint32_t>(value);
            return number && out == kNtStatus ? std::optional(fmt::format("0x{:08X}", *number))
                                              : decimal<std::int32_t>(value);
        }
        case 8:
            return decimal<std::uint32_t>(value);
        case 10:
            return decimal<std::uint64_t>(value);
        default:
            return std::nullopt;
    }
}

std::string check_descriptor(const EtwDescriptor& descriptor, std::span<const EtwData> data) {
    if (descriptor.Channel != kTraceLoggingChannel) {
        return fmt::format("channel {} is not TraceLogging's", descriptor.Channel);
    }
    if (descriptor.Level < 1 || descriptor.Level > 5) {
        return fmt::format("level {} is not from 1 to 5", descriptor.Level);
    }
    if (data.size() < 2 || data[0].Type != kProviderMetadata || data[1].Type != kEventMetadata) {
        return "the first data are not the provider's metadata and the event's";
    }
    return "";
}

// After the name: the fields, each with its value.
std::string read_fields(Reader metadata, std::span<const EtwData> values, TraceEvent& event) {
    for (const EtwData& value : values) {
        const std::optional<std::string> name = metadata.name();
        const std::optional<std::uint8_t> in = metadata.byte();
        const std::optional<std::uint8_t> out = in && (*in & kHasOut) != 0 ? metadata.byte() : 0;
        if (!name || !in || !out) {
            return fmt::format("{} has more values than fields", event.name);
        }
        if (value.Type != kValue) {
            return fmt::format("{}.{} is no value", event.name, *name);
        }
        const std::optional<std::string> text = shown(*in & static_cast<std::uint8_t>(~kHasOut), *out, bytes_of(value));
        if (!text) {
            return fmt::format("{}.{} of type {} has a value of {} bytes that is none", event.name, *name, *in & 0x7F,
                               value.Size);
        }
        event.fields.push_back({*name, *text});
    }
    return metadata.empty() ? "" : fmt::format("{} has more fields than values", event.name);
}

}  // namespace

std::variant<ProviderName, std::string> decode_provider(Bytes metadata) {
    Reader reader(metadata);
    const std::optional<std::uint16_t> length = reader.length();
    std::optional<std::string> name = reader.name();
    if (!length || *length != metadata.size() || !name || !reader.empty()) {
        return fmt::format("{} bytes of provider metadata are not a length and a name", metadata.size());
    }
    return ProviderName{*std::move(name)};
}

std::variant<TraceEvent, std::string> decode_trace_event(const EtwDescriptor& descriptor,
                                                         std::span<const EtwData> data) {
    if (std::string wrong = check_descriptor(descriptor, data); !wrong.empty()) {
        return wrong;
    }
    const auto provider = decode_provider(bytes_of(data[0]));
    if (const auto* const wrong = std::get_if<std::string>(&provider)) {
        return *wrong;
    }
    Reader metadata(bytes_of(data[1]));
    if (metadata.length() != data[1].Size) {
        return fmt::format("{} bytes of event metadata do not begin with their length", data[1].Size);
    }
    for (std::optional<std::uint8_t> tags = kMoreTags; tags && (*tags & kMoreTags) != 0;) {
        tags = metadata.byte();
    }
    std::optional<std::string> name = metadata.name();
    if (!name) {
        return "an event has no name";
    }
    TraceEvent event{std::get<ProviderName>(provider).text, *std::move(name), descriptor.Level, descriptor.Keyword, {}};
    if (std::string wrong = read_fields(metadata, data.subspan(2), event); !wrong.empty()) {
        return wrong;
    }
    return event;
}

std::string to_text(const TraceEvent& event) {
    std::string text = event.name;
    for (const TraceField& field : event.fields) {
        text += fmt::format(" {}={}", field.name, field.value);
    }
    return text;
}

}  // namespace aegis::host
