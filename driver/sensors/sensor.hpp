// What a sensor is: a row of sensor_table.cpp, a file of its own, and a kind in include/aegis/ioctl.h.
//
// It registers for notifications of the kernel's, builds an event of each on its own stack, and reports it. It knows
// what it was started with and nothing of what is behind that.
#pragma once

#include <cstddef>
#include <cstdint>

#include "channel/callback_health.hpp"
#include "channel/ring_channel.hpp"
#include "nt/literal.hpp"
#include "nt/nt.hpp"
#include "nt/system_clock.hpp"
#include "policy/policy_store.hpp"

namespace aegis::driver {

// What every sensor is started with; all of it outlives the sensor.
struct SensorContext {
    RingChannel* channel;
    const SystemClock* clock;
    PolicyStore* policies;
    PDRIVER_OBJECT driver;

    // The end of one thing that the policy keeps back: counts it in `health` as it was decided, unless PolicyStore has.
    // False when it is to be published; what the decision has released is published by now. IRQL <= DISPATCH_LEVEL.
    bool keep_back(CallbackHealth* health, const Decision& decision, std::int64_t time) const {
        switch (decision.verdict) {
            case Verdict::kFilter:
                health->count(Outcome::kFiltered, time);
                return true;
            case Verdict::kLimit:
                health->count(Outcome::kLimited, time);
                return true;
            case Verdict::kMerge:
                health->count(Outcome::kMerged, time);
                return true;
            case Verdict::kOff:
                return true;
            case Verdict::kPublish:
                break;
        }
        policies->publish(decision.due, time);
        return false;
    }

    // The end of one thing that is wanted, seen at `time`: publishes its event, and counts it in `health` as published
    // or lost. `payload` must be nonpaged memory (a kernel stack is). IRQL <= DISPATCH_LEVEL.
    void report(CallbackHealth* health, std::uint16_t type, std::int64_t time, const void* payload,
                std::size_t payload_bytes) const {
        const bool published = channel->publish(type, time, payload, payload_bytes);
        health->count(published ? Outcome::kPublished : Outcome::kLost, time);
    }
};

// Registers, and tells `health` with which outcome. A failure leaves nothing registered. IRQL PASSIVE_LEVEL.
using StartSensor = NTSTATUS (*)(const SensorContext& context);

// After it returns, no callback is under way and none will come. Only after a start that succeeded, once.
// IRQL PASSIVE_LEVEL.
using StopSensor = void (*)();

struct Sensor {
    Literal name;         // as the driver's own reports call it
    std::uint32_t kind;   // AEGIS_CALLBACK_…
    std::uint32_t types;  // of events that it makes: a bit for each
    StartSensor start;
    StopSensor stop;
    CallbackHealth* health;
};

}  // namespace aegis::driver
