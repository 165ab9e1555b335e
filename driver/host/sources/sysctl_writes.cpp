#include "driver/host/sources/sysctl_writes.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace aegis::host::sources {
namespace {

std::size_t ring_page_bytes() {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// The kernel maps the records twice, so that none goes round the end.
std::size_t mapped_bytes() {
    return ring_page_bytes() + std::size_t{2} * kSysctlRingBytes;
}

std::uint64_t& word_at(std::byte* page) {
    return *reinterpret_cast<std::uint64_t*>(page);
}

// A text of the kernel's, of which `result` says how long it is or what was wrong.
std::string_view text_of(const char* text, std::size_t room, std::int32_t result) {
    if (result < 0 && result != -E2BIG) {
        return {};
    }
    return {text, strnlen(text, room)};
}

PerfRecord decode_write(const SysctlRecord& record) {
    PerfRecord decoded;
    decoded.kind = PerfKind::kSysctl;
    decoded.monotonic = static_cast<std::int64_t>(record.monotonic);
    decoded.pid = static_cast<std::uint32_t>(record.process >> 32);
    decoded.tid = static_cast<std::uint32_t>(record.process);
    decoded.path = text_of(record.name, sizeof(record.name), record.name_result);
    std::string_view value = text_of(record.value, sizeof(record.value), record.value_result);
    // Who writes one with echo ends its line.
    while (value.ends_with('\n')) {
        value.remove_suffix(1);
    }
    decoded.value = value;
    decoded.value_cut = record.value_result == -E2BIG;
    return decoded;
}

}  // namespace

SysctlWrites::~SysctlWrites() {
    if (position_ != nullptr) {
        munmap(position_, ring_page_bytes());
    }
    if (ring_ != nullptr) {
        munmap(ring_, mapped_bytes());
    }
}

std::optional<SourceError> SysctlWrites::open() {
    SysctlProgram program;
    if (std::optional<SourceError> error = load_sysctl_program(program)) {
        return error;
    }
    void* const position = mmap(nullptr, ring_page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, program.ring.get(), 0);
    if (position == MAP_FAILED) {
        return SourceError{fmt::format("cannot map the ring of a BPF program: {}", std::strerror(errno))};
    }
    void* const ring =
        mmap(nullptr, mapped_bytes(), PROT_READ, MAP_SHARED, program.ring.get(), static_cast<off_t>(ring_page_bytes()));
    if (ring == MAP_FAILED) {
        const int error = errno;
        munmap(position, ring_page_bytes());
        return SourceError{fmt::format("cannot map the records of a BPF program: {}", std::strerror(error))};
    }
    position_ = static_cast<std::byte*>(position);
    ring_ = static_cast<std::byte*>(ring);
    program_ = std::move(program);
    return std::nullopt;
}

void SysctlWrites::take(std::vector<PerfRecord>& records) {
    if (ring_ == nullptr) {
        return;
    }
    const std::byte* const data = ring_ + ring_page_bytes();
    std::uint64_t at = word_at(position_);
    // Acquire: pairs with the kernel's release of its position; the records before it have their headers.
    while (at < std::atomic_ref(word_at(ring_)).load(std::memory_order_acquire)) {
        const std::byte* const header = data + (at & (kSysctlRingBytes - 1));
        // Acquire: pairs with the kernel's exchange when the record is complete.
        const std::uint32_t length = std::atomic_ref(*reinterpret_cast<std::uint32_t*>(const_cast<std::byte*>(header)))
                                         .load(std::memory_order_acquire);
        if ((length & BPF_RINGBUF_BUSY_BIT) != 0) {
            break;
        }
        const std::uint32_t bytes = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
        if (bytes == sizeof(SysctlRecord)) {
            SysctlRecord record;
            std::memcpy(&record, header + BPF_RINGBUF_HDR_SZ, sizeof(record));
            records.push_back(decode_write(record));
        }
        at += (bytes + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
        // Release: pairs with the kernel's reading of it; the record has been copied.
        std::atomic_ref(word_at(position_)).store(at, std::memory_order_release);
    }
    const std::uint64_t lost = sysctl_records_lost(program_);
    if (lost != lost_) {
        PerfRecord missing;
        missing.kind = PerfKind::kLost;
        missing.lost = lost - std::exchange(lost_, lost);
        // Wherever they belong, it is not before what was read.
        missing.monotonic = records.empty() ? 0 : records.back().monotonic;
        records.push_back(std::move(missing));
    }
}

}  // namespace aegis::host::sources
