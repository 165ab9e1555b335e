// Requests to a device that does not answer: a pipe whose other end says nothing.
#include "agent/client/win32/driver_requests.hpp"

#include <gtest/gtest.h>
#include <winioctl.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>

#include "agent/client/win32/opening.hpp"

namespace aegis {
namespace {

using client::DriverReply;
using client::DriverRequests;
using client::UniqueHandle;
using std::chrono::milliseconds;

// Writes a message and waits for the one that comes back. (winioctl.h of mingw lacks it.)
constexpr DWORD kTransceive = CTL_CODE(FILE_DEVICE_NAMED_PIPE, 5, METHOD_NEITHER, FILE_READ_DATA | FILE_WRITE_DATA);

class Requests : public ::testing::Test {
  protected:
    void SetUp() override {
        const std::wstring name = LR"(\\.\pipe\aegis-requests-)" + std::to_wstring(GetCurrentProcessId());
        server_.reset(CreateNamedPipeW(name.c_str(), PIPE_ACCESS_DUPLEX,
                                       PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT, 1, 4096, 4096, 0,
                                       nullptr));
        ASSERT_TRUE(server_);
        client::Opened opened = client::open_overlapped(name, {interrupt_.get()}, std::chrono::seconds(30));
        ASSERT_EQ(opened.error, DWORD{ERROR_SUCCESS});
        device_ = std::move(opened.handle);
        DWORD mode = PIPE_READMODE_MESSAGE;
        ASSERT_TRUE(SetNamedPipeHandleState(device_.get(), &mode, nullptr, nullptr));
    }

    DriverReply ask(DriverRequests& requests, std::chrono::nanoseconds limit) {
        const std::array<std::byte, 4> question = {};
        return requests.control(kTransceive, question, reply_, limit, false);
    }

    // The other end: takes one message and answers it.
    void answer() {
        std::array<char, 16> question;
        DWORD bytes = 0;
        ASSERT_TRUE(ReadFile(server_.get(), question.data(), question.size(), &bytes, nullptr));
        ASSERT_TRUE(WriteFile(server_.get(), "yes", 3, &bytes, nullptr));
    }

    UniqueHandle interrupt_{CreateEventW(nullptr, TRUE, FALSE, nullptr)};
    UniqueHandle server_;
    UniqueHandle device_;
    std::array<std::byte, 16> reply_{};
};

// Catches: a request without an end; this test would not end either.
TEST_F(Requests, OneThatNobodyAnswersEndsAtItsLimit) {
    DriverRequests requests(device_.get(), {interrupt_.get()}, milliseconds(1));
    EXPECT_EQ(ask(requests, milliseconds(20)).error, DriverRequests::kNoAnswer);
}

// Catches: an interrupt that is not waited for, and a grace that is granted again for every request.
TEST_F(Requests, AnInterruptEndsIt) {
    constexpr auto kForEver = std::chrono::hours(24);
    DriverRequests requests(device_.get(), {interrupt_.get()}, milliseconds(20));
    SetEvent(interrupt_.get());
    EXPECT_EQ(ask(requests, kForEver).error, DriverRequests::kInterrupted);
    EXPECT_EQ(ask(requests, kForEver).error, DriverRequests::kInterrupted);
}

// Catches: an answer that comes to a request that was interrupted, and is dropped within its grace.
TEST_F(Requests, AnAnswerCountsAlsoAfterAnInterrupt) {
    DriverRequests requests(device_.get(), {interrupt_.get()}, std::chrono::seconds(30));
    SetEvent(interrupt_.get());
    std::jthread other([this] { answer(); });
    const DriverReply reply = ask(requests, std::chrono::seconds(30));
    EXPECT_EQ(reply.error, DWORD{ERROR_SUCCESS});
    ASSERT_EQ(reply.bytes, 3U);
    EXPECT_EQ(std::memcmp(reply_.data(), "yes", 3), 0);
}

// Catches: the answer to a request that was given up taken for the answer to the next.
TEST_F(Requests, WhatWasGivenUpIsOver) {
    DriverRequests requests(device_.get(), {interrupt_.get()}, milliseconds(1));
    EXPECT_EQ(ask(requests, milliseconds(20)).error, DriverRequests::kNoAnswer);
    const DriverReply refused = requests.control(CTL_CODE(FILE_DEVICE_UNKNOWN, 0x999, METHOD_BUFFERED, FILE_ANY_ACCESS),
                                                 {}, reply_, std::chrono::seconds(30), false);
    EXPECT_NE(refused.error, DWORD{ERROR_SUCCESS});
    EXPECT_NE(refused.error, DriverRequests::kNoAnswer);
    EXPECT_EQ(refused.bytes, 0U);
}

TEST_F(Requests, OpeningWhatIsNotThereFailsAsTheSystemSays) {
    const client::Opened opened =
        client::open_overlapped(LR"(\\.\NoSuchDeviceOfAegis)", {interrupt_.get()}, std::chrono::seconds(30));
    EXPECT_FALSE(opened.handle);
    EXPECT_EQ(opened.error, DWORD{ERROR_FILE_NOT_FOUND});
}

}  // namespace
}  // namespace aegis
