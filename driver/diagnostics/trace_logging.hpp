// ETW events in TraceLogging's format: each carries the names and types of its fields, so that any ETW tool decodes
// them without a manifest. The bytes are made by the compiler; an event costs no more than its values.
//
// The format as Microsoft documents it for <TraceLoggingProvider.h> and provider traits: a 16-bit length of the whole,
// for an event a byte of tags and its name, for a provider its name; then each field's name and a byte of its type,
// with 0x80 when a byte says how to show it. Names are UTF-8 and end with a zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nt/literal.hpp"
#include "nt/nt.hpp"

namespace aegis::driver::trace {

// An event as the kernel's functions take it. mingw-w64 has these in a header for programs only.
struct Descriptor {
    std::uint16_t Id;
    std::uint8_t Version;
    std::uint8_t Channel;
    std::uint8_t Level;
    std::uint8_t Opcode;
    std::uint16_t Task;
    std::uint64_t Keyword;
};
static_assert(sizeof(Descriptor) == 16 && offsetof(Descriptor, Level) == 4 && offsetof(Descriptor, Keyword) == 8);

struct Data {
    std::uint64_t Ptr;
    std::uint32_t Size;
    std::uint32_t Type;
};
static_assert(sizeof(Data) == 16 && offsetof(Data, Size) == 8 && offsetof(Data, Type) == 12);

// What a Data is.
inline constexpr std::uint32_t kValue = 0;
inline constexpr std::uint32_t kEventMetadata = 1;
inline constexpr std::uint32_t kProviderMetadata = 2;

// The channel of events that describe themselves.
inline constexpr std::uint8_t kChannel = 11;

enum class Level : std::uint8_t { kCritical = 1, kError = 2, kWarning = 3, kInformation = 4, kVerbose = 5 };

// How a field is stored, and how it is to be shown.
enum class In : std::uint8_t { kAnsiString = 2, kInt32 = 7, kUint32 = 8, kUint64 = 10 };
enum class Out : std::uint8_t { kDefault = 0, kPid = 5, kNtStatus = 14 };

// Bytes of which each metadata consists. Not std::array: its accessors may call the C++ library in checked builds.
template <std::size_t kBytes>
struct Metadata {
    std::uint8_t bytes[kBytes];

    static constexpr std::size_t size() { return kBytes; }
};

// A field whose value is a `Value`.
template <class Value, std::size_t kBytes>
struct Field {
    Metadata<kBytes> metadata;
};

// An event with values of these types.
template <std::size_t kBytes, class... Values>
struct Event {
    Metadata<kBytes> metadata;
    Level level;
    std::uint64_t keyword;
};

namespace detail {

// Appends; the caller has counted the bytes.
struct Writer {
    std::uint8_t* at;

    template <std::size_t kBytes>
    constexpr void bytes(const std::uint8_t (&from)[kBytes]) {
        for (const std::uint8_t byte : from) {
            *at++ = byte;
        }
    }
    template <std::size_t kBytes>
    constexpr void name(const char (&text)[kBytes]) {
        for (const char unit : text) {
            *at++ = static_cast<std::uint8_t>(unit);
        }
    }
    constexpr void length(std::size_t value) {
        *at++ = static_cast<std::uint8_t>(value);
        *at++ = static_cast<std::uint8_t>(value >> 8U);
    }
};

template <class Value, In kIn, Out kOut, std::size_t kName>
constexpr auto field(const char (&name)[kName]) {
    constexpr bool kShown = kOut != Out::kDefault;
    Field<Value, kName + 1 + (kShown ? 1 : 0)> made{};
    Writer writer{made.metadata.bytes};
    writer.name(name);
    *writer.at++ = static_cast<std::uint8_t>(static_cast<unsigned>(kIn) | (kShown ? 0x80U : 0U));
    if constexpr (kShown) {
        *writer.at++ = static_cast<std::uint8_t>(kOut);
    }
    return made;
}

}  // namespace detail

// The fields there are.
template <std::size_t kName>
constexpr auto text(const char (&name)[kName]) {
    return detail::field<Literal, In::kAnsiString, Out::kDefault>(name);
}
template <std::size_t kName>
constexpr auto status(const char (&name)[kName]) {
    return detail::field<NTSTATUS, In::kInt32, Out::kNtStatus>(name);
}
template <std::size_t kName>
constexpr auto number(const char (&name)[kName]) {
    return detail::field<std::uint32_t, In::kUint32, Out::kDefault>(name);
}
template <std::size_t kName>
constexpr auto process(const char (&name)[kName]) {
    return detail::field<std::uint32_t, In::kUint32, Out::kPid>(name);
}
template <std::size_t kName>
constexpr auto count(const char (&name)[kName]) {
    return detail::field<std::uint64_t, In::kUint64, Out::kDefault>(name);
}

template <std::size_t kName, class... Values, std::size_t... kBytes>
constexpr auto event(Level level, std::uint64_t keyword, const char (&name)[kName],
                     const Field<Values, kBytes>&... fields) {
    constexpr std::size_t kTotal = sizeof(std::uint16_t) + 1 + kName + (0 + ... + kBytes);
    Event<kTotal, Values...> made{{}, level, keyword};
    detail::Writer writer{made.metadata.bytes};
    writer.length(kTotal);
    *writer.at++ = 0;  // no tags
    writer.name(name);
    (writer.bytes(fields.metadata.bytes), ...);
    return made;
}

template <std::size_t kName>
constexpr auto provider(const char (&name)[kName]) {
    Metadata<sizeof(std::uint16_t) + kName> made{};
    detail::Writer writer{made.bytes};
    writer.length(made.size());
    writer.name(name);
    return made;
}

}  // namespace aegis::driver::trace
