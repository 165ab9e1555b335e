// Every malformed request gets the status that include/aegis/ioctl.h names, writes no output and changes nothing.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

class Malformed : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
        event_ = client_.create_event().handle;
    }

    void TearDown() override {
        // Whatever was refused, the handle is no consumer and still works.
        EXPECT_TRUE(client_.mappings().empty());
        EXPECT_EQ(client_.teardown(), STATUS_NOT_FOUND);
        const SetupResult setup = client_.setup(event_);
        EXPECT_EQ(setup.status, STATUS_SUCCESS);
        EXPECT_EQ(client_.teardown(), STATUS_SUCCESS);
        EXPECT_EQ(client_.protect(), STATUS_SUCCESS) << "a refused request has protected it";
    }

    // Sends it with `output_bytes` of output, none of which may be written.
    NTSTATUS refused(ULONG code, std::span<const std::byte> request, std::size_t output_bytes) {
        std::vector<std::byte> output(output_bytes, std::byte{0x77});
        const host::IoResult io = client_.control(code, request, output);
        EXPECT_EQ(io.information, 0U);
        EXPECT_EQ(output, std::vector<std::byte>(output_bytes, std::byte{0x77}));
        return io.status;
    }

    AEGIS_RING_SETUP_REQUEST setup_request() const {
        auto request = make_request<AEGIS_RING_SETUP_REQUEST>();
        request.EventHandle = event_;
        return request;
    }

    TestHost host_;
    Client client_{host_};
    host::ProcessHandle event_ = 0;
};

struct RequestKind {
    ULONG code;
    std::vector<std::byte> request;
    std::size_t reply_bytes;
};

std::vector<RequestKind> request_kinds(host::ProcessHandle event) {
    const auto copy = [](const auto& request) {
        const auto bytes = bytes_of(request);
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    };
    auto setup = make_request<AEGIS_RING_SETUP_REQUEST>();
    setup.EventHandle = event;
    return {{AEGIS_IOCTL_RING_SETUP, copy(setup), sizeof(AEGIS_RING_SETUP_REPLY)},
            {AEGIS_IOCTL_RING_TEARDOWN, copy(make_request<AEGIS_RING_TEARDOWN_REQUEST>()), 0},
            {AEGIS_IOCTL_QUERY, copy(make_request<AEGIS_QUERY_REQUEST>()), sizeof(AEGIS_QUERY_REPLY)},
            {AEGIS_IOCTL_PROTECT, copy(make_request<AEGIS_PROTECT_REQUEST>()), 0}};
}

TEST_F(Malformed, AnUnknownCode) {
    std::vector<std::byte> input(64);
    for (const ULONG code : {ULONG{0}, 0xFFFFFFFFU, AEGIS_IOCTL_QUERY + 4, AEGIS_IOCTL_GET_EVENTS - 4,
                             // The test build's code, and ours with another method or another access.
                             ULONG{0x22E3C0}, AEGIS_IOCTL_RING_TEARDOWN & ~0xC000U, AEGIS_IOCTL_QUERY | 0x8000U}) {
        EXPECT_EQ(refused(code, input, 8192), STATUS_INVALID_DEVICE_REQUEST) << std::hex << code;
        EXPECT_EQ(refused(code, {}, 0), STATUS_INVALID_DEVICE_REQUEST) << std::hex << code;
    }
}

// Catches: a request that is read beyond its end.
TEST_F(Malformed, ARequestThatIsTooShort) {
    for (const RequestKind& kind : request_kinds(event_)) {
        for (std::size_t bytes = 0; bytes < kind.request.size(); ++bytes) {
            EXPECT_EQ(refused(kind.code, std::span(kind.request).first(bytes), kind.reply_bytes),
                      STATUS_INFO_LENGTH_MISMATCH)
                << std::hex << kind.code << std::dec << " with " << bytes << " bytes";
        }
    }
}

