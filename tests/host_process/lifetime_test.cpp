// Clients that end in every way a process can, while the host goes on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "child_process.hpp"
#include "device_client.hpp"
#include "eventually.hpp"
#include "forked_client.hpp"
#include "host_program.hpp"

namespace aegis::test {
namespace {

using namespace host::client;

// Sets up and tears down the ring for ever, with pulls and queries in between.
[[noreturn]] void work_for_ever(const std::string& socket_path, const Talk& talk) {
    for (bool first = true;; first = false) {
        DeviceClient client(socket_path);
        const RingConsumer ring = client.setup_ring();
        client.pull();
        if (first) {
            talk.say(static_cast<std::uint32_t>(ring.status));
        }
        NtStatus status = 0;
        client.query(status);
        client.connection().close(client.device());
    }
}

// Catches: anything of a client that stays behind, in the driver (the verifier ends the host), in the
// host (descriptors), or in its quota (the next client cannot set up).
TEST(ClientLifetime, AClientMayBeKilledAtAnyMoment) {
    HostProgram host({"--source", "synthetic:5000"});
    { DeviceClient(host.socket_path()).setup_ring(); }
    std::size_t before = 0;
    std::mt19937 random(11);
    for (int round = 0; round < 60; ++round) {
        ForkedClient client([&](Talk& talk) -> int { work_for_ever(host.socket_path(), talk); });
        ASSERT_EQ(client.talk().hear(), 0U) << "round " << round << "\n" << host.errors();
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
        client.signal(SIGKILL);
        client.wait();
        if (round == 10) {
            // The first rounds may have grown what grows once.
            DeviceClient observer(host.socket_path());
            ASSERT_TRUE(eventually([&] { return observer.ring_consumers_of(client.pid()) == 0; }));
            observer.disconnect();
            before = host.descriptors();
        }
    }
    EXPECT_TRUE(eventually([&] { return host.descriptors() <= before; })) << host.descriptors() << " > " << before;
    EXPECT_EQ(host.errors(), "");
}

// What the driver published about each process, as it is pulled: '+' for a start, '-' for an end.
class History {
  public:
    explicit History(DeviceClient& observer) : observer_(observer) {}

    const std::string& of(pid_t pid) {
        for (const std::vector<std::byte>& bytes : observer_.pull()) {
            AEGIS_EVENT_HEADER header;
            AEGIS_PROCESS_PAYLOAD payload;
            std::memcpy(&header, bytes.data(), sizeof(header));
            if (header.Type != AEGIS_EVENT_PROCESS_CREATE && header.Type != AEGIS_EVENT_PROCESS_EXIT) {
                continue;
            }
            std::memcpy(&payload, bytes.data() + sizeof(header), sizeof(payload));
            history_[payload.ProcessId].push_back(header.Type == AEGIS_EVENT_PROCESS_EXIT ? '-' : '+');
        }
        return history_[static_cast<std::uint32_t>(pid)];
    }

  private:
    DeviceClient& observer_;
    std::map<std::uint32_t, std::string> history_;
};

// Lets a process come and go that every real source reports.
void run_visible_process(History& history) {
    ChildProcess child({behaviour_program(), "linger"});
    child.read_line();
    EXPECT_TRUE(eventually([&] { return history.of(child.pid()) == "+"; }));
    child.end_input();
    child.wait();
    EXPECT_TRUE(eventually([&] { return history.of(child.pid()) == "+-"; }));
}

// Catches: the end of a client told by its pidfd and again by the source, or by neither; and told before
// its start, which the connector holds back until a fork has had its time to exec.
TEST(ClientLifetime, TheDriverHearsOfAClientsEndExactlyOnce) {
    for (const std::string source : {"auto", "procfs", "synthetic:1"}) {
        HostProgram host({"--source", source});
        ASSERT_TRUE(host.ready()) << host.errors();
        DeviceClient observer(host.socket_path());
        History history(observer);
        ForkedClient client([&](Talk& talk) {
            DeviceClient own(host.socket_path());
            talk.say(static_cast<std::uint32_t>(own.setup_ring().status));
            talk.hear();
            return 0;
        });
        ASSERT_EQ(client.talk().hear(), 0U);
        client.talk().say();
        client.wait();
        EXPECT_TRUE(eventually([&] { return history.of(client.pid()).ends_with('-'); })) << source;
        if (source != "synthetic:1") {
            // Once the source has told of a later end, it has had its chance to tell of the client's again.
            run_visible_process(history);
        }
        const bool by_connector = source == "auto" && host.errors().empty();
        const std::string& heard = history.of(client.pid());
        EXPECT_TRUE(heard == "+-" || (heard == "-" && !by_connector)) << source << " " << heard;
    }
}

// Catches: handles of a process that runs another program now; its end told at the exec.
TEST(ClientLifetime, AClientThatRunsAnotherProgramLosesItsHandlesAndEndsLater) {
    HostProgram host({"--source", "synthetic:1"});
    DeviceClient observer(host.socket_path());
    History history(observer);
    ForkedClient client([&](Talk& talk) {
        DeviceClient own(host.socket_path());
        talk.say(static_cast<std::uint32_t>(own.setup_ring().status));
        talk.hear();
        execl("/bin/sleep", "sleep", "1000", nullptr);
        return 1;
    });
    ASSERT_EQ(client.talk().hear(), 0U);
    EXPECT_EQ(observer.ring_consumers_of(client.pid()), 1U);
    client.talk().say();
    EXPECT_TRUE(eventually([&] { return observer.ring_consumers_of(client.pid()) == 0; }));
    EXPECT_EQ(history.of(client.pid()), "");
    client.signal(SIGKILL);
    client.wait();
    EXPECT_TRUE(eventually([&] { return history.of(client.pid()) == "-"; }));
}

// Catches: a stopped client that holds up the source, the other clients or the end of the host.
TEST(ClientLifetime, AStoppedClientStopsNobodyElse) {
    HostProgram host({"--source", "synthetic:20000", "--stop-timeout", "0"});
    DeviceClient observer(host.socket_path());
    ForkedClient client([&](Talk& talk) -> int { work_for_ever(host.socket_path(), talk); });
    ASSERT_EQ(client.talk().hear(), 0U);
    client.signal(SIGSTOP);
    int status = 0;
    waitpid(client.pid(), &status, WUNTRACED);
    const RingConsumer ring = observer.setup_ring();
    ASSERT_EQ(ring.status, kStatusSuccess);
    const std::uint64_t before = ring.published();
    EXPECT_TRUE(eventually([&] { return ring.published() > before + 1000; }));
    status = host.end(SIGTERM);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << host.errors();
}

}  // namespace
}  // namespace aegis::test
