#include "driver/host/executive/memory/pool_pages.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <ntifs.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AEGIS_THREAD_SANITIZER 1
extern "C" void AnnotateIgnoreWritesBegin(const char* file, int line);
extern "C" void AnnotateIgnoreWritesEnd(const char* file, int line);
#endif
#endif

namespace aegis::host {
namespace {

// A page on either side that nobody may touch.
constexpr std::size_t kGuardPagesBytes = std::size_t{2} * PAGE_SIZE;

}  // namespace

std::optional<PoolPages> PoolPages::allocate(std::size_t bytes) {
    bytes = ROUND_TO_PAGES(bytes);
    UniqueFd memory(::memfd_create("aegis-pool", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    // A client that could shrink the file would make the driver's next access fault.
    if (!memory || ::ftruncate(memory.get(), static_cast<off_t>(bytes)) != 0 ||
        ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
        return std::nullopt;
    }
    void* reservation =
        ::mmap(nullptr, bytes + kGuardPagesBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reservation == MAP_FAILED) {
        return std::nullopt;
    }
    std::byte* data = static_cast<std::byte*>(reservation) + PAGE_SIZE;
    if (::mmap(data, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory.get(), 0) == MAP_FAILED) {
        ::munmap(reservation, bytes + kGuardPagesBytes);
        return std::nullopt;
    }
    return PoolPages(std::move(memory), data, bytes);
}

namespace {

// ThreadSanitizer takes mmap for a write to the pages.
void ignore_writes([[maybe_unused]] bool ignore) {
#if AEGIS_THREAD_SANITIZER
    ignore ? AnnotateIgnoreWritesBegin(__FILE__, __LINE__) : AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
#endif
}

}  // namespace

PoolPages::PoolPages(UniqueFd memory, std::byte* data, std::size_t bytes)
    : memory_(std::move(memory)), data_(data), bytes_(bytes) {}

PoolPages::PoolPages(PoolPages&& other) noexcept
    : memory_(std::move(other.memory_)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(other.bytes_),
      shared_writable_(other.shared_writable_) {}

PoolPages::~PoolPages() {
    if (data_ != nullptr) {
        ::munmap(data_ - PAGE_SIZE, bytes_ + kGuardPagesBytes);
    }
}

void PoolPages::stop_sharing() {
    if (shared_writable_) {
        // One step for the kernel: a thread that touches the pages meanwhile finds the one mapping or the other. One
        // that fails leaves the old mapping, through which nothing worse than the truth is seen.
        // Not a write: a driver may publish until DriverUnload runs.
        ignore_writes(true);
        static_cast<void>(::mmap(data_, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, memory_.get(), 0));
        ignore_writes(false);
    }
}

UniqueFd PoolPages::share(bool writable) {
    if (!shared_writable_) {
        // The mapping that the driver writes through is older than the seal and stays writable.
        const int seals = F_SEAL_SEAL | (writable ? 0 : F_SEAL_FUTURE_WRITE);
        if (::fcntl(memory_.get(), F_ADD_SEALS, seals) != 0) {
            return {};
        }
        shared_writable_ = writable;
    }
    if (*shared_writable_ != writable) {
        return {};
    }
    if (writable) {
        return UniqueFd(::fcntl(memory_.get(), F_DUPFD_CLOEXEC, 0));
    }
    const std::string path = fmt::format("/proc/self/fd/{}", memory_.get());
    return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace aegis::host
