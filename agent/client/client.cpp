// The C interface: arguments are checked here, exceptions end here, and everything else is one call further in.
#include "aegis/client.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "agent/client/batch.hpp"
#include "agent/client/forks.hpp"
#include "agent/client/last_error.hpp"
#include "agent/client/open.hpp"
#include "agent/client/options.hpp"
#include "agent/client/policy.hpp"
#include "agent/client/protection.hpp"
#include "agent/client/pull_reader.hpp"
#include "agent/client/ring_reader.hpp"
#include "agent/client/stream.hpp"
#include "agent/client/structs.hpp"

struct aegis_client {
    explicit aegis_client(std::shared_ptr<aegis::client::Stream> of)
        : stream(std::move(of)), reader(stream->make_reader()), generation(aegis::client::fork_generation()) {}

    std::shared_ptr<aegis::client::Stream> stream;
    std::unique_ptr<aegis::client::Reader> reader;  // goes first
    std::uint32_t generation;                       // of the process that made it
};

namespace aegis::client {
namespace {

// Whether `client` can be used here; leaves the error.
std::int32_t check(const aegis_client* client) {
    if (client == nullptr) {
        return fail(AEGIS_ERROR_ARGUMENT, "the client is NULL");
    }
    if (client->generation != fork_generation()) {
        return fail(AEGIS_ERROR_FORKED,
                    "the client belongs to the process that forked this one: open another one here");
    }
    return AEGIS_OK;
}

std::int32_t check_timeout(std::int32_t timeout_ms) {
    return timeout_ms >= AEGIS_FOREVER
               ? AEGIS_OK
               : fail(AEGIS_ERROR_ARGUMENT, "a timeout of " + std::to_string(timeout_ms) +
                                                " ms: use AEGIS_FOREVER, 0 or a number of milliseconds");
}

Timeout timeout_of(std::int32_t timeout_ms) {
    return timeout_ms == AEGIS_FOREVER ? Timeout() : std::chrono::milliseconds(timeout_ms);
}

std::int32_t check_size(const char* what, std::uint64_t given, std::uint64_t needed) {
    if (given >= needed && given <= kLargestStruct) {
        return AEGIS_OK;
    }
    return fail(AEGIS_ERROR_ARGUMENT, std::string(what) + " is " + std::to_string(given) + ": it is at least " +
                                          std::to_string(needed) + ", what the struct had in release 1.0");
}

// Every call of the C interface that can fail: whatever is thrown becomes a result.
template <class Call>
std::int32_t guarded(Call&& call) noexcept {
    try {
        return call();
    } catch (const std::bad_alloc&) {
        return fail(AEGIS_ERROR_RESOURCES, "out of memory");
    } catch (const std::system_error& error) {
        return fail(AEGIS_ERROR_RESOURCES, error.what());
    } catch (const std::exception& error) {
        return fail(AEGIS_ERROR_FAILED, error.what());
    }
}

std::int32_t fail_with(const Error& error) noexcept {
    return fail(error.code, error.text);
}

std::shared_ptr<Stream> make_stream(Channel channel, std::uint32_t transport, const ReadingOptions& reading) {
    if (channel.ring) {
        return std::make_shared<RingStream>(std::move(channel), reading);
    }
    if (transport == AEGIS_TRANSPORT_NONE) {
        return std::make_shared<NoStream>(std::move(channel), reading);
    }
    return std::make_shared<PullStream>(std::move(channel), reading);
}

// How reading has ended, with its story.
std::int32_t ended(std::int32_t result, const std::string& error) {
    return result < 0 ? fail(result, error.empty() ? std::string_view(aegis_strerror(result)) : error) : result;
}

std::uint32_t most_of(std::uint32_t count) {
    return std::min<std::uint32_t>(count, INT32_MAX);
}

std::int32_t read(aegis_client* client, aegis_visitor visit, void* context, std::uint32_t most,
                  std::int32_t timeout_ms) {
    std::string error;
    return ended(client->reader->visit({visit, context, most_of(most)}, timeout_of(timeout_ms), error), error);
}

std::int32_t check_reading(const aegis_client* client, std::int32_t timeout_ms) {
    const std::int32_t result = check(client);
    return result != AEGIS_OK ? result : check_timeout(timeout_ms);
}

// A field in a load of its own: its store was a moment ago, and a load that spans two of them waits until both have
// left the store buffer. The compiler would join several.
template <class Field>
Field alone(const Field& field) {
    Field value = field;
    asm("" : "+r"(value));
    return value;
}

// The library's item into the caller's, which may have grown since. The caller's size stays as it is.
void hand_out_item(const aegis_item& own, std::uint32_t size, aegis_item* callers) {
    callers->kind = alone(own.kind);
    callers->sequence = alone(own.sequence);
    callers->last = alone(own.last);
    callers->count = alone(own.count);
    callers->reason = alone(own.reason);
    callers->bytes = alone(own.bytes);
    callers->data = alone(own.data);
    // All of them are of release 1.0.
    static_assert(sizeof(own) == kFirstItem);
    if (size != sizeof(own)) {
        std::memset(callers + 1, 0, size - sizeof(own));
    }
}

std::int32_t take_item(void* context, const aegis_item* item) {
    auto* const callers = static_cast<aegis_item*>(context);
    hand_out_item(*item, callers->size, callers);
    return 0;
}

}  // namespace

std::int32_t open_client(const aegis_options* options, const DeviceOpener& open_device,
                         aegis_client** client) noexcept {
    return guarded([&]() -> std::int32_t {
        if (client == nullptr) {
            return fail(AEGIS_ERROR_ARGUMENT, "aegis_open needs a place for the client");
        }
        *client = nullptr;
        Settings settings;
        if (const std::optional<Error> error = read_options(options, settings)) {
            return fail_with(*error);
        }
        std::optional<OpenLimit::Clock::time_point> end;
        if (settings.open_limit) {
            end = OpenLimit::Clock::now() + *settings.open_limit;
        }
        const OpenLimit limit(settings.request_limit, end);
        Channel channel;
        std::optional<Error> error = open_device(settings.device, limit, channel.device);
        if (!error) {
            error = open_channel(settings.device.path, settings.transport, limit, channel);
        }
        if (error) {
            return fail_with(*error);
        }
        *client = std::make_unique<aegis_client>(make_stream(std::move(channel), settings.transport, settings.reading))
                      .release();
        return AEGIS_OK;
    });
}

}  // namespace aegis::client

