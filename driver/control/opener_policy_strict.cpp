#include "control/opener_policy.hpp"

namespace aegis::driver {

// Windows always says who opens; whoever keeps it back has a reason.
bool admits_unknown_opener() {
    return false;
}

}  // namespace aegis::driver
