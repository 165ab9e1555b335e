// Image notify routines: by which function each is registered.
#pragma once

#include <ntifs.h>

namespace aegis::host {

enum class ImageNotifyKind {
    kPlain,              // not of images made for another architecture than the system's
    kEveryArchitecture,  // …Ex with PS_IMAGE_NOTIFY_CONFLICTING_ARCHITECTURE
};

}  // namespace aegis::host

inline constexpr ULONG_PTR PS_IMAGE_NOTIFY_CONFLICTING_ARCHITECTURE = 1;

// PASSIVE_LEVEL. Not in ntifs.h, because mingw's import library lacks it: drivers look it up by name.
extern "C" NTSTATUS NTAPI PsSetLoadImageNotifyRoutineEx(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine, ULONG_PTR Flags);
