// Calls that make no sense, and drivers that are not there: one clear error each, and nothing changed.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "driver/host/unique_fd.hpp"
#include "opened.hpp"

namespace aegis::test {
namespace {

std::int32_t ignore(void* /*context*/, const aegis_item* /*item*/) {
    return 0;
}

std::int32_t open_error(const aegis_options& options) {
    auto* client = reinterpret_cast<aegis_client*>(const_cast<aegis_options*>(&options));
    const std::int32_t result = aegis_open(&options, &client);
    EXPECT_EQ(client, nullptr);
    EXPECT_STRNE(aegis_last_error(), "");
    return result;
}

bool last_error_names(const char* word) {
    return std::strstr(aegis_last_error(), word) != nullptr;
}

// Catches: a field that nobody checks, a size that is believed, an error that names nothing.
TEST(Arguments, OptionsThatMakeNoSense) {
    struct Case {
        std::function<void(aegis_options&)> change;
        std::int32_t result;
        const char* word;
    };
    const std::array cases = {
        Case{[](aegis_options& o) { o.size = 0; }, AEGIS_ERROR_ARGUMENT, "size is 0"},
        Case{[](aegis_options& o) { o.size = sizeof(o) - 1; }, AEGIS_ERROR_ARGUMENT, "sizeof(aegis_options)"},
        Case{[](aegis_options& o) { o.size = 0xFFFFFFFF; }, AEGIS_ERROR_ARGUMENT, "size is 4294967295"},
        Case{[](aegis_options& o) { o.flags = 0x80; }, AEGIS_ERROR_ARGUMENT, "flags"},
        Case{[](aegis_options& o) { o.transport = 77; }, AEGIS_ERROR_ARGUMENT, "transport is 77"},
        Case{[](aegis_options& o) { o.start = 2; }, AEGIS_ERROR_ARGUMENT, "start is 2"},
        Case{[](aegis_options& o) { o.device = ""; }, AEGIS_ERROR_ARGUMENT, "empty path"},
        Case{[](aegis_options& o) { o.request_ms = 0xFFFFFFFF; }, AEGIS_ERROR_ARGUMENT, "request_ms"},
        Case{[](aegis_options& o) { o.open_ms = 0xFFFFFFFF; }, AEGIS_ERROR_ARGUMENT, "open_ms"},
        Case{[](aegis_options& o) { o.poll_ms = 0xFFFFFFFF; }, AEGIS_ERROR_ARGUMENT, "poll_ms"},
        Case{[](aegis_options& o) { o.wakeup_batch = 1'000'000; }, AEGIS_ERROR_ARGUMENT, "wakeup_batch"},
        Case{[](aegis_options& o) { o.flags = AEGIS_OPTION_INTERRUPT, o.interrupt = 1'000'000; }, AEGIS_ERROR_ARGUMENT,
             "interrupt is 1000000"},
    };
    for (const Case& wrong : cases) {
        aegis_options options = options_for("/nowhere/at/all");
        wrong.change(options);
        EXPECT_EQ(open_error(options), wrong.result) << wrong.word;
        EXPECT_TRUE(last_error_names(wrong.word)) << aegis_last_error();
    }
    EXPECT_EQ(aegis_open(nullptr, nullptr), AEGIS_ERROR_ARGUMENT);
}

// A program that was built against a later header.
TEST(Arguments, OptionsOfALaterRelease) {
    struct Later {
        aegis_options options;
        std::uint64_t more;
    };
    Later later = {options_for("/nowhere/at/all"), 0};
    later.options.size = sizeof(later);
    EXPECT_EQ(open_error(later.options), AEGIS_ERROR_NO_DRIVER) << aegis_last_error();
    later.more = 1;
    EXPECT_EQ(open_error(later.options), AEGIS_ERROR_UNSUPPORTED);
    EXPECT_TRUE(last_error_names("newer library")) << aegis_last_error();
}

TEST(Arguments, NoClientIsAnErrorOfEveryCall) {
    aegis_item item = empty_item();
    aegis_info info = {};
    aegis_stats stats = {};
    AEGIS_QUERY_REPLY reply;
    aegis_client* reader = nullptr;
    std::uint64_t signal = 0;
    const std::array results = {
        aegis_share(nullptr, &reader),
        aegis_info_of(nullptr, &info),
        aegis_next(nullptr, &item, 0),
        aegis_next_batch(nullptr, &item, 1, &reply, sizeof(reply), 0),
        aegis_visit(nullptr, ignore, nullptr, 1, 0),
        aegis_stopping(nullptr),
        aegis_stop_signal(nullptr, &signal),
        aegis_query(nullptr, &reply, sizeof(reply), 0),
        aegis_at_open(nullptr, &reply, sizeof(reply)),
        aegis_stats_of(nullptr, &stats),
    };
    for (const std::int32_t result : results) {
        EXPECT_EQ(result, AEGIS_ERROR_ARGUMENT);
    }
    aegis_interrupt(nullptr);
    aegis_resume(nullptr);
    aegis_close(nullptr);
}

// Catches: a null place that is written to, a size that is not looked at, a timeout that never ends.
TEST(Arguments, CallsThatMakeNoSense) {
    const HostProgram host(events(10));
    const Client owner = open_client(host);
    aegis_client* const client = owner.get();
    aegis_item item = empty_item();
    aegis_item small = {};
    small.size = sizeof(small) - 8;
    aegis_info info = {};
    aegis_stats stats = {};
    stats.size = 0xFFFFFFFF;
    AEGIS_QUERY_REPLY reply;
    alignas(8) std::array<std::byte, 2 * AEGIS_MAX_EVENT_SIZE> buffer;
    const std::array results = {
        aegis_share(client, nullptr),
        aegis_info_of(client, nullptr),
        aegis_info_of(client, &info),
        aegis_next(client, nullptr, 0),
        aegis_next(client, &small, 0),
        aegis_next(client, &item, -2),
        aegis_next_batch(client, nullptr, 1, buffer.data(), buffer.size(), 0),
        aegis_next_batch(client, &item, 0, buffer.data(), buffer.size(), 0),
        aegis_next_batch(client, &item, 1, nullptr, buffer.size(), 0),
        aegis_next_batch(client, &item, 1, buffer.data(), AEGIS_MAX_EVENT_SIZE - 1, 0),
        aegis_next_batch(client, &item, 1, buffer.data() + 1, AEGIS_MAX_EVENT_SIZE, 0),
        aegis_next_batch(client, &small, 1, buffer.data(), buffer.size(), 0),
        aegis_visit(client, nullptr, nullptr, 1, 0),
        aegis_visit(client, ignore, nullptr, 1, -5),
        aegis_stop_signal(client, nullptr),
        aegis_query(client, nullptr, sizeof(reply), 0),
        aegis_query(client, &reply, 0, 0),
        aegis_query(client, &reply, sizeof(reply), -9),
        aegis_at_open(client, nullptr, 1),
        aegis_stats_of(client, nullptr),
        aegis_stats_of(client, &stats),
    };
    for (std::size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(results[i], AEGIS_ERROR_ARGUMENT) << "call " << i;
    }
    // And nothing was read meanwhile.
    EXPECT_EQ(aegis_next(client, &item, AEGIS_FOREVER), 1);
    EXPECT_EQ(item.sequence, 1U);
}

TEST(Absent, NobodyListens) {
    const TemporaryDirectory directory;
    const std::string socket = directory.path() / "socket";
    EXPECT_EQ(open_error(options_for(socket.c_str())), AEGIS_ERROR_NO_DRIVER);
    EXPECT_TRUE(last_error_names(socket.c_str())) << aegis_last_error();
}

// Catches: whoever listens taken for a host.
TEST(Absent, SomethingElseListens) {
    const TemporaryDirectory directory;
    const std::string socket = directory.path() / "socket";
    const host::UniqueFd other(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(other.get(), 1), 0);
    EXPECT_EQ(open_error(options_for(socket.c_str())), AEGIS_ERROR_NOT_A_HOST);
    EXPECT_TRUE(last_error_names("does not answer like an aegismon-host")) << aegis_last_error();
}

TEST(Words, ThereAreSomeForEveryResult) {
    for (std::int32_t result = AEGIS_ERROR_NOT_LOADED; result <= AEGIS_OK; ++result) {
        EXPECT_STRNE(aegis_strerror(result), "");
    }
    EXPECT_STREQ(aegis_strerror(17), "no error");
    EXPECT_STREQ(aegis_strerror(-1000), "no result of this library");
    EXPECT_EQ(aegis_version() >> 24U, 1U);
}

}  // namespace
}  // namespace aegis::test
