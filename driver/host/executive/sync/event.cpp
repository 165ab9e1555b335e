// The Ke…Event calls and waiting.
#include <fmt/format.h>
#include <ntifs.h>

#include <chrono>
#include <climits>
#include <optional>

#include "driver/host/executive/sync/event_object.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/sync/wait_hub.hpp"
#include "driver/host/executive/system_time.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

constexpr UCHAR kEventSize = sizeof(KEVENT) / sizeof(ULONG);
using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;

void require_event(const KEVENT* event, const char* function) {
    if (event->Header.Size != kEventSize || event->Header.Type > SynchronizationEvent) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{} of {}, which is no initialized event", function, fmt::ptr(event)));
    }
}

LONG exchange_state(PRKEVENT event, LONG state) {
    WaitBucket& bucket = wait_bucket(event);
    LONG before = 0;
    {
        const std::lock_guard lock(bucket.mutex);
        before = std::exchange(event->Header.SignalState, state);
    }
    // A waiter that frees the event may have run already: from here on only the bucket is touched.
    bucket.changed.notify_all();
    return before;
}

// Time left as NT passes it; nothing: wait for ever.
std::optional<Ticks> time_left(const LARGE_INTEGER* timeout) {
    if (timeout == nullptr) {
        return std::nullopt;
    }
    const std::int64_t ticks = timeout->QuadPart <= 0 ? -timeout->QuadPart : timeout->QuadPart - system_time_now();
    return Ticks(std::max<std::int64_t>(ticks, 0));
}

bool wait_for_memory_event(PRKEVENT event, std::optional<Ticks> timeout) {
    WaitBucket& bucket = wait_bucket(event);
    std::unique_lock lock(bucket.mutex);
    const auto signalled = [&] { return event->Header.SignalState > 0; };
    if (!timeout) {
        bucket.changed.wait(lock, signalled);
    } else if (!bucket.changed.wait_for(lock, *timeout, signalled)) {
        return false;
    }
    if (event->Header.Type == SynchronizationEvent) {
        event->Header.SignalState = 0;
    }
    return true;
}

int to_milliseconds(std::optional<Ticks> timeout) {
    if (!timeout) {
        return -1;
    }
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
    return static_cast<int>(std::min<std::int64_t>(milliseconds, INT_MAX));
}

}  // namespace
}  // namespace aegis::host

using namespace aegis::host;

extern "C" void NTAPI KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State) {
    Event->Header.Type = static_cast<UCHAR>(Type);
    Event->Header.Signalling = FALSE;
    Event->Header.Size = kEventSize;
    Event->Header.DpcActive = FALSE;
    Event->Header.SignalState = State != FALSE ? 1 : 0;
    InitializeListHead(&Event->Header.WaitListHead);
}

extern "C" LONG NTAPI KeSetEvent(PRKEVENT Event, KPRIORITY, BOOLEAN Wait) {
    require_irql(Wait != FALSE ? APC_LEVEL : DISPATCH_LEVEL, "KeSetEvent");
    require_event(Event, "KeSetEvent");
    for (HeldLock& held : this_thread().locks) {
        ++held.signals;
    }
    EventObject* object = event_object_of(Event);
    return object != nullptr ? LONG{object->set()} : exchange_state(Event, 1);
}

extern "C" LONG NTAPI KeResetEvent(PRKEVENT Event) {
    require_irql(DISPATCH_LEVEL, "KeResetEvent");
    require_event(Event, "KeResetEvent");
    EventObject* object = event_object_of(Event);
    return object != nullptr ? LONG{object->reset()} : exchange_state(Event, 0);
}

extern "C" void NTAPI KeClearEvent(PRKEVENT Event) {
    KeResetEvent(Event);
}

extern "C" LONG NTAPI KeReadStateEvent(PRKEVENT Event) {
    require_irql(DISPATCH_LEVEL, "KeReadStateEvent");
    require_event(Event, "KeReadStateEvent");
    const EventObject* object = event_object_of(Event);
    if (object != nullptr) {
        return LONG{object->signalled()};
    }
    const std::lock_guard lock(wait_bucket(Event).mutex);
    return Event->Header.SignalState;
}

extern "C" NTSTATUS NTAPI KeWaitForSingleObject(PVOID Object, KWAIT_REASON, KPROCESSOR_MODE, BOOLEAN,
                                                PLARGE_INTEGER Timeout) {
    const bool poll = Timeout != nullptr && Timeout->QuadPart == 0;
    require_irql(poll ? DISPATCH_LEVEL : APC_LEVEL, "KeWaitForSingleObject");
    auto* event = static_cast<PRKEVENT>(Object);
    require_event(event, "KeWaitForSingleObject");
    const std::optional<Ticks> timeout = time_left(Timeout);
    EventObject* object = event_object_of(event);
    const bool signalled =
        object != nullptr ? object->wait(to_milliseconds(timeout)) : wait_for_memory_event(event, timeout);
    return signalled ? STATUS_SUCCESS : STATUS_TIMEOUT;
}
