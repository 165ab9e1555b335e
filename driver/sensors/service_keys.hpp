// The keys of this project's own services: whoever changes them decides what is loaded at the next start.
#pragma once

#include <cstdint>

#include "policy/case_table.hpp"
#include "sensors/cut_text.hpp"

namespace aegis::driver {

enum class KeyPlace : std::uint8_t {
    kElsewhere,
    kAbove,  // a control set, or its Services: whoever renames it moves what is below
    kOwn,    // the key of AegisMon or AegisAgent in any control set, or one below
};

// Any IRQL at which the text may be touched.
KeyPlace place_among_services(const JoinedText& key, const CaseTable& cases);

}  // namespace aegis::driver
