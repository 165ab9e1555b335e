// The host is asked to end while clients hold its device: what they see is what NT would show them.
//
// NT closes the way to the driver, tells the service manager's listeners, and unloads when the last handle is closed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "device_client.hpp"
#include "eventually.hpp"
#include "forked_client.hpp"
#include "host_program.hpp"
#include "raw_client.hpp"
#include "synthetic_published.hpp"

namespace aegis::test {
namespace {

using namespace host::client;

const std::uint64_t kEvents = published_of_synthetic(50);
constexpr NtStatus kStatusNoSuchDevice = nt_status(0xC000000E);
constexpr int kGenerousMs = 60'000;

// The clients of most tests close in time: a limit that is reached is a failure.
std::vector<std::string> fifty_events() {
    return {"--source", "synthetic:max,count=50", "--stop-timeout", "3600"};
}

std::vector<std::string> fifty_events_and_no_patience() {
    return {"--source", "synthetic:max,count=50", "--stop-timeout", "0"};
}

std::uint32_t state_of(const RingConsumer& ring) {
    return __atomic_load_n(&ring.header()->State, __ATOMIC_ACQUIRE);
}

bool ended_well(int status) {
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class ServiceStop : public testing::Test {
  protected:
    // Watches, has the host asked to end, and returns when the client knows it.
    void ask_host_to_end(HostProgram& host, DeviceClient& client) {
        ASSERT_EQ(client.connection().watch_service(stopping_), kStatusSuccess);
        EXPECT_FALSE(is_stopping(0)) << "before anybody asked";
        host.signal(SIGTERM);
        ASSERT_TRUE(is_stopping(kGenerousMs));
    }

    bool is_stopping(int milliseconds) const {
        pollfd stopping = {stopping_.get(), POLLIN, 0};
        return poll(&stopping, 1, milliseconds) == 1;
    }

    host::UniqueFd stopping_;
};

// Catches: a driver that closes, or a device that goes away, under clients that hold it; a client that can still come;
// an end that waits for more than the last handle.
TEST_F(ServiceStop, TheDriverWorksOnUntilTheLastHandleIsClosed) {
    HostProgram host(fifty_events());
    DeviceClient client(host.socket_path());
    const RingConsumer ring = client.setup_ring();
    DeviceClient other(host.socket_path(), kGenericRead);
    ASSERT_TRUE(eventually([&] { return ring.published() == kEvents; }));
    ask_host_to_end(host, client);

    NtStatus status = 0;
    EXPECT_EQ(client.query(status).State, AEGIS_RING_RUNNING);
    EXPECT_EQ(status, kStatusSuccess);
    EXPECT_EQ(state_of(ring), AEGIS_RING_RUNNING);
    // More than one pull holds.
    const std::size_t pulled = client.pull().size();
    EXPECT_EQ(pulled + client.pull().size(), kEvents);
    EXPECT_EQ(DeviceClient(host.socket_path()).status(), kStatusNoSuchDevice);
    EXPECT_EQ(client.connection().close(client.device()), kStatusSuccess);
    EXPECT_FALSE(is_readable(ring.reply.RingAddress)) << "unmapped by the close, as on NT";
    EXPECT_EQ(other.query(status).State, AEGIS_RING_RUNNING);
    EXPECT_EQ(other.connection().close(other.device()), kStatusSuccess);
    EXPECT_TRUE(ended_well(host.end(0))) << host.errors();
    EXPECT_EQ(host.errors(), "");
}

// Catches: a stop that only those learn of who watched before.
TEST_F(ServiceStop, WhoBeginsToWatchAfterwardsKnowsAtOnce) {
    HostProgram host(fifty_events());
    DeviceClient client(host.socket_path());
    ask_host_to_end(host, client);
    host::UniqueFd late;
    ASSERT_EQ(client.connection().watch_service(late), kStatusSuccess);
    pollfd stopping = {late.get(), POLLIN, 0};
    EXPECT_EQ(poll(&stopping, 1, 0), 1);
}

// Catches: an end that waits for ever; a client that sees the driver close; one whose ring vanishes under its reader;
// an operator who is not told who it was.
TEST_F(ServiceStop, AClientThatKeepsItsHandleIsTreatedLikeAProcessThatEnded) {
    HostProgram host(fifty_events_and_no_patience());
    DeviceClient client(host.socket_path());
    const RingConsumer ring = client.setup_ring();
    ASSERT_TRUE(eventually([&] { return ring.published() == kEvents; }));
    ask_host_to_end(host, client);
    EXPECT_TRUE(ended_well(host.end(0))) << host.errors();
    EXPECT_THAT(host.errors(), testing::HasSubstr("the device is still open after 0 s in process " +
                                                  std::to_string(getpid()) + ": closing it there"));
    EXPECT_EQ(client.connection().wait(ring.event, kForever), kStatusDeviceRemoved);
    EXPECT_EQ(ring.published(), kEvents);
    EXPECT_EQ(state_of(ring), AEGIS_RING_RUNNING) << "it saw the driver unload, which nobody can on NT";
}

// Catches: a wait for a client that has ended but whose handles nobody closes.
TEST_F(ServiceStop, AClientThatDiesMakesRoomAsWell) {
    HostProgram host(fifty_events());
    ForkedClient client([&](Talk& talk) {
        DeviceClient own(host.socket_path());
        talk.say(static_cast<std::uint32_t>(own.setup_ring().status));
        talk.hear();
        return 0;
    });
    ASSERT_EQ(client.talk().hear(), 0U);
    DeviceClient observer(host.socket_path());
    ask_host_to_end(host, observer);
    client.signal(SIGKILL);
    client.wait();
    EXPECT_EQ(observer.connection().close(observer.device()), kStatusSuccess);
    EXPECT_TRUE(ended_well(host.end(0))) << host.errors();
    EXPECT_EQ(host.errors(), "");
}

// Catches: a watcher that sleeps through the death of the host.
TEST_F(ServiceStop, AHostThatDiesCountsAsStopped) {
    HostProgram host(fifty_events());
    DeviceClient client(host.socket_path());
    ASSERT_EQ(client.connection().watch_service(stopping_), kStatusSuccess);
    host.end(SIGKILL);
    EXPECT_TRUE(is_stopping(kGenerousMs));
}

// Catches: a request that is not looked at; one before the greeting that is served.
TEST_F(ServiceStop, AMalformedWatchIsRefused) {
    HostProgram host(fifty_events());
    const auto watch = request_of<protocol::WatchServiceRequest>(protocol::Operation::kWatchService);
    EXPECT_EQ(RawClient(host.socket_path()).ask(watch), kStatusInvalidDeviceState);
    RawClient client(host.socket_path());
    ASSERT_EQ(client.ask(proper_hello()), kStatusSuccess);
    EXPECT_EQ(client.ask(request_of<protocol::CloseRequest>(protocol::Operation::kWatchService)),
              nt_status(0xC0000004));
    EXPECT_EQ(client.ask(watch), kStatusSuccess);
}

}  // namespace
}  // namespace aegis::test
