// What the driver hands out holds nothing that it did not mean to: no byte of a reply and no byte of a mapped page
// depends on what memory held before.
//
// Everything is done twice, with fresh pool, system buffers and the kernel stack filled with one value and then with
// another. A byte that differs was never written by the driver.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "aegis/ring/atomics.hpp"
#include "aegis/ring/cell_copy.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kEvents = 64;
constexpr std::array<unsigned char, 2> kPoisons{0x5B, 0xA4};
// What output buffers hold when they are sent.
constexpr std::byte kUntouched{0x77};

struct Reply {
    NTSTATUS status;
    std::size_t information;
    std::vector<std::byte> output;
};

class Disclosure : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    }

    // A request whose output buffer has room for 100 bytes more than the reply.
    Reply send(Client& client, ULONG code, std::span<const std::byte> input, std::size_t reply_bytes) {
        Reply reply{STATUS_SUCCESS, 0, std::vector<std::byte>(reply_bytes + 100, kUntouched)};
        const host::IoResult io = client.control(code, input, reply.output);
        reply.status = io.status;
        reply.information = io.information;
        const auto rest = reply.output.begin() + static_cast<std::ptrdiff_t>(io.information);
        EXPECT_EQ(std::count(rest, reply.output.end(), kUntouched), reply.output.end() - rest)
            << "bytes beyond Information were written";
        return reply;
    }

    TestHost host_;
    Activity activity_{host_};
    Client client_{host_};
};

// Catches: the reply not zeroed, a row filled in part (describe() of consumers and callbacks).
TEST_F(Disclosure, TheQueryReplyIsWrittenToItsLastByte) {
    Client pulls(host_);
    Client maps(host_);
    activity_.come_and_go(3);
    ASSERT_EQ(pulls.open(), STATUS_SUCCESS);
    ASSERT_EQ(pulls.pull(1 << 14).status, STATUS_SUCCESS);
    ASSERT_EQ(maps.open(), STATUS_SUCCESS);
    ASSERT_EQ(maps.setup().status, STATUS_SUCCESS);
    std::vector<Reply> replies;
    for (const unsigned char poison : kPoisons) {
        host_->poison_with(poison);
        replies.push_back(
            send(client_, AEGIS_IOCTL_QUERY, bytes_of(make_request<AEGIS_QUERY_REQUEST>()), sizeof(AEGIS_QUERY_REPLY)));
        EXPECT_EQ(replies.back().status, STATUS_SUCCESS);
        EXPECT_EQ(replies.back().information, sizeof(AEGIS_QUERY_REPLY));
    }
    EXPECT_EQ(replies[0].output, replies[1].output);
}

// Catches: a field that is not filled in a reply that is not cleared.
TEST_F(Disclosure, TheSetupReplyIsWrittenToItsLastByte) {
    auto request = make_request<AEGIS_RING_SETUP_REQUEST>();
    request.EventHandle = client_.create_event().handle;
    std::vector<AEGIS_RING_SETUP_REPLY> replies;
    for (const unsigned char poison : kPoisons) {
        host_->poison_with(poison);
        const Reply reply = send(client_, AEGIS_IOCTL_RING_SETUP, bytes_of(request), sizeof(AEGIS_RING_SETUP_REPLY));
        ASSERT_EQ(reply.status, STATUS_SUCCESS);
        ASSERT_EQ(reply.information, sizeof(AEGIS_RING_SETUP_REPLY));
        std::memcpy(&replies.emplace_back(), reply.output.data(), sizeof(AEGIS_RING_SETUP_REPLY));
        // The two fields that may differ are where the process really has its mappings.
        const std::vector<host::UserMapping> mappings = client_.mappings();
        ASSERT_EQ(mappings.size(), 2U);
        for (std::uint64_t* address : {&replies.back().RingAddress, &replies.back().ConsumerPageAddress}) {
            EXPECT_TRUE(mappings[0].address == *address || mappings[1].address == *address);
            *address = 0;
        }
        const Reply none =
            send(client_, AEGIS_IOCTL_RING_TEARDOWN, bytes_of(make_request<AEGIS_RING_TEARDOWN_REQUEST>()), 0);
        ASSERT_EQ(none.status, STATUS_SUCCESS);
        EXPECT_EQ(none.information, 0U);
    }
    EXPECT_EQ(std::memcmp(&replies[0], &replies[1], sizeof(replies[0])), 0);
}

