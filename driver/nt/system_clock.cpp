#include "nt/system_clock.hpp"

#include "nt/system_routine.hpp"

namespace aegis::driver {

NTSTATUS SystemClock::initialize() {
    // Looked up because mingw-w64's import library lacks the first and its header inlines the second as a read of
    // a fixed address. Windows 8 and later export the first; Wine only the second, with the clock tick's precision.
    query_ = find_system_routine<QuerySystemTime>(u"KeQuerySystemTimePrecise");
    if (query_ == nullptr) {
        query_ = find_system_routine<QuerySystemTime>(u"KeQuerySystemTime");
    }
    return query_ != nullptr ? STATUS_SUCCESS : STATUS_PROCEDURE_NOT_FOUND;
}

}  // namespace aegis::driver
