// Order statistics of a few samples.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace aegis::bench {

// Linear interpolation between neighbours; `part` from 0 to 1; 0 for no values.
inline double quantile(std::vector<double> values, double part) {
    if (values.empty()) {
        return 0.0;
    }
    std::sort(values.begin(), values.end());
    const double position = part * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (values[above] - values[below]) * (position - static_cast<double>(below));
}

inline double median(std::vector<double> values) {
    return quantile(std::move(values), 0.5);
}

}  // namespace aegis::bench