// What a later release appended to a request means nothing while it is zero, and cannot be ignored where it is not.
// Catches: a rest that is not looked at, or not all of it; no limit, or one that the longest request does not pass.
TEST_F(Malformed, ARequestThatIsLongerThanKnown) {
    for (const RequestKind& kind : request_kinds(event_)) {
        const auto grown = [&](std::size_t bytes) {
            std::vector<std::byte> request = kind.request;
            request.resize(bytes);
            const auto said = static_cast<std::uint32_t>(bytes);
            std::memcpy(request.data() + 4, &said, sizeof(said));
            return request;
        };
        for (const std::size_t bytes :
             {kind.request.size() + 1, kind.request.size() + 8, std::size_t{255}, std::size_t{AEGIS_REQUEST_ROOM}}) {
            std::vector<std::byte> output(kind.reply_bytes);
            if (kind.code == AEGIS_IOCTL_RING_TEARDOWN) {
                ASSERT_EQ(client_.setup(event_).status, STATUS_SUCCESS);
            }
            EXPECT_EQ(client_.control(kind.code, grown(bytes), output).status, STATUS_SUCCESS)
                << std::hex << kind.code << std::dec << " with " << bytes << " bytes";
            if (kind.code == AEGIS_IOCTL_RING_SETUP) {
                ASSERT_EQ(client_.teardown(), STATUS_SUCCESS);
            }
            if (kind.code == AEGIS_IOCTL_PROTECT) {
                ASSERT_EQ(client_.close(), STATUS_SUCCESS);
                ASSERT_EQ(client_.open(), STATUS_SUCCESS);
            }
            for (std::size_t at = kind.request.size(); at < bytes; ++at) {
                std::vector<std::byte> request = grown(bytes);
                request[at] = std::byte{0x80};
                EXPECT_EQ(refused(kind.code, request, kind.reply_bytes), STATUS_INVALID_PARAMETER) << "byte " << at;
            }
        }
        for (const std::size_t bytes : {std::size_t{AEGIS_REQUEST_ROOM} + 1, std::size_t{4096}}) {
            EXPECT_EQ(refused(kind.code, grown(bytes), kind.reply_bytes), STATUS_INFO_LENGTH_MISMATCH) << bytes;
        }
    }
}

// An agent of version 1 sends the same requests with another number, and one of a later version may send them with
// other lengths: each is told that it has the wrong version.
// Catches: the length looked at before the version.
TEST_F(Malformed, AnotherVersionOfAnotherLength) {
    for (const RequestKind& kind : request_kinds(event_)) {
        for (const std::uint32_t bytes : {8U, 12U, 24U, 40U, AEGIS_REQUEST_ROOM + 8U}) {
            std::vector<std::byte> request(bytes, std::byte{0x11});
            for (const std::uint32_t version : {1U, 3U}) {
                std::memcpy(request.data(), &version, sizeof(version));
                std::memcpy(request.data() + 4, &bytes, sizeof(bytes));
                EXPECT_EQ(refused(kind.code, request, kind.reply_bytes), STATUS_REVISION_MISMATCH) << bytes;
            }
        }
    }
}

// Catches: a part of the version compared.
TEST_F(Malformed, AnotherVersion) {
    for (RequestKind& kind : request_kinds(event_)) {
        const auto refuse = [&](std::uint32_t version) {
            std::memcpy(kind.request.data(), &version, sizeof(version));
            EXPECT_EQ(refused(kind.code, kind.request, kind.reply_bytes), STATUS_REVISION_MISMATCH) << version;
        };
        for (const std::uint32_t version : {0U, 1U, 3U, 0x02000000U, 0xFFFFFFFFU}) {
            refuse(version);
        }
        for (unsigned bit = 0; bit < 32; ++bit) {
            refuse(AEGIS_CONTROL_VERSION ^ 1U << bit);
        }
    }
}

// Catches: a part of the length compared, or compared from one side.
TEST_F(Malformed, BytesThatDisagreeWithTheLength) {
    for (RequestKind& kind : request_kinds(event_)) {
        const auto right = static_cast<std::uint32_t>(kind.request.size());
        const auto refuse = [&](std::uint32_t bytes) {
            std::memcpy(kind.request.data() + 4, &bytes, sizeof(bytes));
            EXPECT_EQ(refused(kind.code, kind.request, kind.reply_bytes), STATUS_INVALID_PARAMETER) << bytes;
        };
        for (const std::uint32_t bytes : {0U, right - 1, right + 1, 0xFFFFFFFFU}) {
            refuse(bytes);
        }
        for (unsigned bit = 0; bit < 32; ++bit) {
            refuse(right ^ 1U << bit);
        }
    }
}