// Events of every kind in their full form, which is longer than what the ring holds of them.
// Catches: the tail of write_event() not cleared.
TEST_F(Disclosure, APullHoldsNothingBehindAnEventsPath) {
    for (std::uint32_t i = 0; i < kEvents / 4; ++i) {
        activity_.create(kFirstFreePid + i, std::u16string(std::size_t{i} * 33, u'p'));
        activity_.exit(kFirstFreePid + i);
    }
    activity_.create(kFirstFreePid + kEvents, std::nullopt);
    std::array<Client, kPoisons.size()> readers{Client(host_), Client(host_)};
    std::vector<Reply> replies;
    for (std::size_t i = 0; i < kPoisons.size(); ++i) {
        host_->poison_with(kPoisons[i]);
        ASSERT_EQ(readers[i].open(), STATUS_SUCCESS);
        const std::size_t room = std::size_t{2} * kEvents * AEGIS_MAX_EVENT_SIZE;
        replies.push_back(send(readers[i], AEGIS_IOCTL_GET_EVENTS, {}, room));
        EXPECT_EQ(replies.back().status, STATUS_SUCCESS);
        EXPECT_EQ(replies.back().information,
                  (kEvents / 2 + 1) * (AEGIS_PROCESS_EVENT_SIZE + AEGIS_DETAILS_EVENT_SIZE));
    }
    EXPECT_EQ(replies[0].output, replies[1].output);
}

// Every way in which each request is refused writes no byte at all.
TEST_F(Disclosure, ARefusalHoldsNothing) {
    struct Refused {
        ULONG code;
        std::vector<std::byte> input;
        std::size_t room;
        NTSTATUS status;
    };
    const auto copy = [](const auto& request) {
        const auto bytes = bytes_of(request);
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    };
    auto setup = make_request<AEGIS_RING_SETUP_REQUEST>();
    setup.EventHandle = client_.create_event().handle;
    auto reserved = setup;
    reserved.Reserved = 1;
    auto no_event = setup;
    no_event.EventHandle = 0;
    auto no_version = make_request<AEGIS_QUERY_REQUEST>();
    no_version.Header.Version = 0;
    auto no_bytes = make_request<AEGIS_RING_TEARDOWN_REQUEST>();
    no_bytes.Header.Bytes = 0;
    const std::vector<Refused> requests{
        {AEGIS_IOCTL_GET_EVENTS, {}, AEGIS_MAX_EVENT_SIZE - 1, STATUS_BUFFER_TOO_SMALL},
        {AEGIS_IOCTL_RING_SETUP, copy(setup), sizeof(AEGIS_RING_SETUP_REPLY) - 1, STATUS_BUFFER_TOO_SMALL},
        {AEGIS_IOCTL_RING_SETUP, copy(reserved), 4096, STATUS_INVALID_PARAMETER},
        {AEGIS_IOCTL_RING_SETUP, copy(no_event), 4096, STATUS_INVALID_HANDLE},
        {AEGIS_IOCTL_RING_SETUP, {}, 4096, STATUS_INFO_LENGTH_MISMATCH},
        {AEGIS_IOCTL_RING_TEARDOWN, copy(make_request<AEGIS_RING_TEARDOWN_REQUEST>()), 4096, STATUS_NOT_FOUND},
        {AEGIS_IOCTL_RING_TEARDOWN, copy(no_bytes), 4096, STATUS_INVALID_PARAMETER},
        {AEGIS_IOCTL_QUERY, copy(make_request<AEGIS_QUERY_REQUEST>()), sizeof(AEGIS_QUERY_REPLY) - 1,
         STATUS_BUFFER_TOO_SMALL},
        {AEGIS_IOCTL_QUERY, copy(no_version), 8192, STATUS_REVISION_MISMATCH},
        {AEGIS_IOCTL_QUERY + 4, {}, 8192, STATUS_INVALID_DEVICE_REQUEST},
    };
    for (const unsigned char poison : kPoisons) {
        host_->poison_with(poison);
        for (const Refused& request : requests) {
            std::vector<std::byte> output(request.room, kUntouched);
            const host::IoResult io = client_.control(request.code, request.input, output);
            EXPECT_EQ(io.status, request.status) << std::hex << request.code;
            EXPECT_EQ(io.information, 0U) << std::hex << request.code;
            EXPECT_EQ(output, std::vector<std::byte>(request.room, kUntouched)) << std::hex << request.code;
        }
    }
}