using namespace aegis::client;

std::int32_t aegis_open(const aegis_options* options, aegis_client** client) noexcept {
    return open_client(options, open_device, client);
}

std::int32_t aegis_share(aegis_client* client, aegis_client** reader) noexcept {
    return guarded([&]() -> std::int32_t {
        if (reader == nullptr) {
            return fail(AEGIS_ERROR_ARGUMENT, "aegis_share needs a place for the reader");
        }
        *reader = nullptr;
        if (const std::int32_t result = check(client); result != AEGIS_OK) {
            return result;
        }
        *reader = std::make_unique<aegis_client>(client->stream).release();
        return AEGIS_OK;
    });
}

void aegis_close(aegis_client* client) noexcept {
    if (client != nullptr && client->generation == fork_generation()) {
        delete client;
    }
}

std::int32_t aegis_info_of(const aegis_client* client, aegis_info* info) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check(client); result != AEGIS_OK) {
            return result;
        }
        if (info == nullptr) {
            return fail(AEGIS_ERROR_ARGUMENT, "the info is NULL");
        }
        if (const std::int32_t result = check_size("aegis_info.size", info->size, kFirstInfo); result != AEGIS_OK) {
            return result;
        }
        const Channel& channel = client->stream->channel();
        aegis_info own = {};
        own.transport = client->stream->transport();
        own.driver_version = channel.at_open.DriverVersion;
        own.wakeup_batch = client->stream->wakeup_batch();
        std::copy_n(channel.at_open.SessionId, sizeof(own.session_id), own.session_id);
        own.start = client->stream->start();
        own.not_ring = channel.not_ring.empty() ? nullptr : channel.not_ring.c_str();
        own.not_watched = channel.not_watched.empty() ? nullptr : channel.not_watched.c_str();
        hand_out(own, info->size, info);
        return AEGIS_OK;
    });
}

