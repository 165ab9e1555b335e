#include "agent/client/options.hpp"

#include <string>

#include "agent/client/structs.hpp"

namespace aegis::client {
namespace {

constexpr std::uint32_t kRequestMs = 10'000;
constexpr std::uint32_t kPollMs = 200;
// A day: far from overflowing anything.
constexpr std::uint32_t kLongestMs = 86'400'000;
constexpr std::uint32_t kMostWakeupBatch = 65'536;

Error wrong(const std::string& text) {
    return {AEGIS_ERROR_ARGUMENT, "aegis_options." + text};
}

std::optional<Error> check(const aegis_options& options) {
    if ((options.flags & ~AEGIS_OPTION_INTERRUPT) != 0) {
        return wrong("flags has a bit without a meaning: " + std::to_string(options.flags));
    }
    if (options.transport > AEGIS_TRANSPORT_NONE) {
        return wrong("transport is " + std::to_string(options.transport) + ", which is none of AEGIS_TRANSPORT_…");
    }
    if (options.start > AEGIS_START_NOW) {
        return wrong("start is " + std::to_string(options.start) + ", which is none of AEGIS_START_…");
    }
    if (options.device != nullptr && options.device[0] == '\0') {
        return wrong("device is an empty path: use NULL for the default");
    }
    if (options.request_ms > kLongestMs || options.open_ms > kLongestMs || options.poll_ms > kLongestMs) {
        return wrong("request_ms, open_ms and poll_ms are at most " + std::to_string(kLongestMs) + ", a day");
    }
    if (options.wakeup_batch > kMostWakeupBatch) {
        return wrong("wakeup_batch is " + std::to_string(options.wakeup_batch) + "; at most " +
                     std::to_string(kMostWakeupBatch) + " make sense");
    }
    return std::nullopt;
}

std::uint32_t value_or(std::uint32_t value, std::uint32_t otherwise) {
    return value != 0 ? value : otherwise;
}

}  // namespace

std::optional<Error> read_options(const aegis_options* options, Settings& settings) {
    aegis_options given = {};
    if (options != nullptr) {
        if (options->size < kFirstOptions || options->size > kLargestStruct) {
            return wrong("size is " + std::to_string(options->size) + ": set it to sizeof(aegis_options), " +
                         std::to_string(sizeof(given)) + " here");
        }
        if (!take_in(options, given)) {
            return Error{AEGIS_ERROR_UNSUPPORTED,
                         "a field behind those of aegis_options that this library knows is set: use a newer library"};
        }
        if (auto error = check(given)) {
            return error;
        }
    }
    if (given.device != nullptr) {
        settings.device.path = given.device;
    }
    if ((given.flags & AEGIS_OPTION_INTERRUPT) != 0) {
        settings.device.interrupt = given.interrupt;
    }
    settings.transport = given.transport;
    settings.request_limit = std::chrono::milliseconds(value_or(given.request_ms, kRequestMs));
    if (given.open_ms != 0) {
        settings.open_limit = std::chrono::milliseconds(given.open_ms);
    }
    settings.reading = {.start = given.start,
                        .wakeup_batch = value_or(given.wakeup_batch, 1),
                        .poll_interval = std::chrono::milliseconds(value_or(given.poll_ms, kPollMs)),
                        .request_limit = settings.request_limit};
    return std::nullopt;
}

}  // namespace aegis::client
