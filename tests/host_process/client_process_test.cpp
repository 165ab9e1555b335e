// The handles that the host keeps for a client process, while its connections come and go.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "driver/host/server/client_process.hpp"

namespace aegis::test {
namespace {

using host::ProcessHandle;
using host::server::AddressWindow;
using host::server::ClientProcess;

constexpr AddressWindow kWindow = {0x10000, 0x10000};
constexpr int kNoDescriptor = -1;

// This process, which lives on.
host::server::Peer this_process() {
    return {static_cast<std::uint32_t>(::getpid()), ::getuid(), host::Account::kAdministrator,
            host::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)))};
}

bool keep(ClientProcess& process, ProcessHandle handle) {
    return process.take_room_for_handle() && process.keep_handle(handle);
}

TEST(ClientProcess, ItsHandlesGoWithItsLastConnection) {
    ClientProcess process(this_process(), kWindow);
    ASSERT_TRUE(process.connect(1, kNoDescriptor, kWindow));
    ASSERT_TRUE(process.connect(2, kNoDescriptor, kWindow));
    ASSERT_TRUE(keep(process, 4));
    EXPECT_TRUE(process.disconnect(1).empty());
    EXPECT_EQ(process.disconnect(2), std::vector<ProcessHandle>{4});
    EXPECT_FALSE(process.take_room_for_handle()) << "nobody is connected";
}

// The next connection begins as soon as the last one has visibly ended: its handle is never among those that go.
// Catches: "the last one" decided under the lock, and the handles taken after it.
TEST(ClientProcess, AConnectionThatBeginsKeepsItsHandles) {
    constexpr int kRounds = 200;
    ClientProcess process(this_process(), kWindow);
    for (int i = 0; i < kRounds; ++i) {
        ASSERT_TRUE(process.connect(1, kNoDescriptor, kWindow));
        ASSERT_TRUE(keep(process, 4));
        std::vector<ProcessHandle> closed;
        std::thread ending([&] { closed = process.disconnect(1); });
        while (process.take_room_for_handle()) {
            process.give_back_room();
            std::this_thread::yield();
        }
        EXPECT_TRUE(process.connect(2, kNoDescriptor, kWindow));
        EXPECT_TRUE(keep(process, 8));
        ending.join();
        ASSERT_EQ(closed, std::vector<ProcessHandle>{4}) << "round " << i;
        ASSERT_EQ(process.disconnect(2), std::vector<ProcessHandle>{8}) << "round " << i;
    }
}

}  // namespace
}  // namespace aegis::test