std::int32_t aegis_next(aegis_client* client, aegis_item* item, std::int32_t timeout_ms) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check_reading(client, timeout_ms); result != AEGIS_OK) {
            return result;
        }
        if (item == nullptr) {
            return fail(AEGIS_ERROR_ARGUMENT, "the item is NULL");
        }
        if (const std::int32_t result = check_size("aegis_item.size", item->size, kFirstItem); result != AEGIS_OK) {
            return result;
        }
        return read(client, take_item, item, 1, timeout_ms);
    });
}

std::int32_t aegis_next_batch(aegis_client* client, aegis_item* items, std::uint32_t count, void* buffer,
                              std::uint32_t bytes, std::int32_t timeout_ms) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check_reading(client, timeout_ms); result != AEGIS_OK) {
            return result;
        }
        if (items == nullptr || buffer == nullptr || count == 0) {
            return fail(AEGIS_ERROR_ARGUMENT, "a batch needs items, at least one, and a buffer");
        }
        if (const std::int32_t result = check_size("aegis_item.size of the first item", items->size, kFirstItem);
            result != AEGIS_OK) {
            return result;
        }
        if (items->size % alignof(aegis_item) != 0 || reinterpret_cast<std::uintptr_t>(buffer) % 8 != 0) {
            return fail(AEGIS_ERROR_ARGUMENT, "items and buffer of a batch are aligned to 8 bytes");
        }
        if (bytes < AEGIS_MAX_EVENT_SIZE) {
            return fail(AEGIS_ERROR_ARGUMENT, "a buffer of " + std::to_string(bytes) +
                                                  " bytes: a batch needs at least " +
                                                  std::to_string(AEGIS_MAX_EVENT_SIZE) + ", AEGIS_MAX_EVENT_SIZE");
        }
        Batch batch(items, items->size, buffer, bytes);
        std::string error;
        return ended(client->reader->fill(batch, most_of(count), timeout_of(timeout_ms), error), error);
    });
}

std::int32_t aegis_visit(aegis_client* client, aegis_visitor visit, void* context, std::uint32_t count,
                         std::int32_t timeout_ms) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check_reading(client, timeout_ms); result != AEGIS_OK) {
            return result;
        }
        if (visit == nullptr) {
            return fail(AEGIS_ERROR_ARGUMENT, "the visitor is NULL");
        }
        return read(client, visit, context, count, timeout_ms);
    });
}

void aegis_interrupt(aegis_client* client) noexcept {
    if (client != nullptr && client->generation == fork_generation()) {
        client->stream->interrupt();
    }
}

void aegis_resume(aegis_client* client) noexcept {
    if (client != nullptr && client->generation == fork_generation()) {
        client->stream->resume();
    }
}

std::int32_t aegis_stopping(const aegis_client* client) noexcept {
    return guarded([&]() -> std::int32_t {
        const std::int32_t result = check(client);
        return result != AEGIS_OK ? result : std::int32_t{client->stream->device().driver_is_stopping()};
    });
}

std::int32_t aegis_stop_signal(const aegis_client* client, std::uint64_t* signal) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check(client); result != AEGIS_OK) {
            return result;
        }
        if (signal == nullptr) {
            return fail(AEGIS_ERROR_ARGUMENT, "aegis_stop_signal needs a place for the signal");
        }
        *signal = client->stream->device().stop_signal();
        return AEGIS_OK;
    });
}

std::int32_t aegis_query(aegis_client* client, AEGIS_QUERY_REPLY* reply, std::uint32_t bytes,
                         std::int32_t timeout_ms) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check_reading(client, timeout_ms); result != AEGIS_OK) {
            return result;
        }
        if (reply == nullptr || bytes == 0) {
            return fail(AEGIS_ERROR_ARGUMENT, "a query needs a place for its reply");
        }
        AEGIS_QUERY_REPLY own;
        const Timeout limit = timeout_of(timeout_ms);
        const std::optional<Error> error =
            client->stream->query(limit.value_or(client->stream->options().request_limit), own);
        if (error) {
            return fail_with(*error);
        }
        std::memcpy(reply, &own, std::min<std::size_t>(bytes, sizeof(own)));
        return AEGIS_OK;
    });
}

