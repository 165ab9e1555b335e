#include "nt/system_clock.hpp"

namespace aegis::driver {

NTSTATUS SystemClock::initialize() {
    // Looked up because mingw-w64's import library lacks the first and its header inlines the second as a read of
    // a fixed address. Windows 8 and later export the first; Wine only the second, with the clock tick's precision.
    UNICODE_STRING precise = unicode_literal(u"KeQuerySystemTimePrecise");
    UNICODE_STRING coarse = unicode_literal(u"KeQuerySystemTime");
    void* routine = MmGetSystemRoutineAddress(&precise);
    if (routine == nullptr) {
        routine = MmGetSystemRoutineAddress(&coarse);
    }
    query_ = reinterpret_cast<QuerySystemTime>(routine);
    return routine != nullptr ? STATUS_SUCCESS : STATUS_PROCEDURE_NOT_FOUND;
}

}  // namespace aegis::driver
