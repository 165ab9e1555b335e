#include "agent/outputs/latency.hpp"

#include <algorithm>

namespace aegis::agent {
namespace {

std::int64_t percentile(std::vector<std::int64_t>& samples, std::size_t percent) {
    const std::size_t rank = (samples.size() * percent + 99) / 100;
    const auto nth = samples.begin() + static_cast<std::ptrdiff_t>(rank - 1);
    std::nth_element(samples.begin(), nth, samples.end());
    return *nth;
}

}  // namespace

void LatencyRecorder::add(std::int64_t latency) {
    latency = std::max<std::int64_t>(latency, 0);
    max_ = std::max(max_, latency);
    ++seen_;
    if (samples_.size() < kCapacity) {
        samples_.push_back(latency);
        return;
    }
    const std::uint64_t place = std::uniform_int_distribution<std::uint64_t>(0, seen_ - 1)(random_);
    if (place < kCapacity) {
        samples_[place] = latency;
    }
}

LatencyReport LatencyRecorder::report() const {
    if (samples_.empty()) {
        return {};
    }
    std::vector<std::int64_t> samples = samples_;
    return {seen_, percentile(samples, 50), percentile(samples, 99), max_};
}

}  // namespace aegis::agent
