// Readers over arbitrary bytes that also change while they are read. Whatever the bytes are: no access outside the
// region, a bounded number of accesses per read, a cursor that only advances, and no event larger than what was read.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/consumer_group.hpp"
#include "aegis/ring/region.hpp"
#include "fuzz/byte_source.hpp"
#include "support/hooked_atomics.hpp"
#include "support/zeroed_region.hpp"

namespace aegis::test {
namespace {

using ring::ReadStatus;

void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "%s\n", what);
        std::abort();
    }
}

// Numbers on the edges of the protocol, so that the fuzzer need not find 64-bit values byte by byte.
std::uint64_t take_number(ByteSource& input) {
    const auto small = input.take<std::uint8_t>();
    switch (input.below(5)) {
        case 0:
            return small;
        case 1:
            return ring::kTicketLimit - small;
        case 2:
            return UINT64_MAX - small;
        case 3:
            return std::uint64_t{1} << small % 64U;
        default:
            return input.take<std::uint64_t>();
    }
}

class Arena {
  public:
    Arena(ByteSource& input, std::size_t bytes) : input_(&input), region_(bytes) {
        ring::format_region(region_.data(), kCells, kSessionA);
        for (std::size_t writes = input.below(32); writes > 0; --writes) {
            write();
        }
    }

    // One word of the region becomes another: mostly one of those that decide something.
    void write() {
        std::size_t offset = input_->take<std::uint16_t>() % region_.size() / 8 * 8;
        switch (input_->below(4)) {
            case 0:
                offset = input_->below(sizeof(AEGIS_RING_HEADER)) / 8 * 8;
                break;
            case 1:
            case 2:
                offset = AEGIS_RING_HEADER_BYTES + input_->below(kCells) * AEGIS_CELL_BYTES + input_->below(3) * 8;
                break;
            default:
                break;
        }
        const std::uint64_t value = take_number(*input_);
        std::memcpy(region_.data() + offset, &value, sizeof(value));
    }

    ring::OpenedRegion<HookedAtomics> open() {
        ring::OpenedRegion<HookedAtomics> opened;
        guarded(sizeof(AEGIS_RING_IDENTITY) / 8,
                [&] { opened = ring::open_region<HookedAtomics>(region_.data(), region_.size()); });
        require(ring::check_region(region_.data(), AEGIS_RING_HEADER_BYTES - 1) == ring::RegionError::kTooSmall,
                "a region without a whole header was accepted");
        return opened;
    }

    // Runs `read` with every address checked and, while there is input, with a write before some accesses. Gives how
    // many accesses it made.
    template <class Read>
    std::size_t guarded(std::size_t most, Read&& read, std::size_t words_outside = 0) {
        std::size_t inside = 0;
        std::size_t outside = 0;
        const AccessHook hook([&](const Access& access) {
            const auto* byte = static_cast<const std::byte*>(access.word);
            if (byte == nullptr) {
                return;
            }
            if (byte >= region_.data() && byte + sizeof(std::uint64_t) <= region_.data() + region_.size()) {
                require(access.op == Op::kLoad, "a reader wrote to shared memory");
                require(++inside <= most, "a read that does not end");
            } else {
                require(++outside <= words_outside, "an access outside the region");
            }
            if (!input_->empty() && input_->below(8) == 0) {
                write();
            }
        });
        read();
        return inside;
    }

  private:
    static constexpr std::size_t kCells = 7;

    ByteSource* input_;
    ZeroedRegion region_;
};

// Per try: two looks, the ticket, every word of the largest event, the newest position and the search from there.
constexpr std::size_t kMostCells = AEGIS_RING_EVENT_BYTES / (sizeof(AEGIS_EVENT_HEADER));
constexpr std::size_t kMostLoads =
    (ring::detail::kMostTries + 1) * (4 + ring::EventBuffer::kCapacityWords + 3 * kMostCells);

// What one member tries at most.
constexpr std::size_t kMostGroupTries = 256;

void check_event(const ring::EventBuffer& event, ring::Ticket cursor, std::size_t loads) {
    require(event.ticket() == cursor, "an event of another ticket");
    require(event.size() >= sizeof(AEGIS_EVENT_HEADER) && event.size() <= ring::EventBuffer::kCapacity,
            "an event of an impossible size");
    require(event.size() <= (loads - 3) * 8, "more was reported than was read");
}

