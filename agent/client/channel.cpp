#include "agent/client/channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "agent/app/log.hpp"
#include "agent/client/query_reply.hpp"

namespace aegis::agent {
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

Failure mismatch(const std::string& message) {
    return {ExitCode::kProtocolMismatch, message + "; install driver and agent from the same release"};
}

// What went wrong with an IOCTL, in the words of every message about one.
Failure control_failure(const Device& device, std::string_view name, const IoResult& result,
                        std::chrono::nanoseconds limit) {
    const std::string reason = device.describe(result.code);
    switch (result.status) {
        case IoStatus::kDriverGone:
            return {ExitCode::kDriverGone, fmt::format("{} found no driver any more: {}", name, reason)};
        case IoStatus::kOtherRevision:
            return mismatch(fmt::format("the driver refuses control version {} of this agent ({}: {})",
                                        AEGIS_CONTROL_VERSION, name, reason));
        case IoStatus::kUnsupported:
            return mismatch(fmt::format("the driver does not know {} ({})", name, reason));
        case IoStatus::kNoAnswer:
            return no_answer(device, name, result, limit);
        case IoStatus::kInterrupted:
            return {ExitCode::kFinished, fmt::format("asked to end before the driver answered {}", name)};
        case IoStatus::kOk:
        case IoStatus::kFailed:
            break;
    }
    return {ExitCode::kRuntimeFailure, fmt::format("{} failed: {}", name, reason)};
}

// A reply that is not the struct of this version must not be interpreted.
template <class Reply>
std::optional<Failure> check_reply(std::string_view name, const Reply& reply, std::size_t bytes) {
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
    SessionId id;
    std::copy_n(session, id.size(), id.begin());
    return fmt::format("ABI {}.{}, {} cells of {} bytes after {}, session {}", major, minor, count, cell, header,
                       hexadecimal(id));
}

// Opens what was mapped, and checks it against what the reply says of it.
std::optional<Failure> open_mapping(const AEGIS_RING_SETUP_REPLY& reply, ring::RingMemory<>& memory) {
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

// Fills channel.ring. A failure with kRuntimeFailure means that this handle gets no mapping, and pull may still work.
std::optional<Failure> map_ring(Channel& channel, const Patience& patience) {
    AEGIS_RING_SETUP_REQUEST request = {};
    request.Header = header_of<AEGIS_RING_SETUP_REQUEST>();
    request.EventHandle = channel.device->event_handle();
    AEGIS_RING_SETUP_REPLY reply = {};
    const std::chrono::nanoseconds limit = patience.for_request();
    const IoResult result =
        channel.device->control(AEGIS_IOCTL_RING_SETUP, bytes_of(request), writable_bytes_of(reply), limit);
    if (result.status == IoStatus::kUnsupported) {
        return Failure{ExitCode::kRuntimeFailure, "the driver does not offer it"};
    }
    if (result.status != IoStatus::kOk) {
        return control_failure(*channel.device, "IOCTL_AEGIS_RING_SETUP", result, limit);
    }
    if (auto failure = check_reply("IOCTL_AEGIS_RING_SETUP", reply, result.bytes)) {
        return failure;
    }
    ring::RingMemory<> memory;
    if (auto failure = open_mapping(reply, memory)) {
        return failure;
    }
    if (std::memcmp(reply.SessionId, channel.session.data(), channel.session.size()) != 0) {
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

std::optional<Failure> examine_query(const Device& device, const IoResult& result, std::chrono::nanoseconds limit,
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
std::optional<Failure> first_query(const DeviceChoice& choice, const Patience& patience, Channel& channel) {
    const std::chrono::nanoseconds limit = patience.for_request();
    RawQueryReply reply = {};
    const IoResult result = send_query(*channel.device, limit, reply);
    const bool refused = result.status == IoStatus::kUnsupported || result.status == IoStatus::kFailed;
    if (refused && !choice.path.empty()) {
        return Failure{
            ExitCode::kNoDriver,
            fmt::format("--device {} is no AegisMon: it does not know IOCTL_AEGIS_QUERY ({}); leave --device "
                        "out for the driver's own name, or install driver and agent from the same release",
                        choice.path, channel.device->describe(result.code))};
    }
    return examine_query(*channel.device, result, limit, reply, channel.at_open);
}

// --duration ends a session that does not even begin, but a short one leaves the time that opening takes.
Patience patience_for_opening(const Options& options) {
    constexpr double kLeastForConnecting = 2;
    constexpr double kLeastForStartingAHost = 10;
    const std::chrono::seconds request(options.request_seconds);
    if (!options.duration_seconds) {
        return Patience(request);
    }
    const double least = options.device.path.empty() ? kLeastForStartingAHost : kLeastForConnecting;
    const std::chrono::duration<double> time(std::max(*options.duration_seconds, least));
    return Patience(request, Patience::Clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(time));
}

}  // namespace

ring::DoorbellListener<> MappedRing::listener() const {
    return {reinterpret_cast<std::atomic<std::uint64_t>*>(&page->WakeAt),
            reinterpret_cast<std::atomic<std::uint64_t>*>(&page->Cursor)};
}

Failure no_answer(const Device& device, std::string_view name, const IoResult& result, std::chrono::nanoseconds limit) {
    return {ExitCode::kNoAnswer,
            fmt::format("the driver did not answer {} within {:.3g} s: {}", name,
                        std::chrono::duration<double>(limit).count(), device.describe(result.code))};
}

std::optional<Failure> query_driver(Device& device, std::chrono::nanoseconds limit, AEGIS_QUERY_REPLY& reply) {
    reply = {};
    RawQueryReply raw = {};
    const IoResult result = send_query(device, limit, raw);
    return examine_query(device, result, limit, raw, reply);
}

std::optional<Failure> open_channel(Port& port, Log& log, const Options& options, Channel& channel) {
    const Patience patience = patience_for_opening(options);
    if (auto failure = port.open_device(options.device, patience, log, channel.device)) {
        return failure;
    }
    if (auto failure = first_query(options.device, patience, channel)) {
        return failure;
    }
    std::copy_n(channel.at_open.SessionId, channel.session.size(), channel.session.begin());
    if (options.transport == Transport::kPull) {
        return std::nullopt;
    }
    std::optional<Failure> failure = map_ring(channel, patience);
    if (failure && failure->exit_code != ExitCode::kRuntimeFailure) {
        return failure;
    }
    if (failure) {
        log.warning(fmt::format("the ring cannot be mapped: {}; reading by pull every {} ms instead", failure->message,
                                options.poll_ms));
    }
    return std::nullopt;
}

}  // namespace aegis::agent
