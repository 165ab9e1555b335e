// The choices of one execution: replayed and varied (exhaustive), or drawn (random).
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace aegis::model {

class Trail {
  public:
    // All choices, depth first.
    Trail() = default;
    // Choices drawn from `seed`.
    explicit Trail(std::uint64_t seed) : random_(seed), is_random_(true) {}

    bool is_random() const { return is_random_; }

    // A number below `count`.
    std::size_t choose(std::size_t count) {
        if (count <= 1) {
            return 0;
        }
        if (is_random_) {
            return static_cast<std::size_t>(random_() % count);
        }
        if (depth_ == choices_.size()) {
            choices_.push_back({0, static_cast<std::uint32_t>(count)});
        }
        return choices_[depth_++].taken;
    }

    // Random choices only: true with this probability.
    bool chance(std::uint64_t percent) { return random_() % 100 < percent; }

    // To the next execution; false when all have been had.
    bool advance() {
        depth_ = 0;
        if (is_random_) {
            return true;
        }
        while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().count) {
            choices_.pop_back();
        }
        if (choices_.empty()) {
            return false;
        }
        ++choices_.back().taken;
        return true;
    }

  private:
    struct Choice {
        std::uint32_t taken;
        std::uint32_t count;
    };

    std::vector<Choice> choices_;
    std::size_t depth_ = 0;
    std::mt19937_64 random_;
    bool is_random_ = false;
};

}  // namespace aegis::model
