// Memory as the driver hands it out: shared between processes, read-only where a consumer gets it read-only.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace aegis::test {

[[noreturn]] inline void die(const char* what) {
    std::perror(what);
    std::abort();
}

class Mapping {
  public:
    Mapping(int descriptor, std::size_t bytes, int protection) : bytes_(bytes) {
        const int flags = descriptor < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
        memory_ = mmap(nullptr, bytes, protection, flags, descriptor, 0);
        if (memory_ == MAP_FAILED) {
            die("mmap");
        }
    }
    Mapping(Mapping&& other) noexcept : memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_) {}
    ~Mapping() {
        if (memory_ != nullptr) {
            munmap(memory_, bytes_);
        }
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    Mapping& operator=(Mapping&&) = delete;

    // Zeroed, shared with the children that are forked later.
    static Mapping shared_with_children(std::size_t bytes) { return Mapping(-1, bytes, PROT_READ | PROT_WRITE); }

    std::byte* data() const { return static_cast<std::byte*>(memory_); }
    std::size_t size() const { return bytes_; }

  private:
    void* memory_;
    std::size_t bytes_;
};

// Zeroed memory that can be mapped several times, with different rights.
class SharedMemory {
  public:
    explicit SharedMemory(std::size_t bytes) : descriptor_(memfd_create("aegis-test", MFD_CLOEXEC)), bytes_(bytes) {
        if (descriptor_ < 0 || ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) {
            die("memfd");
        }
    }
    ~SharedMemory() { close(descriptor_); }
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    Mapping map_writable() const { return Mapping(descriptor_, bytes_, PROT_READ | PROT_WRITE); }
    Mapping map_read_only() const { return Mapping(descriptor_, bytes_, PROT_READ); }

  private:
    int descriptor_;
    std::size_t bytes_;
};

// Memory whose last byte lies right before a page that nobody may touch.
class GuardedMemory {
  public:
    explicit GuardedMemory(std::size_t bytes) : bytes_(bytes), usable_((bytes + kPage - 1) / kPage * kPage) {
        memory_ = mmap(nullptr, usable_ + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED || mprotect(static_cast<std::byte*>(memory_) + usable_, kPage, PROT_NONE) != 0) {
            die("guarded memory");
        }
    }
    ~GuardedMemory() { munmap(memory_, usable_ + kPage); }
    GuardedMemory(const GuardedMemory&) = delete;
    GuardedMemory& operator=(const GuardedMemory&) = delete;

    std::byte* begin() const { return end() - bytes_; }
    std::byte* end() const { return static_cast<std::byte*>(memory_) + usable_; }
    std::size_t size() const { return bytes_; }

  private:
    static constexpr std::size_t kPage = 4096;

    std::size_t bytes_;
    std::size_t usable_;
    void* memory_;
};

}  // namespace aegis::test
