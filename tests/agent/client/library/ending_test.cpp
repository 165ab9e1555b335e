// Every wait has a way out, and what ends says how: interrupts, a host that dies, is stopped or asked to end, a fork, a
// reader that is killed.

#include <dirent.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "child_process.hpp"
#include "eventually.hpp"
#include "opened.hpp"
#include "synthetic_published.hpp"

namespace aegis::test {
namespace {

constexpr std::uint64_t kInvented = 500;

std::size_t own_descriptors() {
    std::size_t count = 0;
    DIR* const directory = opendir("/proc/self/fd");
    while (readdir(directory) != nullptr) {
        ++count;
    }
    closedir(directory);
    return count;
}

std::int32_t next(const Client& client, std::int32_t timeout_ms = AEGIS_FOREVER) {
    aegis_item item = empty_item();
    return aegis_next(client.get(), &item, timeout_ms);
}

// SIGSTOP takes effect a moment after kill() has returned.
void stop(const HostProgram& host) {
    host.signal(SIGSTOP);
    EXPECT_TRUE(eventually([&] {
        std::ifstream file("/proc/" + std::to_string(host.pid()) + "/stat");
        std::string text;
        std::getline(file, text);
        const std::size_t name_end = text.rfind(')');
        return name_end != std::string::npos && text.substr(name_end, 3) == ") T";
    }));
}

// Reads until something else comes than an item.
std::int32_t read_to_the_end(const Client& client, std::uint64_t& events, std::int32_t timeout_ms = AEGIS_FOREVER) {
    std::int32_t result = 1;
    while (result > 0) {
        result = next(client, timeout_ms);
        events += result > 0 ? 1 : 0;
    }
    return result;
}

class Ending : public testing::TestWithParam<std::uint32_t> {};

INSTANTIATE_TEST_SUITE_P(Both, Ending, testing::Values(AEGIS_TRANSPORT_RING, AEGIS_TRANSPORT_PULL),
                         [](const auto& tested) { return tested.param == AEGIS_TRANSPORT_RING ? "Ring" : "Pull"; });

// Catches: an interrupt that only a sleeper gets, is lost, or cannot be taken back; a look that it hinders.
TEST_P(Ending, AnInterruptEndsEveryWaitUntilItIsTakenBack) {
    const HostProgram host(one_event());
    const Client client = idle(open_client(host, GetParam()));
    const Client other = share(client);
    const Client third = share(client);
    std::array<std::int32_t, 3> results = {};
    {
        std::vector<std::jthread> readers;
        readers.emplace_back([&] { results[0] = next(client); });
        readers.emplace_back([&] { results[1] = next(other); });
        readers.emplace_back([&] { results[2] = next(third, 3'600'000); });
        aegis_interrupt(client.get());
    }
    for (const std::int32_t result : results) {
        EXPECT_EQ(result, AEGIS_INTERRUPTED);
    }
    EXPECT_EQ(next(other), AEGIS_INTERRUPTED);
    EXPECT_EQ(next(other, 0), 0);
    EXPECT_STREQ(aegis_strerror(AEGIS_INTERRUPTED), "interrupted");
    aegis_resume(client.get());
    EXPECT_EQ(next(client, 1), 0);
    EXPECT_EQ(next(other, 1), 0);
}

// Somebody who reads all the time waits never.
TEST_P(Ending, AnInterruptReachesABusyReader) {
    const HostProgram host({"--source", "synthetic:max"});
    const Client client = open_client(host, GetParam());
    std::uint64_t events = 0;
    std::jthread interrupter([&] { aegis_interrupt(client.get()); });
    EXPECT_EQ(read_to_the_end(client, events), AEGIS_INTERRUPTED);
}

aegis_client* g_interrupted = nullptr;
std::atomic<int> g_caught{0};

// Sends the thread a signal; true once its handler has run. ThreadSanitizer hands a signal over at the next call that
// it knows. One that arrives right before a poll begins is kept until the poll ends, which may be never; another one
// that arrives in the poll comes through.
bool signal_and_see(std::thread& thread) {
    const int before = g_caught.load();
    int looks = 0;
    return eventually([&] {
        constexpr int kLooksPerSignal = 1000;
        if (looks++ % kLooksPerSignal == 0) {
            pthread_kill(thread.native_handle(), SIGUSR1);
        }
        return g_caught.load() > before;
    });
}

// Catches: a lock, an allocation or a changed errno in aegis_interrupt.
TEST_P(Ending, ASignalHandlerInterrupts) {
    const HostProgram host(one_event());
    const Client client = idle(open_client(host, GetParam()));
    g_interrupted = client.get();
    struct sigaction action = {};
    action.sa_handler = [](int) {
        const int saved = std::exchange(errno, 4711);
        aegis_interrupt(g_interrupted);
        g_caught.fetch_add(errno == 4711 ? 1 : 1'000'000);
        errno = saved;
    };
    struct sigaction before = {};
    ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
    std::int32_t result = 0;
    std::thread reader([&] { result = next(client); });
    g_caught.store(0);
    EXPECT_TRUE(signal_and_see(reader));
    reader.join();
    EXPECT_LT(g_caught.load(), 1'000'000) << "the handler's errno was changed";
    EXPECT_EQ(result, AEGIS_INTERRUPTED);
    sigaction(SIGUSR1, &before, nullptr);
}

// A handler that does nothing.
TEST_P(Ending, AnotherSignalEndsNoWait) {
    const HostProgram host(one_event());
    const Client client = idle(open_client(host, GetParam()));
    struct sigaction action = {};
    action.sa_handler = [](int) { g_caught.fetch_add(1); };
    struct sigaction before = {};
    ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
    std::int32_t result = 0;
    std::thread reader([&] { result = next(client); });
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(signal_and_see(reader));
    }
    aegis_interrupt(client.get());
    reader.join();
    EXPECT_EQ(result, AEGIS_INTERRUPTED);
    sigaction(SIGUSR1, &before, nullptr);
}

// Catches: aegis_options.interrupt that ends no wait, or not that of aegis_open.
TEST_P(Ending, TheCallersDescriptorInterrupts) {
    const HostProgram host(one_event());
    const std::string socket = host.socket_path();
    std::array<int, 2> ends = {};
    ASSERT_EQ(pipe(ends.data()), 0);
    const host::UniqueFd reader(ends[0]);
    const host::UniqueFd writer(ends[1]);
    aegis_options options = options_for(socket.c_str(), GetParam());
    options.flags = AEGIS_OPTION_INTERRUPT;
    options.interrupt = static_cast<std::uint64_t>(reader.get());
    const Client client = idle(open_client(options));
    EXPECT_EQ(next(client, 1), 0);
    std::int32_t result = 0;
    std::thread waiting([&] { result = next(client); });
    ASSERT_EQ(write(writer.get(), "x", 1), 1);
    waiting.join();
    EXPECT_EQ(result, AEGIS_INTERRUPTED);

    stop(host);
    aegis_client* late = nullptr;
    EXPECT_EQ(aegis_open(&options, &late), AEGIS_INTERRUPTED) << aegis_last_error();
    EXPECT_EQ(late, nullptr);
    host.signal(SIGCONT);
}

// Catches: a reader that sleeps on, or leaves what the ring still holds.
TEST_P(Ending, AHostThatIsKilledIsGone) {
    const std::uint64_t kEvents = published_of_synthetic(kInvented);
    HostProgram host(events(kInvented));
    const Client client = open_client(host, GetParam());
    const Client poller = open_client(host, GetParam());
    ASSERT_TRUE(eventually([&] { return query(client).Published == kEvents; }));
    std::uint64_t polled = 0;
    EXPECT_EQ(read_to_the_end(poller, polled, 0), 0);
    EXPECT_EQ(polled, kEvents);
    host.end(SIGKILL);
    std::uint64_t events = 0;
    EXPECT_EQ(read_to_the_end(client, events), AEGIS_GONE);
    EXPECT_EQ(events, GetParam() == AEGIS_TRANSPORT_RING ? kEvents : 0);
    EXPECT_EQ(next(poller, 0), AEGIS_GONE) << "who never waits learns it, too";
    EXPECT_NE(aegis_stopping(client.get()), 0);
    AEGIS_QUERY_REPLY reply;
    EXPECT_EQ(aegis_query(client.get(), &reply, sizeof(reply), AEGIS_FOREVER), AEGIS_GONE);
    EXPECT_NE(std::strstr(aegis_last_error(), "IOCTL_AEGIS_QUERY found no driver any more"), nullptr)
        << aegis_last_error();
}

TEST_P(Ending, AHostThatIsKilledWakesWhoWaits) {
    HostProgram host(one_event());
    const Client client = idle(open_client(host, GetParam()));
    const Client other = share(client);
    std::array<std::int32_t, 2> results = {};
    {
        std::jthread first([&] { results[0] = next(client); });
        std::jthread second([&] { results[1] = next(other); });
        host.end(SIGKILL);
    }
    EXPECT_EQ(results[0], AEGIS_GONE);
    EXPECT_EQ(results[1], AEGIS_GONE);
}

// Catches: a wait without a limit, a pull whose events are lost because it was given up.
TEST_P(Ending, AHostThatIsStoppedGivesNoAnswerAndLosesNothing) {
    const std::uint64_t kEvents = published_of_synthetic(kInvented);
    const HostProgram host(events(kInvented));
    const std::string socket = host.socket_path();
    aegis_options options = options_for(socket.c_str(), GetParam());
    options.request_ms = 50;
    const Client client = open_client(options);
    ASSERT_TRUE(eventually([&] {
        AEGIS_QUERY_REPLY reply = {};
        aegis_query(client.get(), &reply, sizeof(reply), 10'000);
        return reply.Published == kEvents;
    }));
    stop(host);
    AEGIS_QUERY_REPLY reply;
    EXPECT_EQ(aegis_query(client.get(), &reply, sizeof(reply), AEGIS_FOREVER), AEGIS_NO_ANSWER);
    EXPECT_NE(std::strstr(aegis_last_error(), "IOCTL_AEGIS_QUERY within 0.05 s"), nullptr) << aegis_last_error();
    std::uint64_t events = 0;
    if (GetParam() == AEGIS_TRANSPORT_PULL) {
        EXPECT_EQ(read_to_the_end(client, events), AEGIS_NO_ANSWER);
        EXPECT_EQ(events, 0U);
    } else {
        EXPECT_EQ(read_to_the_end(client, events, 20), 0);
        EXPECT_EQ(events, kEvents);
    }
    aegis_client* late = nullptr;
    EXPECT_EQ(aegis_open(&options, &late), AEGIS_NO_ANSWER) << aegis_last_error();
    host.signal(SIGCONT);
    // What was given up before is settled first; a limit of 50 ms may still be too short for it on a busy machine.
    ASSERT_TRUE(eventually([&] {
        aegis_item item = empty_item();
        for (std::int32_t result = 1; result > 0;) {
            result = aegis_next(client.get(), &item, 0);
            events += result > 0 ? 1 : 0;
        }
        return events == kEvents;
    }));
}

// `sc stop`: the driver goes when its last handle is closed.
// Catches: a client that keeps the driver because nobody tells it; events left behind.
TEST_P(Ending, ADriverThatIsStoppedIsReadToItsEndAndLetGo) {
    const std::uint64_t kEvents = published_of_synthetic(kInvented);
    std::vector<std::string> arguments = events(kInvented);
    arguments.insert(arguments.end(), {"--stop-timeout", "3600"});
    HostProgram host(arguments);
    Client client = open_client(host, GetParam());
    ASSERT_TRUE(eventually([&] { return query(client).Published == kEvents; }));
    std::uint64_t signal = 0;
    ASSERT_EQ(aegis_stop_signal(client.get(), &signal), AEGIS_OK);
    pollfd stopping = {static_cast<int>(signal), POLLIN, 0};
    EXPECT_EQ(poll(&stopping, 1, 0), 0);
    EXPECT_EQ(aegis_stopping(client.get()), 0);
    host.signal(SIGTERM);
    EXPECT_EQ(poll(&stopping, 1, 60'000), 1);
    EXPECT_EQ(aegis_stopping(client.get()), 1);
    std::uint64_t events = 0;
    EXPECT_EQ(read_to_the_end(client, events), AEGIS_STOPPING);
    EXPECT_EQ(events, kEvents);
    EXPECT_EQ(next(client, 0), AEGIS_STOPPING);
    client.reset();
    const int status = host.end(0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << host.errors();
}

// Catches: a descriptor, a handle in the host or a mapping that closing leaves.
TEST_P(Ending, OpeningAndClosingLeavesNothing) {
    const HostProgram host(one_event());
    const std::string socket = host.socket_path();
    const Client watching = open_client(host, AEGIS_TRANSPORT_NONE);
    const aegis_options options = options_for(socket.c_str(), GetParam());
    open_client(options);
    const std::size_t before = own_descriptors();
    ASSERT_TRUE(eventually([&] { return query(watching).Handles == 1; }));
    const std::size_t before_in_host = host.descriptors();
    for (int i = 0; i < 1000; ++i) {
        const Client client = open_client(options);
        ASSERT_NE(client, nullptr);
        ASSERT_GE(next(client, 0), 0);
    }
    EXPECT_EQ(own_descriptors(), before);
    EXPECT_TRUE(eventually([&] { return query(watching).Handles == 1; }));
    EXPECT_TRUE(eventually([&] { return host.descriptors() <= before_in_host; })) << host.descriptors();
}

// Catches: a row, a handle or a mapping that a dead reader leaves in the driver.
TEST_P(Ending, AReaderThatIsKilledLeavesNothing) {
    const HostProgram host({"--source", "synthetic:20000"});
    const Client watching = open_client(host, AEGIS_TRANSPORT_NONE);
    for (int i = 0; i < 20; ++i) {
        ChildProcess reader(
            {AEGIS_TEST_C_READER, host.socket_path(), GetParam() == AEGIS_TRANSPORT_RING ? "ring" : "pull", "0"});
        // Every other one dies while it opens.
        if (i % 2 == 0) {
            EXPECT_EQ(reader.read_line(), "reading");
        }
        reader.signal(SIGKILL);
        EXPECT_TRUE(WIFSIGNALED(reader.wait()));
    }
    EXPECT_TRUE(eventually([&] {
        const AEGIS_QUERY_REPLY reply = query(watching);
        bool rows = false;
        for (const AEGIS_CONSUMER_INFO& row : reply.Consumers) {
            rows = rows || row.Transport != 0;
        }
        return reply.Handles == 1 && !rows;
    }));
}

// Catches: a child that reads unmapped memory or its parent's replies, or closes what the parent uses.
TEST_P(Ending, AForkedChildHasNoPartInIt) {
    const std::uint64_t kEvents = published_of_synthetic(kInvented);
    const HostProgram host(events(kInvented));
    const std::string socket = host.socket_path();
    const aegis_options options = options_for(socket.c_str(), GetParam());
    Client client = open_client(options);
    ASSERT_EQ(next(client), 1);
    const pid_t child = fork();
    if (child == 0) {
        aegis_client* const inherited = client.release();
        aegis_item item = empty_item();
        AEGIS_QUERY_REPLY reply;
        aegis_client* own = nullptr;
        int wrong = 0;
        wrong |= aegis_next(inherited, &item, 0) != AEGIS_ERROR_FORKED ? 1 : 0;
        wrong |= aegis_query(inherited, &reply, sizeof(reply), 0) != AEGIS_ERROR_FORKED ? 2 : 0;
        wrong |= aegis_share(inherited, &own) != AEGIS_ERROR_FORKED ? 4 : 0;
        wrong |= aegis_stopping(inherited) != AEGIS_ERROR_FORKED ? 8 : 0;
        const std::size_t descriptors = own_descriptors();
        aegis_interrupt(inherited);
        aegis_close(inherited);
        wrong |= own_descriptors() != descriptors ? 64 : 0;
        wrong |= aegis_open(&options, &own) != AEGIS_OK ? 16 : 0;
        wrong |= aegis_next(own, &item, 10'000) != 1 ? 32 : 0;
        aegis_close(own);
        _exit(wrong);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    // The host tells the driver of the end of a client's process, which is one more event, and has its details.
    ASSERT_TRUE(eventually([&] { return query(client).Published == kEvents + 2; }));
    std::uint64_t events = 1;
    EXPECT_EQ(read_to_the_end(client, events, 0), 0);
    EXPECT_EQ(events, kEvents + 2);
}

}  // namespace
}  // namespace aegis::test
