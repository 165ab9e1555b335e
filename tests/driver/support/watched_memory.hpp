// Counts how often memory is touched: a word that somebody else may write at any time is read once, and what was read
// is all that counts.
#pragma once

#include <csignal>
#include <cstddef>

namespace aegis::test {

// Whole pages. Each access of the thread that made this faults; it is let through, one instruction at a time, and
// counted. One at a time, x86-64.
class WatchedMemory {
  public:
    WatchedMemory(void* pages, std::size_t bytes);
    ~WatchedMemory();
    WatchedMemory(const WatchedMemory&) = delete;
    WatchedMemory& operator=(const WatchedMemory&) = delete;

    unsigned accesses() const { return accesses_; }

    // What one atomic load counts as: ThreadSanitizer's own look at the word comes on top.
    static unsigned accesses_of_a_load();

  private:
    static void on_access(int signal, siginfo_t* info, void* context);
    static void on_step(int signal, siginfo_t* info, void* context);
    void protect(int protection) const;

    static inline WatchedMemory* g_watched = nullptr;
    std::byte* const begin_;
    const std::size_t bytes_;
    volatile unsigned accesses_ = 0;
    struct sigaction before_access_ {};
    struct sigaction before_step_ {};
};

}  // namespace aegis::test
