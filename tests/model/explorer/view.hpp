// How much of memory a thread has seen: per location, the newest write it must not look behind.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace aegis::model {

using LocationId = std::uint16_t;

// A write's place in its location's modification order. Not dense, so that a write can be put between two others.
using Timestamp = std::uint32_t;

inline constexpr std::size_t kMaxLocations = 64;

class View {
  public:
    Timestamp at(LocationId location) const { return newest_[location]; }

    void raise(LocationId location, Timestamp time) { newest_[location] = std::max(newest_[location], time); }

    // Sees what `other` has seen as well. `locations`: how many exist.
    void join(const View& other, std::size_t locations) {
        for (std::size_t i = 0; i < locations; ++i) {
            newest_[i] = std::max(newest_[i], other.newest_[i]);
        }
    }

  private:
    std::array<Timestamp, kMaxLocations> newest_ = {};
};

}  // namespace aegis::model