TEST_F(Malformed, AReservedFieldThatIsNotZero) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        AEGIS_RING_SETUP_REQUEST request = setup_request();
        request.Reserved = std::uint64_t{1} << bit;
        EXPECT_EQ(refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request), 72), STATUS_INVALID_PARAMETER) << bit;
    }
}

TEST_F(Malformed, AReplyThatDoesNotFit) {
    for (const RequestKind& kind : request_kinds(event_)) {
        if (kind.reply_bytes == 0) {
            continue;
        }
        for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, kind.reply_bytes - 1}) {
            EXPECT_EQ(refused(kind.code, kind.request, bytes), STATUS_BUFFER_TOO_SMALL) << std::hex << kind.code;
        }
    }
}

// What is wrong first decides: version, length, Bytes, reserved fields, room for the reply, the event.
TEST_F(Malformed, TheFirstFaultIsReported) {
    AEGIS_RING_SETUP_REQUEST request{};
    EXPECT_EQ(refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request).first(7), 0), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request).first(8), 0), STATUS_REVISION_MISMATCH);
    EXPECT_EQ(refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request), 0), STATUS_REVISION_MISMATCH);
    request.Header.Version = AEGIS_CONTROL_VERSION;
    EXPECT_EQ(refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request).first(8), 0), STATUS_INFO_LENGTH_MISMATCH);
    request.Reserved = 1;
    EXPECT_EQ(refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request), 0), STATUS_INVALID_PARAMETER);
    request.Header.Bytes = sizeof(request);
    EXPECT_EQ(refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request), 0), STATUS_INVALID_PARAMETER);
    request.Reserved = 0;
    EXPECT_EQ(refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request), 0), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request), 72), STATUS_INVALID_HANDLE);
    AEGIS_QUERY_REQUEST query{};
    EXPECT_EQ(refused(AEGIS_IOCTL_QUERY, bytes_of(query).first(4), 0), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(refused(AEGIS_IOCTL_QUERY, bytes_of(query), 0), STATUS_REVISION_MISMATCH);
}

// Catches: the event's type, access or mode not asked for (event_object_type(), EVENT_MODIFY_STATE, UserMode).
TEST_F(Malformed, AnEventHandleThatIsNoUsableEvent) {
    const auto with = [&](std::uint64_t handle) {
        AEGIS_RING_SETUP_REQUEST request = setup_request();
        request.EventHandle = handle;
        return refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request), sizeof(AEGIS_RING_SETUP_REPLY));
    };
    EXPECT_EQ(with(0), STATUS_INVALID_HANDLE);
    EXPECT_EQ(with(event_ + 4000), STATUS_INVALID_HANDLE);
    EXPECT_EQ(with(std::numeric_limits<std::uint64_t>::max() / 2), STATUS_INVALID_HANDLE);
    EXPECT_EQ(with(0xFFFFFFFF80000004U), STATUS_INVALID_HANDLE) << "a kernel handle";
    EXPECT_EQ(with(client_.device()), STATUS_OBJECT_TYPE_MISMATCH);
    EXPECT_EQ(with(static_cast<std::uint64_t>(-1)), STATUS_OBJECT_TYPE_MISMATCH) << "the process itself";

    const host::EventResult closed = client_.create_event();
    ASSERT_EQ(host_->close(client_.process(), closed.handle), STATUS_SUCCESS);
    EXPECT_EQ(with(closed.handle), STATUS_INVALID_HANDLE);

    const host::HandleResult look_only =
        host_->duplicate_handle(client_.process(), event_, client_.process(), EVENT_QUERY_STATE | SYNCHRONIZE);
    ASSERT_EQ(look_only.status, STATUS_SUCCESS);
    EXPECT_EQ(with(look_only.handle), STATUS_ACCESS_DENIED);
}

// A handle means something in its own process only.
TEST_F(Malformed, AnEventHandleOfAnotherProcess) {
    Client other(host_);
    host::ProcessHandle foreign = 0;
    for (int i = 0; i < 20; ++i) {
        foreign = other.create_event().handle;
    }
    AEGIS_RING_SETUP_REQUEST request = setup_request();
    request.EventHandle = foreign;
    EXPECT_EQ(refused(AEGIS_IOCTL_RING_SETUP, bytes_of(request), 72), STATUS_INVALID_HANDLE);
}

}  // namespace
}  // namespace aegis::test
