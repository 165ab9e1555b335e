// A client of a running host, as the tests of the library open one.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "aegis/client.h"
#include "host_program.hpp"

namespace aegis::test {

struct Close {
    void operator()(aegis_client* client) const { aegis_close(client); }
};
using Client = std::unique_ptr<aegis_client, Close>;

inline aegis_options options_for(const char* socket, std::uint32_t transport = AEGIS_TRANSPORT_RING) {
    aegis_options options = {};
    options.size = sizeof(options);
    options.device = socket;
    options.transport = transport;
    options.poll_ms = 1;
    return options;
}

// Null, and a failure of the test, when it cannot be opened.
inline Client open_client(const aegis_options& options) {
    aegis_client* client = nullptr;
    EXPECT_EQ(aegis_open(&options, &client), AEGIS_OK) << aegis_last_error();
    return Client(client);
}

inline Client open_client(const HostProgram& host, std::uint32_t transport = AEGIS_TRANSPORT_RING) {
    const std::string socket = host.socket_path();
    return open_client(options_for(socket.c_str(), transport));
}

inline Client share(const Client& client) {
    aegis_client* reader = nullptr;
    EXPECT_EQ(aegis_share(client.get(), &reader), AEGIS_OK) << aegis_last_error();
    return Client(reader);
}

inline aegis_item empty_item() {
    aegis_item item = {};
    item.size = sizeof(item);
    return item;
}

inline aegis_stats stats_of(const Client& client) {
    aegis_stats stats = {};
    stats.size = sizeof(stats);
    EXPECT_EQ(aegis_stats_of(client.get(), &stats), AEGIS_OK) << aegis_last_error();
    return stats;
}

inline aegis_info info_of(const Client& client) {
    aegis_info info = {};
    info.size = sizeof(info);
    EXPECT_EQ(aegis_info_of(client.get(), &info), AEGIS_OK) << aegis_last_error();
    return info;
}

inline AEGIS_QUERY_REPLY query(const Client& client) {
    AEGIS_QUERY_REPLY reply = {};
    EXPECT_EQ(aegis_query(client.get(), &reply, sizeof(reply), AEGIS_FOREVER), AEGIS_OK) << aegis_last_error();
    return reply;
}

// A host whose source makes `count` events as fast as it can, and no more.
inline std::vector<std::string> events(std::uint64_t count) {
    return {"--source", "synthetic:max,count=" + std::to_string(count)};
}

// One that makes a single event, which has its details beside it.
inline std::vector<std::string> one_event() {
    return events(1);
}

// A client that has read the only event there is, with its details, and has nothing more to read.
inline Client idle(Client client) {
    aegis_item item = empty_item();
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(aegis_next(client.get(), &item, AEGIS_FOREVER), 1) << aegis_last_error();
    }
    return client;
}

}  // namespace aegis::test