// The pages a consumer maps, after its setup and after each event.
class MappedPages {
  public:
    explicit MappedPages(const AEGIS_RING_SETUP_REPLY& setup)
        : ring_(reinterpret_cast<const std::byte*>(setup.RingAddress), setup.RingBytes),
          page_(reinterpret_cast<const std::byte*>(setup.ConsumerPageAddress), setup.ConsumerPageBytes) {}

    std::span<const std::byte> ring() const { return ring_; }
    std::span<const std::byte> consumer_page() const { return page_; }
    std::span<const std::byte> cells() const {
        return ring_.subspan(AEGIS_RING_HEADER_BYTES, std::size_t{kSmallRingCells} * AEGIS_CELL_BYTES);
    }
    std::span<const std::byte> behind_cells() const {
        return ring_.subspan(AEGIS_RING_HEADER_BYTES + std::size_t{kSmallRingCells} * AEGIS_CELL_BYTES);
    }
    ring::Position newest() const {
        ring::Position position = 0;
        std::memcpy(&position, ring_.data() + offsetof(AEGIS_RING_HEADER, Newest), sizeof(position));
        return position;
    }

  private:
    std::span<const std::byte> ring_;
    std::span<const std::byte> page_;
};

bool all_zero(std::span<const std::byte> bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte value) { return value == std::byte{0}; });
}

std::size_t cell_at(ring::Position position) {
    return position % kSmallRingCells * AEGIS_CELL_BYTES;
}

// Of the event that begins there.
std::uint16_t size_at(std::span<const std::byte> cells, ring::Position first) {
    std::uint16_t size = 0;
    std::memcpy(&size, cells.data() + cell_at(first) + AEGIS_CELL_HEADER_BYTES, sizeof(size));
    return size;
}

std::size_t cells_of(std::uint16_t size) {
    return (size + AEGIS_CELL_DATA_BYTES - 1) / AEGIS_CELL_DATA_BYTES;
}

// Takes over to `expected` what may have changed when the event was published that begins at `first`.
void expect_event(std::span<const std::byte> cells, ring::Position first, std::vector<std::byte>& expected) {
    const std::uint16_t size = size_at(cells, first);
    ASSERT_LE(size, AEGIS_RING_EVENT_BYTES);
    for (std::size_t i = 0; i * AEGIS_CELL_DATA_BYTES < size; ++i) {
        const std::size_t cell = cell_at(first + i);
        const std::size_t piece = std::min<std::size_t>(size - i * AEGIS_CELL_DATA_BYTES, AEGIS_CELL_DATA_BYTES);
        // The ticket is written where the event begins only.
        const std::size_t head = i == 0 ? AEGIS_CELL_HEADER_BYTES : sizeof(std::uint64_t);
        std::memcpy(expected.data() + cell, cells.data() + cell, head);
        const std::span<const std::byte> data = cells.subspan(cell + AEGIS_CELL_HEADER_BYTES);
        std::byte* const expected_data = expected.data() + cell + AEGIS_CELL_HEADER_BYTES;
        std::memcpy(expected_data, data.data(), piece);
        // A copy by words fills the last one with zeros, a copy by vectors ends with the event: the driver under test
        // may be an image that was compiled otherwise than this test.
        constexpr std::size_t kWord = sizeof(std::uint64_t);
        const std::size_t tail = (piece + kWord - 1) / kWord * kWord - piece;
        if (all_zero(data.subspan(piece, tail))) {
            std::memset(expected_data + piece, 0, tail);
        }
    }
}

