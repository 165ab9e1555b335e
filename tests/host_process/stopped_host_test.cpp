// Calls to a host that is stopped: each ends within its limit, and the connection goes on when the host does.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

#include "device_client.hpp"
#include "eventually.hpp"
#include "host_program.hpp"
#include "raw_client.hpp"
#include "synthetic_published.hpp"

namespace aegis::test {
namespace {

using namespace host::client;
using std::chrono::milliseconds;

const std::uint64_t kEvents = published_of_synthetic(50);

// Long enough for a host that runs, short enough to wait for where it does not.
constexpr CallLimit kShort = {.timeout = milliseconds(50)};

// Stops the host for the object's life.
class Stopped {
  public:
    explicit Stopped(const HostProgram& host) : host_(host) {
        host_.signal(SIGSTOP);
        int status = 0;
        waitpid(host_.pid(), &status, WUNTRACED);
        EXPECT_TRUE(WIFSTOPPED(status));
    }
    ~Stopped() { host_.signal(SIGCONT); }
    Stopped(const Stopped&) = delete;
    Stopped& operator=(const Stopped&) = delete;

  private:
    const HostProgram& host_;
};

// An interrupt that has come already.
class Interrupt {
  public:
    Interrupt() {
        const std::uint64_t one = 1;
        EXPECT_EQ(write(event_.get(), &one, sizeof(one)), 8);
    }
    CallLimit limit() const { return {.timeout = kForever, .interrupt_fd = event_.get()}; }

  private:
    host::UniqueFd event_{eventfd(0, EFD_CLOEXEC)};
};

class StoppedHost : public ::testing::Test {
  protected:
    NtStatus query(const CallLimit& limit, AEGIS_QUERY_REPLY& reply) {
        const AEGIS_QUERY_REQUEST request = {{AEGIS_CONTROL_VERSION, sizeof(AEGIS_QUERY_REQUEST)}};
        std::size_t returned = 0;
        return client_.connection().device_io_control(client_.device(), AEGIS_IOCTL_QUERY,
                                                      std::as_bytes(std::span(&request, 1)),
                                                      std::as_writable_bytes(std::span(&reply, 1)), returned, limit);
    }
    NtStatus query(const CallLimit& limit) {
        AEGIS_QUERY_REPLY reply{};
        return query(limit, reply);
    }
    NtStatus pull(const CallLimit& limit) {
        return client_.connection().device_io_control(client_.device(), AEGIS_IOCTL_GET_EVENTS, {}, buffer_, returned_,
                                                      limit);
    }
    // The sequence of the first event in buffer_.
    std::uint32_t first_sequence() const {
        AEGIS_EVENT_HEADER header{};
        std::memcpy(&header, buffer_.data(), sizeof(header));
        return header.Sequence;
    }
    std::uint32_t events_in_buffer() const {
        std::uint32_t events = 0;
        AEGIS_EVENT_HEADER header{};
        for (std::size_t at = 0; at < returned_; at += header.Size) {
            std::memcpy(&header, buffer_.data() + at, sizeof(header));
            ++events;
        }
        return events;
    }
    void wait_for_events() {
        AEGIS_QUERY_REPLY reply{};
        EXPECT_TRUE(eventually([&] { return succeeded(query({}, reply)) && reply.Published == kEvents; }));
    }

