// The drivers, loaded: that they unload and load again, and what the device answers.
//
// Wine does not say who opens a device, so the shipped driver lets nobody in there. What takes an open device is asked
// of AegisMonTest.sys: the same sources, with an exception for Wine (driver/control/opener_policy.hpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "aegis/ioctl.h"
#include "aegis/version.h"
#include "control_device.hpp"
#include "driver_service.hpp"

namespace aegis::windows_test {
namespace {

constexpr std::size_t kPullBytes = 65536;

class ShippedDriver : public testing::Test {
  protected:
    DriverService service_{"AegisMon", "AegisMon.sys"};
};

// Wine hands out a handle also where the driver refused it, and sends requests through it.
// Catches: an import that does not bind; an unload that leaves the link, the device or a callback behind, so that the
// second load fails; a device that serves whom nobody vouches for, or relies on an open that it refused.
TEST_F(ShippedDriver, LoadsLetsNobodyUnknownInAndUnloadsAgainAndAgain) {
    for (int load = 0; load < 2; ++load) {
        service_.start();
        {
            ControlDevice device;
            EXPECT_EQ(device.send(AEGIS_IOCTL_QUERY, request<AEGIS_QUERY_REQUEST>(), sizeof(AEGIS_QUERY_REPLY)).status,
                      kStatusInvalidDeviceRequest);
        }
        service_.stop();
    }
}

class Driver : public testing::Test {
  protected:
    DriverService service_{"AegisMonTest", "AegisMonTest.sys"};
};

class RunningDriver : public Driver {
  protected:
    void SetUp() override { service_.start(); }
};

// Catches: an unload that leaves the link, the device or a callback behind, so that the second load fails; a session
// id that stays the same.
TEST_F(Driver, LoadsUnloadsAndLoadsAgainAsANewSession) {
    std::array<std::array<std::uint8_t, 16>, 2> sessions{};
    for (auto& session : sessions) {
        service_.start();
        {
            ControlDevice device;
            std::ranges::copy(device.query().SessionId, session.begin());
        }
        service_.stop();
        EXPECT_THROW(ControlDevice(), std::system_error);
    }
    EXPECT_NE(sessions[0], sessions[1]);
}

// Catches: a driver that ignores its parameters, or takes any value it finds there.
TEST_F(Driver, TakesTheSizeOfItsRingFromTheServiceKey) {
    const std::vector<std::pair<std::uint32_t, std::uint32_t>> cases = {{64, 64},   {69632, 69632}, {100, 100},
                                                                        {32, 4352}, {69633, 4352},  {0, 4352}};
    for (const auto& [parameter, kib] : cases) {
        service_.set_ring_kib(parameter);
        service_.start();
        {
            ControlDevice device;
            const AEGIS_QUERY_REPLY reply = device.query();
            EXPECT_EQ(reply.CellCount, (kib - 4) * 1024 / 192) << parameter;
            EXPECT_LE(reply.RegionBytes, std::uint64_t{kib} * 1024) << parameter;
        }
        service_.stop();
    }
}

// Catches: a reply with a field missing or out of place in an image.
TEST_F(RunningDriver, AnswersAQuery) {
    ControlDevice device;
    const AEGIS_QUERY_REPLY reply = device.query();
    EXPECT_EQ(reply.Version, AEGIS_CONTROL_VERSION);
    EXPECT_EQ(reply.Bytes, sizeof(AEGIS_QUERY_REPLY));
    EXPECT_EQ(reply.DriverVersion, AEGIS_VERSION_MAJOR << 24 | AEGIS_VERSION_MINOR << 16 | AEGIS_VERSION_PATCH);
    EXPECT_EQ(reply.State, AEGIS_RING_RUNNING);
    EXPECT_EQ(reply.HeaderBytes, AEGIS_RING_HEADER_BYTES);
    EXPECT_EQ(reply.CellBytes, AEGIS_CELL_BYTES);
    EXPECT_EQ(reply.CellCount, (AEGIS_RING_KIB_DEFAULT - 4) * 1024 / AEGIS_CELL_BYTES);
    EXPECT_EQ(reply.Handles, 1U);
    EXPECT_EQ(reply.Published, 0U);
    EXPECT_EQ(reply.HeadBytes, AEGIS_QUERY_HEAD_BYTES);
    EXPECT_EQ(reply.CallbackRows.Offset, offsetof(AEGIS_QUERY_REPLY, Callbacks));
    EXPECT_EQ(reply.CallbackRows.RowBytes, sizeof(AEGIS_CALLBACK_HEALTH));
    EXPECT_EQ(reply.Callbacks[0].Kind, AEGIS_CALLBACK_PROCESS);
    EXPECT_EQ(reply.Callbacks[0].Registered, 1U);
    // Wine has no PsSetCreateProcessNotifyRoutineEx2, and no PsSetCreateThreadNotifyRoutineEx.
    EXPECT_EQ(reply.Callbacks[0].Flags, AEGIS_CALLBACK_NO_SUBSYSTEMS);
    EXPECT_EQ(reply.Callbacks[1].Kind, AEGIS_CALLBACK_THREAD);
    EXPECT_EQ(reply.Callbacks[1].Registered, 1U);
    EXPECT_EQ(reply.Callbacks[1].Flags, AEGIS_CALLBACK_NO_SUBSYSTEMS);
    EXPECT_EQ(reply.Callbacks[2].Kind, AEGIS_CALLBACK_IMAGE);
    EXPECT_EQ(reply.Callbacks[2].Registered, 1U);
    ASSERT_GE(reply.CallbackRows.Count, 2U);
    ASSERT_LT(reply.CallbackRows.Count, AEGIS_MAX_CALLBACKS);
    const AEGIS_CALLBACK_HEALTH& owner_exit = reply.Callbacks[reply.CallbackRows.Count - 1];
    EXPECT_EQ(owner_exit.Kind, AEGIS_CALLBACK_OWNER_EXIT);
    EXPECT_EQ(owner_exit.Registered, 1U);
    EXPECT_EQ(reply.Callbacks[reply.CallbackRows.Count].Kind, 0U);
    EXPECT_EQ(reply.Consumers[0].Transport, 0U);
}

// Catches: a pull that fails, blocks or invents events when nothing is queued.
TEST_F(RunningDriver, PullsNothingWhenNothingIsQueued) {
    ControlDevice device;
    const ControlReply reply = device.control(AEGIS_IOCTL_GET_EVENTS, {}, kPullBytes);
    EXPECT_EQ(reply.status, kStatusSuccess);
    EXPECT_EQ(reply.data.size(), 0U);
}

// Catches: a handle that is not forgotten when it is closed.
TEST_F(RunningDriver, CountsOpenHandles) {
    ControlDevice device;
    {
        ControlDevice second;
        EXPECT_EQ(device.query().Handles, 2U);
    }
    // Wine tells the driver of a closed handle some time after CloseHandle has returned.
    for (int poll = 0; poll < 100 && device.query().Handles != 1; ++poll) {
        Sleep(100);
    }
    EXPECT_EQ(device.query().Handles, 1U);
}

// Catches: a major function without a routine, which would call into nothing.
TEST_F(RunningDriver, RefusesToBeReadOrWritten) {
    ControlDevice device;
    char byte = 0;
    DWORD done = 0;
    EXPECT_FALSE(ReadFile(device.handle(), &byte, 1, &done, nullptr));
    EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_FUNCTION));
    EXPECT_FALSE(WriteFile(device.handle(), &byte, 1, &done, nullptr));
    EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_FUNCTION));
}

