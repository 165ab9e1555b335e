// A reader in a process of its own, and what it tells its parent.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "contention/child_process.hpp"
#include "contention/reading.hpp"
#include "contention/shared_ring.hpp"

namespace aegis::test {

// What a child tells its parent.
struct Report {
    std::atomic<bool> started{false};
    Activity activity;
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;
    std::array<char, 256> complaint = {};

    void wait_until_started() {
        activity.wait_until([this] { return started.load(); });
    }

    void take(const ReaderAudit& audit) {
        delivered = audit.delivered();
        lost = audit.lost();
        audit.complaint().copy(complaint.data(), complaint.size() - 1);
    }
};

// Objects in memory that children forked later share.
template <class T>
class Shared {
  public:
    explicit Shared(std::size_t count = 1) : mapping_(Mapping::shared_with_children(count * sizeof(T))), count_(count) {
        for (std::size_t i = 0; i < count; ++i) {
            new (mapping_.data() + i * sizeof(T)) T;
        }
    }
    ~Shared() {
        for (std::size_t i = 0; i < count_; ++i) {
            (*this)[i].~T();
        }
    }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;

    T& operator[](std::size_t i) { return *std::launder(reinterpret_cast<T*>(mapping_.data() + i * sizeof(T))); }
    T* operator->() { return &(*this)[0]; }
    T& operator*() { return (*this)[0]; }

  private:
    Mapping mapping_;
    std::size_t count_;
};

template <class Atomics>
void read_in_child(const SharedRing& ring, ring::Beginning start, const EventRecipe& recipe, Traffic& traffic,
                   Report& report) {
    const Mapping mapping = ring.map_read_only();
    const auto opened = ring::open_region<Atomics>(mapping.data(), mapping.size());
    ReaderAudit audit(recipe, start.ticket);
    ring::Consumer<Atomics> consumer(opened.memory, start);
    report.started.store(true);
    report.activity.announce();
    if (opened.error == ring::RegionError::kNone) {
        read_to_the_end(consumer, audit, traffic);
    } else {
        audit.complain(ring::describe(opened.error));
    }
    report.take(audit);
}

}  // namespace aegis::test
