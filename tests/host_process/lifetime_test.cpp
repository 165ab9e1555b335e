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

// Counts the ends that the driver published, as they are pulled.
class EndCounter {
  public:
    explicit EndCounter(DeviceClient& observer) : observer_(observer) {}

    std::size_t ends_of(pid_t pid) {
        for (const std::vector<std::byte>& bytes : observer_.pull()) {
            AEGIS_EVENT_HEADER header;
            AEGIS_PROCESS_PAYLOAD payload;
            std::memcpy(&header, bytes.data(), sizeof(header));
            std::memcpy(&payload, bytes.data() + sizeof(header), sizeof(payload));
            if (header.Type == AEGIS_EVENT_PROCESS_EXIT) {
                ++ends_[payload.ProcessId];
            }
        }
        return ends_[static_cast<std::uint32_t>(pid)];
    }

  private:
    DeviceClient& observer_;
    std::map<std::uint32_t, std::size_t> ends_;
};

// A process whose end every real source reports.
pid_t run_visible_process(DeviceClient& observer) {
    ChildProcess child({behaviour_program(), "linger"});
    const std::string pid = child.read_line();
    // Long enough alive for any source: until its start has been published.
    EXPECT_TRUE(eventually([&] {
        for (const std::vector<std::byte>& bytes : observer.pull()) {
            AEGIS_PROCESS_PAYLOAD payload;
            std::memcpy(&payload, bytes.data() + sizeof(AEGIS_EVENT_HEADER), sizeof(payload));
            if (std::to_string(payload.ProcessId) == pid) {
                return true;
            }
        }
        return false;
    }));
    child.end_input();
    child.wait();
    return child.pid();
}

// Catches: the end of a client told by its pidfd and again by the source, or by neither.
TEST(ClientLifetime, TheDriverHearsOfAClientsEndExactlyOnce) {
    for (const std::string source : {"auto", "procfs", "synthetic:1"}) {
        HostProgram host({"--source", source});
        ASSERT_TRUE(host.ready()) << host.errors();
        DeviceClient observer(host.socket_path());
        DeviceClient watcher(host.socket_path());
        EndCounter counter(observer);
        ForkedClient client([&](Talk& talk) {
            DeviceClient own(host.socket_path());
            talk.say(static_cast<std::uint32_t>(own.setup_ring().status));
            talk.hear();
            return 0;
        });
        ASSERT_EQ(client.talk().hear(), 0U);
        client.talk().say();
        client.wait();
        EXPECT_TRUE(eventually([&] { return counter.ends_of(client.pid()) > 0; })) << source;
        if (source != "synthetic:1") {
            // Once the source has told of a later end, it has had its chance to tell of the client's again.
            const pid_t later = run_visible_process(watcher);
            EXPECT_TRUE(eventually([&] { return counter.ends_of(later) > 0; })) << source;
        }
        EXPECT_EQ(counter.ends_of(client.pid()), 1U) << source;
    }
}

// Catches: handles of a process that runs another program now; its end told at the exec.
TEST(ClientLifetime, AClientThatRunsAnotherProgramLosesItsHandlesAndEndsLater) {
    HostProgram host({"--source", "synthetic:1"});
    DeviceClient observer(host.socket_path());
    EndCounter counter(observer);
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
    EXPECT_EQ(counter.ends_of(client.pid()), 0U);
    client.signal(SIGKILL);
    client.wait();
    EXPECT_TRUE(eventually([&] { return counter.ends_of(client.pid()) == 1; }));
}

// Catches: a stopped client that holds up the source, the other clients or the end of the host.
TEST(ClientLifetime, AStoppedClientStopsNobodyElse) {
    HostProgram host({"--source", "synthetic:20000"});
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
