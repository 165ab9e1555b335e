// Stack cookies without a runtime. gcc puts the guard between a function's arrays and its return address, and calls
// __stack_chk_fail where it has changed by the end; the names are gcc's.
#include <ntddk.h>

#include <x86intrin.h>

#include <cstdint>

// What an image holds whose cookie nobody has chosen yet. NT looks for exactly this value where the load configuration
// (load_config.S) points, and puts a random one in its place before the image's first instruction.
constexpr std::uintptr_t kDefaultCookie = 0x00002B992DDFA232;

extern "C" {

DRIVER_INITIALIZE DriverEntry;
DRIVER_INITIALIZE AegisDriverStart;

// Written before anything else runs, read by every function with an array on its stack.
std::uintptr_t __stack_chk_guard = kDefaultCookie;

// Any IRQL. The machine stops: nothing behind the overrun buffer can be trusted, the return address least of all.
[[noreturn]] void __stack_chk_fail() {
    constexpr ULONG kDriverOverranStackBuffer = 0xF7;
    KeBugCheckEx(kDriverOverranStackBuffer, reinterpret_cast<ULONG_PTR>(__builtin_return_address(0)), __stack_chk_guard,
                 ~__stack_chk_guard, 0);
    __builtin_unreachable();
}

// The image's entry point. IRQL PASSIVE_LEVEL. Where no loader chose a cookie, one is chosen here: less random, but
// another one at each load. No cookie of its own, and no other function of the driver is running: a guard that changes
// under a function would end in the bugcheck above.
__attribute__((no_stack_protector)) NTSTATUS NTAPI AegisDriverStart(PDRIVER_OBJECT driver,
                                                                    PUNICODE_STRING service_key) {
    if (__stack_chk_guard == kDefaultCookie) {
        constexpr std::uintptr_t kSpread = 0x9E3779B97F4A7C15;  // an odd number without pattern
        const std::uintptr_t seed = __rdtsc() ^ reinterpret_cast<std::uintptr_t>(driver);
        // Its top bytes are zero, as in the cookies that NT chooses: a copied string cannot run over it.
        __stack_chk_guard = seed * kSpread >> 16U;
    }
    return DriverEntry(driver, service_key);
}

}  // extern "C"
