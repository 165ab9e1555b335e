#include "support/core_speed.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "support/statistics.hpp"

namespace aegis::bench {
namespace {

// The median over batches: a batch that an interrupt hits does not count.
double step_ns_here() {
    constexpr int kBatches = 15;
    constexpr int kSteps = 5'000;
    std::vector<double> batches;
    batches.reserve(kBatches);
    std::uint64_t value = 3;
    for (int batch = 0; batch < kBatches; ++batch) {
        const Nanoseconds start = now();
        for (int i = 0; i < kSteps; ++i) {
            value *= 0x9E3779B97F4A7C15U;
            asm volatile("" : "+r"(value));  // one after the other, as they are written
        }
        batches.push_back(static_cast<double>(now() - start) / kSteps);
    }
    return median(batches);
}

}  // namespace

double core_step_ns(CorePair& cores) {
    double first = 0;
    double second = 0;
    cores.run([&] { first = step_ns_here(); }, [&] { second = step_ns_here(); });
    return std::max(first, second);
}

}  // namespace aegis::bench
