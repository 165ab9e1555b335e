#include "agent/client/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "agent/client/channel.hpp"

namespace aegis::client {
namespace {

// A reply that is not the struct of this version must not be interpreted.
template <class Reply>
std::optional<Error> check(std::string_view name, const Reply& reply, std::size_t bytes) {
    if (bytes == sizeof(reply) && reply.Version == AEGIS_CONTROL_VERSION && reply.Bytes == sizeof(reply)) {
        return std::nullopt;
    }
    return Error{AEGIS_ERROR_VERSION,
                 fmt::format("{} returned {} bytes where version {} has {}; install driver and agent from the same "
                             "release",
                             name, bytes, AEGIS_CONTROL_VERSION, sizeof(reply))};
}

}  // namespace

std::optional<Error> set_policy(Device& device, std::span<const std::byte> blob, std::chrono::nanoseconds limit,
                                AEGIS_SET_POLICY_REPLY& reply) {
    reply = {};
    AEGIS_SET_POLICY_REQUEST header = {};
    header.Header = {AEGIS_CONTROL_VERSION, static_cast<std::uint32_t>(sizeof(header) + blob.size())};
    std::vector<std::byte> request(header.Header.Bytes);
    std::byte* const rest = std::ranges::copy(std::as_bytes(std::span(&header, 1)), request.data()).out;
    std::ranges::copy(blob, rest);
    const IoResult result =
        device.control(AEGIS_IOCTL_SET_POLICY, request, std::as_writable_bytes(std::span(&reply, 1)), limit);
    if (result.status == IoStatus::kOk) {
        return check("IOCTL_AEGIS_SET_POLICY", reply, result.bytes);
    }
    Error error = control_failure(device, "IOCTL_AEGIS_SET_POLICY", result, limit);
    // The usual reason: one policy is in force at a time.
    AEGIS_GET_POLICY_REPLY other = {};
    if (result.status == IoStatus::kFailed && !get_policy(device, limit, other) && other.Generation != 0 &&
        other.OwnerProcessId != device.process_id()) {
        error.text += fmt::format("; a policy of process {} is in force: end that process first", other.OwnerProcessId);
    }
    return error;
}

std::optional<Error> get_policy(Device& device, std::chrono::nanoseconds limit, AEGIS_GET_POLICY_REPLY& reply) {
    reply = {};
    AEGIS_GET_POLICY_REQUEST request = {};
    request.Header = {AEGIS_CONTROL_VERSION, sizeof(request)};
    const IoResult result = device.control(AEGIS_IOCTL_GET_POLICY, std::as_bytes(std::span(&request, 1)),
                                           std::as_writable_bytes(std::span(&reply, 1)), limit);
    if (result.status != IoStatus::kOk) {
        return control_failure(device, "IOCTL_AEGIS_GET_POLICY", result, limit);
    }
    return check("IOCTL_AEGIS_GET_POLICY", reply, result.bytes);
}

}  // namespace aegis::client
