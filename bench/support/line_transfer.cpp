#include "support/line_transfer.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

#include "aegis/ring_layout.h"
#include "support/statistics.hpp"

namespace aegis::bench {

double line_transfer_ns(CorePair& cores) {
    // Many short batches and their median: a batch that an interrupt hit does not count.
    constexpr std::uint64_t kBatches = 21;
    constexpr std::uint64_t kRoundTrips = 100;

    // Odd numbers are this side's, even ones the other's.
    struct alignas(AEGIS_CACHE_LINE) {
        std::atomic<std::uint64_t> word = 0;
    } line;
    std::vector<double> batches;
    batches.reserve(kBatches);

    cores.run(
        [&] {
            std::uint64_t turn = 0;
            for (std::uint64_t batch = 0; batch < kBatches; ++batch) {
                const Nanoseconds start = now();
                for (std::uint64_t i = 0; i < kRoundTrips; ++i) {
                    // Release and acquire as a message would need them; each store pairs with the other side's poll.
                    line.word.store(turn + 1, std::memory_order_release);
                    turn += 2;
                    while (line.word.load(std::memory_order_acquire) != turn) {
                    }
                }
                batches.push_back(static_cast<double>(now() - start) / (2.0 * kRoundTrips));
            }
        },
        [&] {
            for (std::uint64_t turn = 1; turn < 2 * kBatches * kRoundTrips; turn += 2) {
                while (line.word.load(std::memory_order_acquire) != turn) {
                }
                line.word.store(turn + 1, std::memory_order_release);
            }
        });
    return median(batches);
}

}  // namespace aegis::bench
