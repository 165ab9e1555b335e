#include "agent/client/query_reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace aegis::client {
namespace {

// Rows and the head's words are 64 bits wide.
constexpr std::uint32_t kAlignment = 8;

// What is wrong with where the rows are said to be, if anything. 64 bits: no sum of three 32-bit numbers wraps.
std::optional<std::string> check_rows(std::string_view name, const AEGIS_ROWS& rows, const AEGIS_QUERY_REPLY& head,
                                      std::uint32_t least_bytes, std::uint32_t most_rows) {
    const std::uint64_t end = rows.Offset + std::uint64_t{rows.Count} * rows.RowBytes;
    if (rows.Count > most_rows) {
        return fmt::format("it has {} rows of {}, where {} are the most", rows.Count, name, most_rows);
    }
    if (rows.RowBytes < least_bytes || rows.RowBytes % kAlignment != 0) {
        return fmt::format("its rows of {} have {} bytes: no multiple of {} from {} on", name, rows.RowBytes,
                           kAlignment, least_bytes);
    }
    if (rows.Offset < head.HeadBytes || rows.Offset % kAlignment != 0 || end > head.Bytes) {
        return fmt::format("its rows of {} are at bytes {} to {}: not from a multiple of {} on, between {} and {}",
                           name, rows.Offset, end, kAlignment, head.HeadBytes, head.Bytes);
    }
    return std::nullopt;
}

template <class Row>
void copy_rows(std::span<const std::byte> reply, const AEGIS_ROWS& rows, Row* known) {
    const std::size_t bytes = std::min<std::size_t>(rows.RowBytes, sizeof(Row));
    for (std::uint32_t i = 0; i < rows.Count; ++i) {
        std::memcpy(&known[i], reply.data() + rows.Offset + std::size_t{i} * rows.RowBytes, bytes);
    }
}

}  // namespace

std::optional<std::string> read_query_reply(std::span<const std::byte> reply, AEGIS_QUERY_REPLY& known) {
    AEGIS_QUERY_REPLY read = {};
    if (reply.size() < AEGIS_QUERY_HEAD_BYTES) {
        return fmt::format("it has {} bytes, where {} are the least", reply.size(), AEGIS_QUERY_HEAD_BYTES);
    }
    std::memcpy(&read, reply.data(), AEGIS_QUERY_HEAD_BYTES);
    if (read.Bytes != reply.size()) {
        return fmt::format("it has {} bytes and says {}", reply.size(), read.Bytes);
    }
    if (read.HeadBytes < AEGIS_QUERY_HEAD_BYTES || read.HeadBytes > read.Bytes) {
        return fmt::format("its head has {} of {} bytes, where {} are the least", read.HeadBytes, read.Bytes,
                           AEGIS_QUERY_HEAD_BYTES);
    }
    if (auto wrong =
            check_rows("callbacks", read.CallbackRows, read, sizeof(AEGIS_CALLBACK_HEALTH), AEGIS_MAX_CALLBACKS)) {
        return wrong;
    }
    if (auto wrong = check_rows("consumers", read.ConsumerRows, read, sizeof(AEGIS_CONSUMER_INFO), AEGIS_MAX_HANDLES)) {
        return wrong;
    }
    copy_rows(reply, read.CallbackRows, read.Callbacks);
    copy_rows(reply, read.ConsumerRows, read.Consumers);
    known = read;
    return std::nullopt;
}

}  // namespace aegis::client
