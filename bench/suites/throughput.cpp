#include <fmt/format.h>

#include "channels/atomic_queue_channel.hpp"
#include "channels/block_handoff.hpp"
#include "channels/boost_channels.hpp"
#include "channels/bpf_channel.hpp"
#include "channels/event_list.hpp"
#include "channels/moodycamel_channels.hpp"
#include "channels/mutex_deque_channel.hpp"
#include "channels/pull_channel.hpp"
#include "channels/ring_channel.hpp"
#include "channels/stream_channels.hpp"
#include "channels/tbb_channel.hpp"
#include "channels/throughput.hpp"
#include "channels/unvalidated_ring.hpp"
#include "suites/suites.hpp"

namespace aegis::bench {
namespace {

constexpr const char* kSuite = "throughput";

template <std::size_t kBytes>
void add_bpf(Session& session, Group* group) {
    std::string why;
    if (BpfRing::open(kBytes, &why) == nullptr) {
        session.skip(kSuite, BpfChannel<kBytes>::kTraits.name, why);
        return;
    }
    group->contenders.push_back({BpfChannel<kBytes>::kTraits.name, [&session] {
                                     std::string reason;
                                     BpfChannel<kBytes> channel(BpfRing::open(kBytes, &reason));
                                     return sample_throughput<kBytes>(session.cores(), channel, session.plan().sample);
                                 }});
}

template <std::size_t kBytes>
void measure_size(Session& session) {
    Group group{kSuite,
                {{"bytes", kBytes}},
                {
                    contender<kBytes, RingChannel<kBytes>>(session),
                    contender<kBytes, BlockHandoff<kBytes>>(session),
                    contender<kBytes, UnvalidatedRing<kBytes>>(session),
                    contender<kBytes, RingChannel<kBytes, Bell::kRegistered>>(session),
                    contender<kBytes, BoostSpscChannel<kBytes>>(session),
                    contender<kBytes, BoostSpscBatchChannel<kBytes>>(session),
                    contender<kBytes, BoostQueueChannel<kBytes>>(session),
                    contender<kBytes, ConcurrentQueueChannel<kBytes>>(session),
                    contender<kBytes, ConcurrentQueueBatchChannel<kBytes>>(session),
                    contender<kBytes, ReaderWriterQueueChannel<kBytes>>(session),
                    contender<kBytes, AtomicQueueChannel<kBytes>>(session),
                    contender<kBytes, TbbChannel<kBytes>>(session),
                    contender<kBytes, MutexDequeChannel<kBytes>>(session, Sleeps::kYes),
                    contender<kBytes, EventListChannel<kBytes, PoolAllocator>>(session, Sleeps::kYes),
                    contender<kBytes, PullChannel<kBytes, PoolAllocator>>(session, Sleeps::kYes),
                    contender<kBytes, PullChannel<kBytes, LookasideAllocator>>(session),
                    contender<kBytes, StreamChannel<kBytes, PipeStream>>(session, Sleeps::kYes),
                    contender<kBytes, StreamChannel<kBytes, SocketStream>>(session, Sleeps::kYes),
                }};
    add_bpf<kBytes>(session, &group);
    session.measure(group);
}

}  // namespace

void run_throughput(Session& session) {
    constexpr std::size_t kAny = 160;
    describe<RingChannel<kAny>, RingChannel<kAny, Bell::kRegistered>, BlockHandoff<kAny>, UnvalidatedRing<kAny>,
             BoostSpscChannel<kAny>, BoostSpscBatchChannel<kAny>, BoostQueueChannel<kAny>, ConcurrentQueueChannel<kAny>,
             ConcurrentQueueBatchChannel<kAny>, ReaderWriterQueueChannel<kAny>, AtomicQueueChannel<kAny>,
             TbbChannel<kAny>, MutexDequeChannel<kAny>, EventListChannel<kAny, PoolAllocator>,
             PullChannel<kAny, PoolAllocator>, PullChannel<kAny, LookasideAllocator>, StreamChannel<kAny, PipeStream>,
             StreamChannel<kAny, SocketStream>, BpfChannel<kAny>>(session);
    measure_size<160>(session);
    measure_size<1056>(session);
    if (!session.plan().quick) {
        measure_size<48>(session);
        measure_size<320>(session);
    }
}

}  // namespace aegis::bench
