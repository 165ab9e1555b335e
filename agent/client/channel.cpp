#include "agent/client/channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "agent/client/query_reply.hpp"

namespace aegis::client {
namespace {

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

template <class T>
std::span<std::byte> writable_bytes_of(T& value) {
    return std::as_writable_bytes(std::span(&value, 1));
}

template <class T>
AEGIS_REQUEST_HEADER header_of() {
    return {AEGIS_CONTROL_VERSION, sizeof(T)};
}

Error mismatch(const std::string& message) {
    return {AEGIS_ERROR_VERSION, message + "; install driver and agent from the same release"};
}

}  // namespace

Error control_failure(const Device& device, std::string_view name, const IoResult& result,
                      std::chrono::nanoseconds limit) {
    const std::string reason = device.describe(result.code);
    switch (result.status) {
        case IoStatus::kDriverGone:
            return {AEGIS_GONE, fmt::format("{} found no driver any more: {}", name, reason)};
        case IoStatus::kOtherRevision:
            return mismatch(fmt::format("the driver refuses control version {} of this agent ({}: {})",
                                        AEGIS_CONTROL_VERSION, name, reason));
        case IoStatus::kUnsupported:
            return mismatch(fmt::format("the driver does not know {} ({})", name, reason));
        case IoStatus::kNoAnswer:
            return no_answer(device, name, result, limit);
        case IoStatus::kInterrupted:
            return {AEGIS_INTERRUPTED, fmt::format("asked to end before the driver answered {}", name)};
        case IoStatus::kOk:
        case IoStatus::kFailed:
            break;
    }
    return {AEGIS_ERROR_FAILED, fmt::format("{} failed: {}", name, reason)};
}

namespace {

// A reply that is not the struct of this version must not be interpreted.
template <class Reply>
std::optional<Error> check_reply(std::string_view name, const Reply& reply, std::size_t bytes) {
    if (bytes == sizeof(reply) && reply.Version == AEGIS_CONTROL_VERSION && reply.Bytes == sizeof(reply)) {
        return std::nullopt;
    }
    if (bytes < sizeof(AEGIS_REQUEST_HEADER)) {
        return mismatch(fmt::format("{} returned {} bytes where version {} has {}", name, bytes, AEGIS_CONTROL_VERSION,
                                    sizeof(reply)));
    }
    return mismatch(fmt::format("{} returned version {} with {} of {} bytes; this agent expects version {} with {}",
                                name, reply.Version, bytes, reply.Bytes, AEGIS_CONTROL_VERSION, sizeof(reply)));
}

std::string describe_geometry(std::uint32_t header, std::uint32_t cell, std::uint32_t count, unsigned major,
                              unsigned minor, const std::uint8_t* session) {
    std::string text =
        fmt::format("ABI {}.{}, {} cells of {} bytes after {}, session ", major, minor, count, cell, header);
    for (const std::uint8_t byte : std::span(session, sizeof(AEGIS_RING_IDENTITY::SessionId))) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

// Opens what was mapped, and checks it against what the reply says of it.
std::optional<Error> open_mapping(const AEGIS_RING_SETUP_REPLY& reply, ring::RingMemory<>& memory) {
    if (reply.AbiMajor != AEGIS_RING_ABI_MAJOR) {
        return mismatch(fmt::format("the driver's ring has ABI {}.{}, this agent reads {}.x", reply.AbiMajor,
                                    reply.AbiMinor, AEGIS_RING_ABI_MAJOR));
    }
    const ring::OpenedRegion<> opened = ring::open_region(reinterpret_cast<void*>(reply.RingAddress), reply.RingBytes);
    if (opened.error != ring::RegionError::kNone) {
        return mismatch(fmt::format("the mapped ring of {} bytes cannot be read: {}", reply.RingBytes,
                                    ring::describe(opened.error)));
    }
    if (reply.ConsumerPageBytes < sizeof(AEGIS_CONSUMER_PAGE)) {
        return mismatch(fmt::format("the consumer page has {} bytes, expected {}", reply.ConsumerPageBytes,
                                    sizeof(AEGIS_CONSUMER_PAGE)));
    }
    const AEGIS_RING_IDENTITY& found = opened.identity;
    const std::string in_ring = describe_geometry(found.HeaderBytes, found.CellBytes, found.CellCount, found.AbiMajor,
                                                  found.AbiMinor, found.SessionId);
    const std::string in_reply = describe_geometry(reply.HeaderBytes, reply.CellBytes, reply.CellCount, reply.AbiMajor,
                                                   reply.AbiMinor, reply.SessionId);
    if (in_ring != in_reply) {
        return mismatch(fmt::format("the mapped ring says {}, the driver said {}", in_ring, in_reply));
    }
    memory = opened.memory;
    return std::nullopt;
}

// Fills channel.ring. A failure with AEGIS_ERROR_FAILED means that this handle gets no mapping, and pull may still
// work.
std::optional<Error> map_ring(Channel& channel, const OpenLimit& open_limit) {
    AEGIS_RING_SETUP_REQUEST request = {};
    request.Header = header_of<AEGIS_RING_SETUP_REQUEST>();
    request.EventHandle = channel.device->event_handle();
    AEGIS_RING_SETUP_REPLY reply = {};
    const std::chrono::nanoseconds limit = open_limit.for_request();
    const IoResult result =
        channel.device->control(AEGIS_IOCTL_RING_SETUP, bytes_of(request), writable_bytes_of(reply), limit);
    if (result.status == IoStatus::kUnsupported) {
        return Error{AEGIS_ERROR_FAILED, "the driver does not offer it"};
    }
    if (result.status != IoStatus::kOk) {
        return control_failure(*channel.device, "IOCTL_AEGIS_RING_SETUP", result, limit);
    }
    if (auto error = check_reply("IOCTL_AEGIS_RING_SETUP", reply, result.bytes)) {
        return error;
    }
    ring::RingMemory<> memory;
    if (auto error = open_mapping(reply, memory)) {
        return error;
    }
    if (std::memcmp(reply.SessionId, channel.at_open.SessionId, sizeof(reply.SessionId)) != 0) {
        return mismatch("the mapped ring belongs to another session than the driver's counters");
    }
    channel.ring.emplace(MappedRing{memory, reinterpret_cast<AEGIS_CONSUMER_PAGE*>(reply.ConsumerPageAddress)});
    return std::nullopt;
}

// Room for the reply of any release, as the driver writes it.
struct RawQueryReply {
    alignas(AEGIS_QUERY_REPLY) std::array<std::byte, AEGIS_QUERY_ROOM> bytes;
};

IoResult send_query(Device& device, std::chrono::nanoseconds limit, RawQueryReply& reply) {
    AEGIS_QUERY_REQUEST request = {};
    request.Header = header_of<AEGIS_QUERY_REQUEST>();
    return device.control(AEGIS_IOCTL_QUERY, bytes_of(request), reply.bytes, limit);
}

std::optional<Error> examine_query(const Device& device, const IoResult& result, std::chrono::nanoseconds limit,
                                   const RawQueryReply& raw, AEGIS_QUERY_REPLY& reply) {
    if (result.status != IoStatus::kOk) {
        return control_failure(device, "IOCTL_AEGIS_QUERY", result, limit);
    }
    const auto bytes = std::span(raw.bytes).first(std::min(result.bytes, raw.bytes.size()));
    AEGIS_REQUEST_HEADER header = {};
    std::memcpy(&header, bytes.data(), std::min(bytes.size(), sizeof(header)));
    if (bytes.size() >= sizeof(header) && header.Version != AEGIS_CONTROL_VERSION) {
        return mismatch(
            fmt::format("IOCTL_AEGIS_QUERY returned version {} with {} of {} bytes; this agent expects "
                        "version {}",
                        header.Version, bytes.size(), header.Bytes, AEGIS_CONTROL_VERSION));
    }
    if (const auto wrong = read_query_reply(bytes, reply)) {
        return mismatch(fmt::format("the driver's reply to IOCTL_AEGIS_QUERY is broken: {}", *wrong));
    }
    return std::nullopt;
}

// Whoever answers this is AegisMon, or speaks its language.
std::optional<Error> first_query(std::string_view path, const OpenLimit& open_limit, Channel& channel) {
    const std::chrono::nanoseconds limit = open_limit.for_request();
    RawQueryReply reply = {};
    const IoResult result = send_query(*channel.device, limit, reply);
    const bool refused = result.status == IoStatus::kUnsupported || result.status == IoStatus::kFailed;
    if (refused && !path.empty()) {
        return Error{AEGIS_ERROR_NOT_AEGIS, fmt::format("{} is no AegisMon: it does not know IOCTL_AEGIS_QUERY ({})",
                                                        path, channel.device->describe(result.code))};
    }
    return examine_query(*channel.device, result, limit, reply, channel.at_open);
}

}  // namespace

ring::DoorbellListener<> MappedRing::listener() const {
    return {reinterpret_cast<std::atomic<std::uint64_t>*>(&page->WakeAt),
            reinterpret_cast<std::atomic<std::uint64_t>*>(&page->Cursor)};
}

Error no_answer(const Device& device, std::string_view name, const IoResult& result, std::chrono::nanoseconds limit) {
    return {AEGIS_NO_ANSWER, fmt::format("the driver did not answer {} within {:.3g} s: {}", name,
                                         std::chrono::duration<double>(limit).count(), device.describe(result.code))};
}

std::optional<Error> query_driver(Device& device, std::chrono::nanoseconds limit, AEGIS_QUERY_REPLY& reply) {
    reply = {};
    RawQueryReply raw = {};
    const IoResult result = send_query(device, limit, raw);
    return examine_query(device, result, limit, raw, reply);
}

std::optional<Error> open_channel(std::string_view path, std::uint32_t transport, const OpenLimit& limit,
                                  Channel& channel) {
    if (auto error = first_query(path, limit, channel)) {
        return error;
    }
    channel.not_watched = channel.device->not_watched();
    if (transport == AEGIS_TRANSPORT_PULL || transport == AEGIS_TRANSPORT_NONE) {
        return std::nullopt;
    }
    std::optional<Error> error = map_ring(channel, limit);
    if (error && error->code == AEGIS_ERROR_FAILED) {
        if (transport == AEGIS_TRANSPORT_RING) {
            error->text = fmt::format("the ring cannot be mapped: {}; pull needs no mapping", error->text);
            return error;
        }
        channel.not_ring = std::move(error->text);
        return std::nullopt;
    }
    return error;
}

}  // namespace aegis::client
