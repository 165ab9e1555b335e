// How long events take from their timestamp to their written line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace aegis::agent {

struct LatencyReport {
    std::uint64_t samples = 0;
    // In 100 ns.
    std::int64_t median = 0;
    std::int64_t p99 = 0;
    std::int64_t max = 0;
};

// Keeps every sample up to kCapacity, and beyond that a uniform choice of all (reservoir sampling), so that memory
// stays bounded in a run of days. The maximum is always exact. Not thread-safe.
class LatencyRecorder {
  public:
    static constexpr std::size_t kCapacity = std::size_t{1} << 20U;

    // In 100 ns. A negative latency (the clock was set back) counts as 0.
    void add(std::int64_t latency);

    // Nearest-rank percentiles: the smallest sample that at least that share of all does not exceed.
    LatencyReport report() const;

  private:
    std::vector<std::int64_t> samples_;
    std::uint64_t seen_ = 0;
    std::int64_t max_ = 0;
    std::minstd_rand random_;  // NOLINT(cert-msc51-cpp): the same choice in every run is fine
};

}  // namespace aegis::agent
