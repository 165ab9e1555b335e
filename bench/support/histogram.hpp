// A histogram of times with a constant relative error, as HdrHistogram keeps one (Debian has no library for C++):
// linear within a power of two, so that the far tail costs as little as the middle.
//
// Coordinated omission is avoided, not corrected afterwards: events are published on a schedule that waits for
// nobody, and each time counts from the moment that was planned.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace aegis::bench {

class Histogram {
  public:
    // Not negative; below 2^40 (18 minutes in nanoseconds), larger values count as that.
    void record(std::int64_t value) {
        ++counts_[index_of(static_cast<std::uint64_t>(value < 0 ? 0 : value))];
        ++total_;
    }

    void merge(const Histogram& other) {
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            counts_[i] += other.counts_[i];
        }
        total_ += other.total_;
    }

    std::uint64_t total() const { return total_; }

    // The value that `part` (0 to 1) of all values do not exceed, within 0.8 percent; 0 for no values.
    double value_at(double part) const {
        const auto wanted = static_cast<double>(total_) * part;
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen != 0 && static_cast<double>(seen) >= wanted) {
                return static_cast<double>(upper_end(i));
            }
        }
        return 0;
    }

  private:
    static constexpr unsigned kLinearBits = 7;
    static constexpr std::uint64_t kLinear = 1U << kLinearBits;  // values per power of two
    static constexpr unsigned kMaxBits = 40;
    static constexpr std::size_t kBuckets = kLinear * (kMaxBits - kLinearBits + 1);

    static std::size_t index_of(std::uint64_t value) {
        if (value < kLinear) {
            return value;
        }
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - kLinearBits - 1;
        const std::size_t index = kLinear * (shift + 1) + ((value >> shift) - kLinear);
        return index < kBuckets ? index : kBuckets - 1;
    }

    static std::uint64_t upper_end(std::size_t index) {
        if (index < kLinear) {
            return index;
        }
        const auto shift = static_cast<unsigned>(index / kLinear - 1);
        return ((kLinear + index % kLinear + 1) << shift) - 1;
    }

    std::array<std::uint64_t, kBuckets> counts_{};
    std::uint64_t total_ = 0;
};

}  // namespace aegis::bench