// A request that is wrong in one way.
struct Malformed {
    const char* what;
    std::uint32_t code;
    std::vector<std::byte> request;
    std::size_t reply_bytes;
    std::uint32_t status;
};

template <class Request>
std::vector<std::byte> bytes_of(const Request& request, std::size_t length = sizeof(Request)) {
    std::vector<std::byte> bytes(length);
    std::memcpy(bytes.data(), &request, std::min(length, sizeof(request)));
    return bytes;
}

template <class Request>
void add_header_mistakes(std::uint32_t code, std::size_t reply_bytes, std::vector<Malformed>* cases) {
    const auto good = request<Request>();
    auto version = good;
    version.Header.Version = AEGIS_CONTROL_VERSION + 1;
    auto length = good;
    length.Header.Bytes = sizeof(Request) + 1;
    cases->push_back({"empty", code, {}, reply_bytes, kStatusInfoLengthMismatch});
    cases->push_back({"short", code, bytes_of(good, sizeof(Request) - 1), reply_bytes, kStatusInfoLengthMismatch});
    cases->push_back({"long", code, bytes_of(good, sizeof(Request) + 1), reply_bytes, kStatusInvalidParameter});
    cases->push_back(
        {"too long", code, bytes_of(good, AEGIS_REQUEST_ROOM + 1), reply_bytes, kStatusInfoLengthMismatch});
    cases->push_back({"other version", code, bytes_of(version), reply_bytes, kStatusRevisionMismatch});
    cases->push_back({"wrong Bytes", code, bytes_of(length), reply_bytes, kStatusInvalidParameter});
}

