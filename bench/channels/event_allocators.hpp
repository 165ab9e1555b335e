// Where the pull design's events come from. The sending side allocates and frees what it drops; the receiving side
// frees what it has read.
#pragma once

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

#include "aegis/ring/atomics.hpp"
#include "aegis/ring_layout.h"

namespace aegis::bench {

// Test, then test-and-set: waiting does not take the line from the owner.
class SpinLock {
  public:
    void lock() {
        // Acquire pairs with the release in unlock.
        while (held_.exchange(true, std::memory_order_acquire)) {
            while (held_.load(std::memory_order_relaxed)) {
                ring::StdAtomics::pause();
            }
        }
    }
    void unlock() { held_.store(false, std::memory_order_release); }

  private:
    std::atomic<bool> held_ = false;
};

// The process's own allocator stands for the kernel's pool: general, and shared by both sides.
struct PoolAllocator {
    void* allocate(std::size_t bytes) { return std::malloc(bytes); }
    void free_by_sender(void* block) { std::free(block); }
    void free_by_receiver(void* block) { std::free(block); }
};

// The best that can be done for it: blocks of one size that go back to the sender in batches, so that most
// allocations touch nothing shared. Part 2 has no such list; it shows how much of the cost is the allocator's.
class LookasideAllocator {
  public:
    LookasideAllocator() = default;
    ~LookasideAllocator() {
        free_all(own_);
        free_all(shared_);
        free_all(batch_);
    }
    LookasideAllocator(const LookasideAllocator&) = delete;
    LookasideAllocator& operator=(const LookasideAllocator&) = delete;

    // Always the same number of bytes.
    void* allocate(std::size_t bytes) {
        if (own_ == nullptr) {
            const std::lock_guard lock(lock_);
            own_ = std::exchange(shared_, nullptr);
        }
        if (own_ == nullptr) {
            return std::malloc(bytes);
        }
        return std::exchange(own_, own_->next);
    }

    void free_by_sender(void* block) {
        if (block != nullptr) {
            own_ = new (block) Block{own_};
        }
    }

    void free_by_receiver(void* block) {
        constexpr std::size_t kBatch = 64;
        batch_ = new (block) Block{batch_};
        if (batch_count_++ == 0) {
            batch_end_ = batch_;
        }
        if (batch_count_ == kBatch) {
            const std::lock_guard lock(lock_);
            batch_end_->next = std::exchange(shared_, batch_);
            batch_ = nullptr;
            batch_count_ = 0;
        }
    }

  private:
    struct Block {
        Block* next;
    };

    static void free_all(Block* block) {
        while (block != nullptr) {
            std::free(std::exchange(block, block->next));
        }
    }

    alignas(AEGIS_CACHE_LINE) Block* own_ = nullptr;  // the sender's
    alignas(AEGIS_CACHE_LINE) SpinLock lock_;         // protects shared_
    Block* shared_ = nullptr;
    alignas(AEGIS_CACHE_LINE) Block* batch_ = nullptr;  // the receiver's, down to batch_end_
    Block* batch_end_ = nullptr;
    std::size_t batch_count_ = 0;
};

}  // namespace aegis::bench