std::int32_t aegis_at_open(const aegis_client* client, AEGIS_QUERY_REPLY* reply, std::uint32_t bytes) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check(client); result != AEGIS_OK) {
            return result;
        }
        if (reply == nullptr || bytes == 0) {
            return fail(AEGIS_ERROR_ARGUMENT, "a query needs a place for its reply");
        }
        std::memcpy(reply, &client->stream->channel().at_open, std::min<std::size_t>(bytes, sizeof(AEGIS_QUERY_REPLY)));
        return AEGIS_OK;
    });
}

std::int32_t aegis_set_policy(aegis_client* client, const void* blob, std::uint32_t bytes,
                              AEGIS_SET_POLICY_REPLY* reply, std::uint32_t reply_bytes,
                              std::int32_t timeout_ms) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check_reading(client, timeout_ms); result != AEGIS_OK) {
            return result;
        }
        if (blob == nullptr || bytes == 0) {
            return fail(AEGIS_ERROR_ARGUMENT, "aegis_set_policy needs a blob");
        }
        if (bytes > AEGIS_POLICY_BYTES_MAX) {
            return fail(AEGIS_ERROR_ARGUMENT, "a policy of " + std::to_string(bytes) + " bytes: the driver takes " +
                                                  std::to_string(AEGIS_POLICY_BYTES_MAX));
        }
        AEGIS_SET_POLICY_REPLY own;
        const std::optional<Error> error =
            set_policy(client->stream->device(), {static_cast<const std::byte*>(blob), bytes},
                       timeout_of(timeout_ms).value_or(client->stream->options().request_limit), own);
        if (error) {
            return fail_with(*error);
        }
        if (reply != nullptr) {
            std::memcpy(reply, &own, std::min<std::size_t>(reply_bytes, sizeof(own)));
        }
        return AEGIS_OK;
    });
}

std::int32_t aegis_get_policy(aegis_client* client, AEGIS_GET_POLICY_REPLY* reply, std::uint32_t bytes,
                              std::int32_t timeout_ms) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check_reading(client, timeout_ms); result != AEGIS_OK) {
            return result;
        }
        if (reply == nullptr || bytes == 0) {
            return fail(AEGIS_ERROR_ARGUMENT, "aegis_get_policy needs a place for its reply");
        }
        AEGIS_GET_POLICY_REPLY own;
        const std::optional<Error> error = get_policy(
            client->stream->device(), timeout_of(timeout_ms).value_or(client->stream->options().request_limit), own);
        if (error) {
            return fail_with(*error);
        }
        std::memcpy(reply, &own, std::min<std::size_t>(bytes, sizeof(own)));
        return AEGIS_OK;
    });
}

std::int32_t aegis_protect(aegis_client* client, std::int32_t timeout_ms) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check_reading(client, timeout_ms); result != AEGIS_OK) {
            return result;
        }
        const std::optional<Error> error =
            protect(client->stream->device(), timeout_of(timeout_ms).value_or(client->stream->options().request_limit));
        return error ? fail_with(*error) : AEGIS_OK;
    });
}

std::int32_t aegis_stats_of(const aegis_client* client, aegis_stats* stats) noexcept {
    return guarded([&]() -> std::int32_t {
        if (const std::int32_t result = check(client); result != AEGIS_OK) {
            return result;
        }
        if (stats == nullptr) {
            return fail(AEGIS_ERROR_ARGUMENT, "the stats are NULL");
        }
        if (const std::int32_t result = check_size("aegis_stats.size", stats->size, kFirstStats); result != AEGIS_OK) {
            return result;
        }
        aegis_stats own = {};
        client->stream->total(own);
        hand_out(own, stats->size, stats);
        return AEGIS_OK;
    });
}
