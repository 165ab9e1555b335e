// What an IRP_MJ_CREATE is answered that does not say who opens.
//
// Linked in one of two forms: the shipped driver refuses (opener_policy_strict.cpp); the driver under test also runs on
// an executive that never says it (test/opener_policy_wine.cpp).
#pragma once

namespace aegis::driver {

// IRQL PASSIVE_LEVEL.
bool admits_unknown_opener();

}  // namespace aegis::driver