// Publishes a process event with its details and looks at the cells: everything but the two, the marks of their cells
// and zeros to the end of the last word of each is what was there before.
template <class Publish>
void expect_nothing_behind(const MappedPages& pages, std::uint64_t& ticket, Publish publish) {
    const std::span<const std::byte> cells = pages.cells();
    const ring::Position before = pages.newest();
    const ring::Position details = ticket == 0 ? 0 : before + cells_of(size_at(cells, before));
    std::vector<std::byte> expected(cells.begin(), cells.end());
    publish();
    EXPECT_EQ(details + cells_of(size_at(cells, details)), pages.newest());
    expect_event(cells, details, expected);
    expect_event(cells, pages.newest(), expected);
    EXPECT_EQ(std::memcmp(cells.data(), expected.data(), expected.size()), 0)
        << "ticket " << ticket << ", sizes " << size_at(cells, details) << ", " << size_at(cells, pages.newest());
    ticket += 2;
}

// Everything a consumer of a fresh driver can see, after events of all sizes and many laps.
std::vector<std::byte> everything_mapped(unsigned char poison) {
    // Without start keys, which are never the same twice.
    host::ExecutiveOptions options;
    options.other_exports["PsGetProcessStartKey"] = nullptr;
    TestHost host(std::move(options));
    host->poison_with(poison);
    EXPECT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    EXPECT_EQ(client.open(), STATUS_SUCCESS);
    const SetupResult setup = client.setup();
    EXPECT_EQ(setup.status, STATUS_SUCCESS);
    const MappedPages pages(setup.reply);
    EXPECT_TRUE(all_zero(pages.ring().subspan(sizeof(AEGIS_RING_HEADER)))) << "an empty ring";

    Activity activity(host);
    std::uint64_t ticket = 0;
    // Up to more than is reported; 211 shares no factor with it, so that every length comes once.
    constexpr std::uint32_t kLengths = AEGIS_MAX_PATH + 8;
    for (std::uint32_t i = 0; i < kLengths; ++i) {
        const std::u16string path(i * 211 % kLengths, u'p');
        const std::uint32_t pid = kFirstFreePid + i;
        expect_nothing_behind(pages, ticket, [&] { activity.create(pid, path); });
        expect_nothing_behind(pages, ticket, [&] { activity.exit(pid); });
    }
    expect_nothing_behind(pages, ticket, [&] { activity.create(kFirstFreePid, std::nullopt); });
    EXPECT_EQ(client.query().reply->Published, ticket);

    EXPECT_TRUE(
        all_zero(pages.ring().subspan(sizeof(AEGIS_RING_HEADER), AEGIS_RING_HEADER_BYTES - sizeof(AEGIS_RING_HEADER))));
    EXPECT_TRUE(all_zero(pages.behind_cells()));
    std::uint64_t wake_at = 0;
    std::memcpy(&wake_at, pages.consumer_page().data(), sizeof(wake_at));
    EXPECT_EQ(wake_at, AEGIS_WAKE_NEVER);
    EXPECT_TRUE(all_zero(pages.consumer_page().subspan(sizeof(wake_at))));

    std::vector<std::byte> all(pages.ring().begin(), pages.ring().end());
    // Random, and meant to be seen.
    std::fill_n(all.begin() + offsetof(AEGIS_RING_IDENTITY, SessionId), sizeof(AEGIS_RING_IDENTITY::SessionId),
                std::byte{0});
    return all;
}

// Catches: pool that is not zeroed, of the ring or of the consumer page; an event published with more bytes than it
// has, or with a payload that is not cleared.
TEST(MappedMemory, HoldsNothingButWhatWasPublished) {
    const std::vector<std::byte> first = everything_mapped(kPoisons[0]);
    const std::vector<std::byte> second = everything_mapped(kPoisons[1]);
    ASSERT_EQ(first.size(), second.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
        ASSERT_EQ(first[i], second[i]) << "byte " << i << " of the ring";
    }
}

}  // namespace
}  // namespace aegis::test