void read_with_a_consumer(Arena& arena, ByteSource& input, const ring::RingMemory<HookedAtomics>& memory) {
    const ring::Position place = take_number(input);
    const ring::Ticket start = take_number(input) % ring::kTicketLimit;
    ring::Consumer<HookedAtomics> consumer(memory, {place, start});
    ring::EventBuffer event;
    for (std::size_t reads = input.below(64); reads > 0; --reads) {
        const ring::Ticket cursor = consumer.cursor();
        ReadStatus status = ReadStatus::kEmpty;
        const std::size_t loads = arena.guarded(kMostLoads, [&] { status = consumer.read(event); });
        if (status == ReadStatus::kEvent) {
            check_event(event, cursor, loads);
        }
        require((status == ReadStatus::kEmpty) == (consumer.cursor() == cursor), "a cursor that stood still or ran");
        require(consumer.cursor() >= cursor, "a cursor that went back");
        require(consumer.delivered() + consumer.lost() == consumer.cursor() - start, "counts that do not add up");
    }

    // Bytes that stand still come to an end: at most one event begins in each cell, and is told as a loss and
    // delivered.
    const std::uint64_t most = 2 * (memory.cell_count() + 1);
    for (std::uint64_t reads = 0; consumer.read(event) != ReadStatus::kEmpty; ++reads) {
        require(reads < most, "unchanging bytes that never end");
    }
}

void read_with_a_group(Arena& arena, ByteSource& input, const ring::RingMemory<HookedAtomics>& memory) {
    const ring::Position place = take_number(input);
    const ring::Ticket start = take_number(input) % ring::kTicketLimit;
    ring::ConsumerGroup<HookedAtomics> group(memory, {place, start});
    std::array<ring::GroupMember<HookedAtomics>, 2> members = {ring::GroupMember<HookedAtomics>(group),
                                                               ring::GroupMember<HookedAtomics>(group)};
    ring::EventBuffer event;
    for (std::size_t reads = input.below(64); reads > 0; --reads) {
        ring::GroupMember<HookedAtomics>& member = members[reads % 2];
        const ring::Ticket cursor = group.cursor();
        ReadStatus status = ReadStatus::kEmpty;
        // Per try the group's two words are loaded and changed once each.
        const std::size_t loads = arena.guarded(
            kMostGroupTries * kMostLoads, [&] { status = member.read(event); }, std::size_t{4} * kMostGroupTries);
        if (status == ReadStatus::kEvent) {
            check_event(event, cursor, loads);
        }
        require((status == ReadStatus::kEmpty) == (group.cursor() == cursor), "a cursor that stood still or ran");
        require(members[0].delivered() + members[0].lost() + members[1].delivered() + members[1].lost() ==
                    group.cursor() - start,
                "counts that do not add up");
    }
}

// Finding a place to start reads a bounded number of words and gives one that a reader can start from.
void attach(Arena& arena, const ring::RingMemory<HookedAtomics>& memory) {
    for (int kind = 0; kind < 3; ++kind) {
        ring::Beginning start;
        arena.guarded(kMostLoads, [&] {
            start = kind == 0   ? ring::next_event(memory)
                    : kind == 1 ? ring::oldest_event(memory)
                                : ring::oldest_event(memory, ring::Headroom::kSome);
        });
        require(start.ticket <= ring::kTicketLimit, "a start behind the last ticket");
        ring::Consumer<HookedAtomics> consumer(memory, start);
        ring::EventBuffer event;
        arena.guarded(kMostLoads, [&] { consumer.read(event); });
        require(consumer.delivered() + consumer.lost() == consumer.cursor() - start.ticket,
                "counts that do not add up");
    }
}

void run(ByteSource& input) {
    const std::size_t pages = 2 + input.below(2);
    Arena arena(input, pages * AEGIS_PAGE);
    const ring::OpenedRegion<HookedAtomics> opened = arena.open();
    if (opened.error != ring::RegionError::kNone) {
        return;
    }
    read_with_a_consumer(arena, input, opened.memory);
    read_with_a_group(arena, input, opened.memory);
    attach(arena, opened.memory);
}

}  // namespace
}  // namespace aegis::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    aegis::test::ByteSource input(data, bytes);
    aegis::test::run(input);
    return 0;
}
