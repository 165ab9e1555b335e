#include "channels/kept_ring_channel.hpp"
#include "channels/library_channel.hpp"
#include "channels/ring_channel.hpp"
#include "channels/throughput.hpp"
#include "suites/suites.hpp"

namespace aegis::bench {
namespace {

template <std::size_t kBytes>
void measure_size(Session& session) {
    session.measure({"library",
                     {{"bytes", kBytes}},
                     {
                         contender<kBytes, RingChannel<kBytes>>(session),
                         contender<kBytes, KeptRingChannel<kBytes>>(session),
                         contender<kBytes, LibraryChannel<kBytes, Call::kVisit>>(session),
                         contender<kBytes, LibraryChannel<kBytes, Call::kNextBatch>>(session),
                     }});
}

}  // namespace

void run_library(Session& session) {
    constexpr std::size_t kAny = 160;
    describe<KeptRingChannel<kAny>, LibraryChannel<kAny, Call::kVisit>, LibraryChannel<kAny, Call::kNextBatch>>(
        session);
    measure_size<48>(session);
    measure_size<160>(session);
    measure_size<1056>(session);
}

}  // namespace aegis::bench
