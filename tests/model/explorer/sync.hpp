// Stand-ins for what the operating system gives to the ring's users.
#pragma once

#include <cstdint>

#include "explorer/explorer.hpp"

namespace aegis::model {

// An auto-reset event. A real one orders memory: who was woken sees what preceded the signal. One that does not
// shows what depends on that.
class Event {
  public:
    explicit Event(bool orders_memory = true) : id_(Explorer::running().add_event(orders_memory)) {}

    void signal() { Explorer::running().perform({Action::kSignal, {}, {}, id_, 0, 0}); }

    // Returns true when signalled, false when the wait ended by itself, which only `may_end_early` permits:
    // a timeout or a spurious wakeup.
    bool wait(bool may_end_early) {
        const std::uint64_t operand = may_end_early ? 1 : 0;
        return Explorer::running().perform({Action::kWait, {}, {}, id_, operand, 0}).value == kTakeSignal;
    }

  private:
    std::uint16_t id_;
};

class Mutex {
  public:
    Mutex() : id_(Explorer::running().add_mutex()) {}

    void lock() { Explorer::running().perform({Action::kLock, {}, {}, id_, 0, 0}); }
    void unlock() { Explorer::running().perform({Action::kUnlock, {}, {}, id_, 0, 0}); }

  private:
    std::uint16_t id_;
};

}  // namespace aegis::model
