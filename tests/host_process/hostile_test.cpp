// Clients that break the protocol or take more than their share: each costs itself the connection, or gets a
// specific status, and nobody else notices.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "device_client.hpp"
#include "eventually.hpp"
#include "forked_client.hpp"
#include "host_program.hpp"
#include "raw_client.hpp"

namespace aegis::test {
namespace {

using host::client::nt_status;
using namespace host::client;
using protocol::Operation;

constexpr NtStatus kInfoLengthMismatch = nt_status(0xC0000004);
constexpr NtStatus kQuotaExceeded = nt_status(0xC0000044);

class HostileTest : public testing::Test {
  protected:
    void TearDown() override {
        DeviceClient honest(host_.socket_path());
        EXPECT_EQ(honest.status(), kStatusSuccess);
        EXPECT_EQ(honest.setup_ring().status, kStatusSuccess);
    }

    // A process of its own, so that the window it offers does not bind the test's.
    template <typename Body>
    int as_client(Body body) const {
        return ForkedClient([&](Talk&) {
                   const RawClient client(host_.socket_path());
                   return body(client);
               })
            .exit_code();
    }

    HostProgram host_{{"--source", "synthetic:max,count=10"}};
};

// Runs in a forked client: says on stderr what was wrong, the parent sees the exit code.
int expect(const char* what, std::optional<NtStatus> seen, std::optional<NtStatus> wanted) {
    if (seen == wanted) {
        return 0;
    }
    std::fprintf(stderr, "%s: 0x%08X, not 0x%08X (0: disconnected)\n", what, seen ? static_cast<unsigned>(*seen) : 0,
                 wanted ? static_cast<unsigned>(*wanted) : 0);
    return 1;
}

// Catches: each of these accepted, or answered with something else.
TEST_F(HostileTest, AMalformedRequestGetsItsStatusAndTheConnectionGoesOn) {
    EXPECT_EQ(as_client([](const RawClient& client) {
                  int failures = 0;
                  const auto refused = [&](const char* what, const auto& request, NtStatus wanted) {
                      failures += expect(what, client.ask(request), wanted);
                  };
                  refused("no hello yet", request_of<protocol::CloseRequest>(Operation::kClose),
                          kStatusInvalidDeviceState);
                  auto hello = proper_hello();
                  hello.window_address += 1;
                  refused("window not on a page", hello, kStatusInvalidParameter);
                  hello = proper_hello();
                  hello.window_bytes = 0;
                  refused("empty window", hello, kStatusInvalidParameter);
                  hello = proper_hello();
                  hello.window_address = ~std::uint64_t{4095};
                  refused("window beyond user addresses", hello, kStatusInvalidParameter);
                  hello = proper_hello();
                  hello.header.reserved = 1;
                  refused("reserved header field", hello, kStatusInvalidParameter);
                  hello = proper_hello();
                  hello.header.bytes = 31;
                  refused("length that is not the message's", hello, kInfoLengthMismatch);
                  refused("hello", proper_hello(), kStatusSuccess);
                  refused("second hello", proper_hello(), kStatusInvalidDeviceState);
                  refused("unknown operation", request_of<protocol::CloseRequest>(static_cast<Operation>(99)),
                          kStatusInvalidSystemService);
                  refused("operation without its struct", request_of<protocol::CloseRequest>(Operation::kDuplicate),
                          kInfoLengthMismatch);
                  refused("operation with more than its struct", request_of<protocol::HelloRequest>(Operation::kClose),
                          kInfoLengthMismatch);
                  auto open = request_of<protocol::OpenFileRequest>(Operation::kOpenFile);
                  open.path_units = 5;
                  refused("path that is not there", open, kInfoLengthMismatch);
                  auto control = request_of<protocol::DeviceIoControlRequest>(Operation::kDeviceIoControl);
                  control.input_bytes = 8;
                  refused("input that is not there", control, kInfoLengthMismatch);
                  control.input_bytes = 0xFFFFFFFF;
                  refused("huge input length", control, kStatusInvalidBufferSize);
                  control.input_bytes = 0;
                  control.output_bytes = 0xFFFFFFFF;
                  refused("huge output length", control, kStatusInvalidBufferSize);
                  control.output_bytes = 0;
                  control.reserved = 7;
                  refused("reserved field of an IOCTL", control, kStatusInvalidParameter);
                  auto event = request_of<protocol::CreateEventRequest>(Operation::kCreateEvent);
                  event.manual_reset = 2;
                  refused("kind of event that does not exist", event, kStatusInvalidParameter);
                  auto duplicate = request_of<protocol::DuplicateRequest>(Operation::kDuplicate);
                  duplicate.reserved = 1;
                  refused("reserved field of a duplication", duplicate, kStatusInvalidParameter);
                  refused("handle that does not exist", request_of<protocol::CloseRequest>(Operation::kClose),
                          kStatusInvalidHandle);
                  return failures;
              }),
              0);
    EXPECT_EQ(host_.errors(), "");
}

// Catches: going on with a client that does not speak the protocol.
TEST_F(HostileTest, WhoeverDoesNotSpeakTheProtocolIsDisconnected) {
    EXPECT_EQ(as_client([](const RawClient& client) {
                  return expect("a packet shorter than a header", client.ask(std::vector<std::byte>(15)), std::nullopt);
              }),
              0);
    EXPECT_EQ(as_client([](const RawClient& client) {
                  auto hello = proper_hello();
                  hello.header.magic = 1;
                  return expect("another magic", client.ask(hello), std::nullopt);
              }),
              0);
    EXPECT_EQ(as_client([](const RawClient& client) {
                  auto hello = proper_hello();
                  hello.header.version = protocol::kVersion + 1;
                  return expect("another version", client.ask(hello), kStatusRevisionMismatch) +
                         expect("after it", client.receive() ? std::optional(0) : std::nullopt, std::nullopt);
              }),
              0);
    EXPECT_EQ(as_client([](const RawClient& client) {
                  const int bytes = 1 << 20;
                  setsockopt(client.descriptor(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
                  return expect("a packet longer than any request",
                                client.ask(std::vector<std::byte>(protocol::kMaxRequestBytes + 1)), std::nullopt);
              }),
              0);
    const std::string errors = host_.errors();
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 4) << errors;
}

// Catches: descriptors of a client that stay open in the host.
TEST_F(HostileTest, DescriptorsOfAClientNeverStay) {
    const std::size_t before = host_.descriptors();
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(as_client([](const RawClient& client) {
                      const auto hello = proper_hello();
                      return client.send_with_descriptor(std::as_bytes(std::span(&hello, 1)), STDERR_FILENO) &&
                                     !client.receive()
                                 ? 0
                                 : 1;
                  }),
                  0);
    }
    EXPECT_TRUE(eventually([&] { return host_.descriptors() <= before; })) << host_.descriptors() << " > " << before;
}

// Catches: a crash, a leak or a hang by any of these packets; one line of stderr for each of them.
TEST_F(HostileTest, RandomPacketsHarmNobody) {
    const std::size_t before = host_.descriptors();
    for (unsigned seed = 1; seed <= 60; ++seed) {
        EXPECT_EQ(as_client([seed](const RawClient& client) {
                      std::mt19937 random(seed);
                      if (client.ask(proper_hello()) != kStatusSuccess) {
                          return 1;
                      }
                      for (int i = 0; i < 200; ++i) {
                          // Mostly a valid beginning, or nothing behind the first check would be reached.
                          std::vector<std::byte> packet(random() % 120);
                          std::generate(packet.begin(), packet.end(), [&] { return static_cast<std::byte>(random()); });
                          if (packet.size() >= sizeof(protocol::RequestHeader) && random() % 64 != 0) {
                              const protocol::RequestHeader header = {protocol::kMagic, protocol::kVersion,
                                                                      static_cast<std::uint16_t>(2 + random() % 6),
                                                                      static_cast<std::uint32_t>(packet.size()), 0};
                              std::memcpy(packet.data(), &header, sizeof(header));
                          }
                          if (!client.ask(packet)) {
                              return 0;
                          }
                      }
                      return 0;
                  }),
                  0)
            << "seed " << seed;
    }
    EXPECT_TRUE(eventually([&] { return host_.descriptors() <= before; })) << host_.descriptors() << " > " << before;
    const std::string errors = host_.errors();
    EXPECT_LE(std::count(errors.begin(), errors.end(), '\n'), 30) << errors;
}

// Catches: a host that waits for a client to read its replies.
TEST_F(HostileTest, AClientThatDoesNotReadIsDisconnected) {
    EXPECT_EQ(as_client([](const RawClient& client) {
                  if (client.ask(proper_hello()) != kStatusSuccess) {
                      return 1;
                  }
                  const auto request = request_of<protocol::CloseRequest>(Operation::kClose);
                  while (client.send(request)) {
                  }
                  return 0;
              }),
              0);
    EXPECT_NE(host_.errors().find("does not read its replies"), std::string::npos) << host_.errors();
}

// Catches: requests of another process taken for the client's own.
TEST_F(HostileTest, AForkedChildCannotUseItsParentsConnection) {
    EXPECT_EQ(as_client([](const RawClient& client) {
                  if (client.ask(proper_hello()) != kStatusSuccess) {
                      return 1;
                  }
                  ForkedClient child(
                      [&](Talk&) { return client.ask(request_of<protocol::CloseRequest>(Operation::kClose)) ? 1 : 0; });
                  return child.exit_code();
              }),
              0);
    EXPECT_NE(host_.errors().find("which did not connect"), std::string::npos) << host_.errors();
}

TEST_F(HostileTest, TheClientLibraryRefusesAForkedChild) {
    DeviceClient client(host_.socket_path());
    ForkedClient child([&](Talk&) {
        NtStatus status = 0;
        client.query(status);
        return status == kStatusInvalidDeviceState ? 0 : 1;
    });
    EXPECT_EQ(child.exit_code(), 0);
    NtStatus status = 0;
    client.query(status);
    EXPECT_EQ(status, kStatusSuccess) << "the parent's connection is unharmed";
}

// Catches: handles without a limit, and room that does not come back.
TEST_F(HostileTest, HandlesOfAProcessAreLimited) {
    ForkedClient client([&](Talk& talk) {
        std::unique_ptr<Connection> connection;
        Connection::connect(host_.socket_path(), connection);
        std::vector<Event> events;
        NtStatus status = kStatusSuccess;
        for (int i = 0; i < 10'000 && succeeded(status); ++i) {
            Event event;
            status = connection->create_event(EventKind::kAutoReset, event);
            if (succeeded(status)) {
                events.push_back(std::move(event));
            }
        }
        talk.say(static_cast<std::uint32_t>(status));
        talk.say(static_cast<std::uint32_t>(connection->close(events.back().handle())));
        Event event;
        talk.say(static_cast<std::uint32_t>(connection->create_event(EventKind::kAutoReset, event)));
        return 0;
    });
    EXPECT_EQ(client.talk().hear(), static_cast<std::uint32_t>(kQuotaExceeded));
    EXPECT_EQ(client.talk().hear(), 0U);
    EXPECT_EQ(client.talk().hear(), 0U);
}

// Catches: an ordinary user who takes all connections; a refusal without its status.
TEST_F(HostileTest, AnOrdinaryUserCannotLockTheAdministratorsOut) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root to become other users";
    }
    std::vector<std::unique_ptr<ForkedClient>> crowd;
    for (const uid_t user : {65530U, 65531U, 65532U, 65533U, 65534U}) {
        crowd.push_back(std::make_unique<ForkedClient>([&, user](Talk& talk) {
            if (setuid(user) != 0) {
                return 2;
            }
            std::vector<std::unique_ptr<Connection>> connections;
            NtStatus status = kStatusSuccess;
            while (succeeded(status)) {
                status = Connection::connect(host_.socket_path(), connections.emplace_back());
            }
            talk.say(static_cast<std::uint32_t>(status));
            talk.hear();
            return 0;
        }));
        EXPECT_EQ(crowd.back()->talk().hear(), static_cast<std::uint32_t>(kStatusTooManySessions));
    }
    std::vector<std::unique_ptr<DeviceClient>> administrators;
    for (int i = 0; i < 32; ++i) {
        administrators.push_back(std::make_unique<DeviceClient>(host_.socket_path()));
        EXPECT_EQ(administrators.back()->status(), kStatusSuccess);
    }
}

// Catches: a client that floods slowing another to a halt, or starving it of a thread.
TEST_F(HostileTest, AFloodOfRequestsLeavesTheOthersServed) {
    constexpr int kClients = 4;
    std::vector<std::unique_ptr<ForkedClient>> flood;
    flood.reserve(kClients);
    for (int i = 0; i < kClients; ++i) {
        flood.push_back(std::make_unique<ForkedClient>([&](Talk&) -> int {
            DeviceClient client(host_.socket_path());
            std::size_t returned = 0;
            while (true) {
                client.connection().device_io_control(client.device(), 0x22AAAA, {}, {}, returned);
            }
        }));
    }
    DeviceClient honest(host_.socket_path());
    for (int i = 0; i < 200; ++i) {
        NtStatus status = 0;
        honest.query(status);
        ASSERT_EQ(status, kStatusSuccess);
    }
}

}  // namespace
}  // namespace aegis::test