    HostProgram host_{{"--source", "synthetic:max,count=50"}};
    DeviceClient client_{host_.socket_path()};
    std::vector<std::byte> buffer_ = std::vector<std::byte>(std::size_t{4} * AEGIS_MAX_EVENT_SIZE);
    std::size_t returned_ = 0;
};

// Catches: a connect or a greeting that waits for ever; without its limit this test does not end.
TEST_F(StoppedHost, ConnectingEndsAtTheLimitAndByInterrupt) {
    const Stopped stopped(host_);
    const Interrupt interrupt;
    std::unique_ptr<Connection> connection;
    EXPECT_EQ(Connection::connect(host_.socket_path(), connection, kShort), kStatusIoTimeout);
    EXPECT_EQ(Connection::connect(host_.socket_path(), connection, interrupt.limit()), kStatusCancelled);
    EXPECT_EQ(connection, nullptr);
}

// The host accepts nobody, and no more fit into its queue: connect() itself waits then.
TEST_F(StoppedHost, ConnectingEndsWhenTheQueueIsFull) {
    const Stopped stopped(host_);
    const Interrupt interrupt;
    constexpr std::size_t kMoreThanTheQueue = 200;
    std::vector<host::UniqueFd> queued;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = host_.socket_path();
    std::memcpy(address.sun_path, path.data(), path.size());
    bool full = false;
    while (!full && queued.size() < kMoreThanTheQueue) {
        queued.emplace_back(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        full = ::connect(queued.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0;
    }
    ASSERT_TRUE(full);
    std::unique_ptr<Connection> connection;
    EXPECT_EQ(Connection::connect(path, connection, kShort), kStatusIoTimeout);
    EXPECT_EQ(Connection::connect(path, connection, interrupt.limit()), kStatusCancelled);
}

// Catches: any kind of request without its limit.
TEST_F(StoppedHost, EveryRequestEndsAtItsLimitAndByInterrupt) {
    const Interrupt interrupt;
    Connection& connection = client_.connection();
    for (const CallLimit& limit : {kShort, interrupt.limit()}) {
        const NtStatus expected = limit.interrupt_fd < 0 ? kStatusIoTimeout : kStatusCancelled;
        Handle handle = 0;
        Event event;
        {
            const Stopped stopped(host_);
            EXPECT_EQ(query(limit), expected);
        }
        EXPECT_EQ(query({}), kStatusSuccess);
        {
            const Stopped stopped(host_);
            EXPECT_EQ(connection.create_event(EventKind::kAutoReset, event, limit), expected);
            EXPECT_EQ(connection.open_file(AEGIS_LINK_NAME, kGenericRead, handle, limit), expected);
            EXPECT_EQ(connection.duplicate(client_.device(), getpid(), handle, limit), expected);
            EXPECT_EQ(connection.close(client_.device(), limit), expected);
        }
        EXPECT_EQ(query({}), kStatusSuccess) << "the close was given up before it was sent";
    }
}

// Catches: an interrupt that cuts off a host that answers in time.
TEST_F(StoppedHost, AnInterruptLeavesTheTimeThatTheCallerGrants) {
    const Interrupt interrupt;
    CallLimit limit = interrupt.limit();
    limit.after_interrupt = std::chrono::seconds(30);
    EXPECT_EQ(query(limit), kStatusSuccess);
    limit.after_interrupt = milliseconds(1);
    const Stopped stopped(host_);
    EXPECT_EQ(query(limit), kStatusCancelled);
}

// Catches: the late reply of one call taken for the reply of the next.
TEST_F(StoppedHost, ALateReplyIsNotTakenForTheNextOne) {
    wait_for_events();
    {
        const Stopped stopped(host_);
        EXPECT_EQ(query(kShort), kStatusIoTimeout);
        EXPECT_EQ(pull(kShort), kStatusIoTimeout) << "not sent while a reply is outstanding";
    }
    ASSERT_EQ(pull({}), kStatusSuccess);
    EXPECT_NE(returned_, 0U);
    EXPECT_NE(events_in_buffer(), 0U);
    EXPECT_EQ(first_sequence(), 1U) << "the pull that was given up before it was sent took nothing";
    AEGIS_QUERY_REPLY reply{};
    ASSERT_EQ(query({}, reply), kStatusSuccess);
    EXPECT_EQ(reply.Bytes, sizeof(reply));
}

// Catches: a handle that nobody knows, left open in the host.
TEST_F(StoppedHost, AHandleThatComesTooLateIsClosed) {
    Handle handle = 0;
    {
        const Stopped stopped(host_);
        EXPECT_EQ(client_.connection().open_file(AEGIS_LINK_NAME, kGenericRead, handle, kShort), kStatusIoTimeout);
    }
    AEGIS_QUERY_REPLY reply{};
    ASSERT_EQ(query({}, reply), kStatusSuccess);
    EXPECT_EQ(reply.Handles, 1U);
    const std::size_t descriptors = host_.descriptors();
    Event event;
    {
        const Stopped stopped(host_);
        EXPECT_EQ(client_.connection().create_event(EventKind::kAutoReset, event, kShort), kStatusIoTimeout);
    }
    ASSERT_EQ(query({}, reply), kStatusSuccess);
    EXPECT_EQ(host_.descriptors(), descriptors);
}

// Catches: a mapping that the driver made, and the client does not have; and one that stays behind.
TEST_F(StoppedHost, AMappingThatComesTooLateGoesWithItsHandle) {
    Event event;
    ASSERT_EQ(client_.connection().create_event(EventKind::kAutoReset, event), kStatusSuccess);
    const AEGIS_RING_SETUP_REQUEST request = {
        {AEGIS_CONTROL_VERSION, sizeof(AEGIS_RING_SETUP_REQUEST)}, event.handle(), 0};
    AEGIS_RING_SETUP_REPLY reply{};
    {
        const Stopped stopped(host_);
        EXPECT_EQ(client_.connection().device_io_control(
                      client_.device(), AEGIS_IOCTL_RING_SETUP, std::as_bytes(std::span(&request, 1)),
                      std::as_writable_bytes(std::span(&reply, 1)), returned_, kShort),
                  kStatusIoTimeout);
    }
    EXPECT_EQ(client_.ring_consumers_of(getpid()), 1U);
    ASSERT_EQ(client_.connection().close(client_.device()), kStatusSuccess);
    DeviceClient other(host_.socket_path());
    EXPECT_EQ(other.ring_consumers_of(getpid()), 0U);
    EXPECT_EQ(other.setup_ring().status, kStatusSuccess);
}

// Catches: events that a pull took and nobody got, because the pull was given up.
TEST_F(StoppedHost, WhatAResumableRequestBringsIsKept) {
    wait_for_events();
    CallLimit limit = kShort;
    limit.resumable = true;
    Connection& connection = client_.connection();
    {
        const Stopped stopped(host_);
        EXPECT_EQ(pull(limit), kStatusIoTimeout);
        EXPECT_EQ(connection.resume_io_control(buffer_, returned_, kShort), kStatusIoTimeout);
        EXPECT_EQ(query(kShort), kStatusIoTimeout);
    }
    EXPECT_EQ(query({}), kStatusSuccess) << "other calls may come in between";
    ASSERT_EQ(connection.resume_io_control(buffer_, returned_), kStatusSuccess);
    EXPECT_EQ(first_sequence(), 1U);
    const std::uint32_t events = events_in_buffer();
    EXPECT_NE(events, 0U);
    ASSERT_EQ(pull({}), kStatusSuccess);
    EXPECT_EQ(first_sequence(), 1 + events);
    EXPECT_EQ(connection.resume_io_control(buffer_, returned_), kStatusInvalidDeviceState);
}

}  // namespace
}  // namespace aegis::test
