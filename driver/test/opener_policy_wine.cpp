#include "control/opener_policy.hpp"

#include "nt/nt.hpp"

namespace aegis::driver {

// Wine passes no security context with IRP_MJ_CREATE and leaves the device's own DACL as the only check.
bool admits_unknown_opener() {
    UNICODE_STRING name = unicode_literal(u"wine_ntoskrnl_main_loop");
    return MmGetSystemRoutineAddress(&name) != nullptr;
}

}  // namespace aegis::driver