std::vector<Malformed> malformed_requests() {
    std::vector<Malformed> cases;
    add_header_mistakes<AEGIS_QUERY_REQUEST>(AEGIS_IOCTL_QUERY, sizeof(AEGIS_QUERY_REPLY), &cases);
    add_header_mistakes<AEGIS_RING_SETUP_REQUEST>(AEGIS_IOCTL_RING_SETUP, sizeof(AEGIS_RING_SETUP_REPLY), &cases);
    add_header_mistakes<AEGIS_RING_TEARDOWN_REQUEST>(AEGIS_IOCTL_RING_TEARDOWN, 0, &cases);

    const auto query = bytes_of(request<AEGIS_QUERY_REQUEST>());
    const auto setup = bytes_of(request<AEGIS_RING_SETUP_REQUEST>());
    auto reserved = request<AEGIS_RING_SETUP_REQUEST>();
    reserved.Reserved = 1;
    cases.push_back({"short reply", AEGIS_IOCTL_QUERY, query, sizeof(AEGIS_QUERY_REPLY) - 1, kStatusBufferTooSmall});
    cases.push_back(
        {"short reply", AEGIS_IOCTL_RING_SETUP, setup, sizeof(AEGIS_RING_SETUP_REPLY) - 1, kStatusBufferTooSmall});
    cases.push_back({"reserved field", AEGIS_IOCTL_RING_SETUP, bytes_of(reserved), sizeof(AEGIS_RING_SETUP_REPLY),
                     kStatusInvalidParameter});
    cases.push_back({"teardown without setup", AEGIS_IOCTL_RING_TEARDOWN,
                     bytes_of(request<AEGIS_RING_TEARDOWN_REQUEST>()), 0, kStatusNotFound});
    cases.push_back({"short buffer", AEGIS_IOCTL_GET_EVENTS, {}, AEGIS_MAX_EVENT_SIZE - 1, kStatusBufferTooSmall});
    cases.push_back({"no buffer", AEGIS_IOCTL_GET_EVENTS, {}, 0, kStatusBufferTooSmall});
    cases.push_back({"unknown code", AEGIS_IOCTL_QUERY + 4, {}, kPullBytes, kStatusInvalidDeviceRequest});
    return cases;
}

// Catches: a check that is missing, out of order or answers with another status; a refused request that has an effect.
TEST_F(RunningDriver, RefusesMalformedRequestsAndChangesNothing) {
    ControlDevice device;
    for (const Malformed& wrong : malformed_requests()) {
        const ControlReply reply = device.control(wrong.code, wrong.request, wrong.reply_bytes);
        EXPECT_EQ(reply.status, wrong.status) << std::hex << wrong.code << ' ' << wrong.what;
    }
    const AEGIS_QUERY_REPLY after = device.query();
    EXPECT_EQ(after.Handles, 1U);
    EXPECT_EQ(after.Published, 0U);
    EXPECT_EQ(after.Consumers[0].Transport, 0U);
}

// Wine cannot take a reference to a client's event, nor map driver memory into a client. Catches: a setup that crashes
// there, or leaves half a consumer behind.
TEST_F(RunningDriver, FailsRingSetupCleanlyWhereNothingCanBeMapped) {
    ControlDevice device;
    auto setup = request<AEGIS_RING_SETUP_REQUEST>();
    setup.EventHandle = reinterpret_cast<std::uintptr_t>(CreateEventA(nullptr, TRUE, FALSE, nullptr));
    const ControlReply reply = device.send(AEGIS_IOCTL_RING_SETUP, setup, sizeof(AEGIS_RING_SETUP_REPLY));
    EXPECT_EQ(reply.status, kStatusNotImplemented);
    EXPECT_EQ(device.query().Consumers[0].Transport, 0U);
    EXPECT_EQ(device.send(AEGIS_IOCTL_RING_TEARDOWN, request<AEGIS_RING_TEARDOWN_REQUEST>(), 0).status,
              kStatusNotFound);
    CloseHandle(reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(setup.EventHandle)));
}

}  // namespace
}  // namespace aegis::windows_test
