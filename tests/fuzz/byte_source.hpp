// A fuzzer's input as a sequence of small decisions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace aegis::test {

class ByteSource {
  public:
    ByteSource(const std::uint8_t* data, std::size_t bytes) : rest_(data, bytes) {}

    bool empty() const { return rest_.empty(); }

    // Zero beyond the end of the input.
    template <class T>
    T take() {
        T value{};
        const std::size_t bytes = std::min(sizeof(value), rest_.size());
        std::memcpy(&value, rest_.data(), bytes);
        rest_ = rest_.subspan(bytes);
        return value;
    }

    // In [0, bound); `bound` > 0.
    std::size_t below(std::size_t bound) { return take<std::uint8_t>() % bound; }

    // At most `bytes`, fewer at the end of the input.
    std::span<const std::uint8_t> take_bytes(std::size_t bytes) {
        const auto taken = rest_.first(std::min(bytes, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }

  private:
    std::span<const std::uint8_t> rest_;
};

}  // namespace aegis::test
