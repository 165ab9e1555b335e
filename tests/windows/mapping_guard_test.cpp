// The driver's exception guard under a real unwinder: the very object that the driver links, its import bound to a
// function that raises.
//
// Two changed copies of the guard (CMakeLists.txt makes them) show that these checks can fail: one without its scope
// table, one whose .seh_stackalloc is wrong.

#include <gtest/gtest.h>
#include <windows.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace {

// What a function preserves. CallGuard (guard_calls_x64.S) knows the layout.
struct PreservedRegisters {
    std::uint64_t rbx, rbp, rsi, rdi, r12, r13, r14, r15;
    std::array<std::array<std::uint64_t, 2>, 10> xmm6_to_15;
    std::uint64_t stack_pointer;

    bool operator==(const PreservedRegisters&) const = default;
};
static_assert(sizeof(PreservedRegisters) == 0xE8);

using Guard = void*(void* mdl, char mode, int cache, void* address, unsigned long bugcheck_on_failure,
                    unsigned long priority);

}  // namespace

extern "C" {
Guard AegisGuardedMapLockedPages;
Guard GuardWithoutScopeTable;
Guard GuardWithAnotherFrame;

// guard_calls_x64.S
void* CallGuard(Guard* guard, const PreservedRegisters* set, PreservedRegisters* before_and_after);
void CallGuardReturned();
bool ReachesCaller(void (*raises)());
}

namespace {

constexpr DWORD kStatus = 0xC000009A;  // STATUS_INSUFFICIENT_RESOURCES, as NT raises it

// What the bound import does, and what it saw.
enum class Import { kReturns, kRaises, kLooksBack };
Import g_import = Import::kReturns;
bool g_arguments_arrived = false;
Guard* g_guard = nullptr;
CONTEXT g_callers_context;

constexpr std::uint64_t kMapped = 0x5555;

// The context of the guard's caller, as the unwinder sees it from inside the guard's call.
void look_back() {
    RtlCaptureContext(&g_callers_context);
    DWORD64 function = 0;
    for (int frames = 0; frames < 8 && function != reinterpret_cast<DWORD64>(g_guard); ++frames) {
        DWORD64 base = 0;
        RUNTIME_FUNCTION* row = RtlLookupFunctionEntry(g_callers_context.Rip, &base, nullptr);
        ASSERT_NE(row, nullptr);
        function = base + row->BeginAddress;
        void* handler_data = nullptr;
        DWORD64 frame = 0;
        RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, g_callers_context.Rip, row, &g_callers_context, &handler_data, &frame,
                         nullptr);
    }
    ASSERT_EQ(function, reinterpret_cast<DWORD64>(g_guard));
}

void* map_locked_pages(void* mdl, char mode, int cache, void* address, unsigned long bugcheck_on_failure,
                       unsigned long priority) {
    g_arguments_arrived = mdl == reinterpret_cast<void*>(0x1111) && mode == 1 && cache == 1 &&
                          address == reinterpret_cast<void*>(0x2222) && bugcheck_on_failure == 0x3333 &&
                          priority == 0x4444;
    if (g_import == Import::kRaises) {
        RaiseException(kStatus, 0, 0, nullptr);
    } else if (g_import == Import::kLooksBack) {
        look_back();
    }
    return reinterpret_cast<void*>(kMapped);
}

}  // namespace

// The slot of the guard's import.
extern "C" {
Guard* __imp_MmMapLockedPagesSpecifyCache = &map_locked_pages;
}

namespace {

PreservedRegisters pattern() {
    PreservedRegisters registers{};
    std::array<std::uint64_t, sizeof(registers) / sizeof(std::uint64_t)> words;
    for (std::size_t index = 0; index < words.size(); ++index) {
        words[index] = 0xA5A5000000000000 + index;
    }
    std::memcpy(&registers, words.data(), sizeof(registers));
    return registers;
}

struct GuardCall {
    void* result;
    PreservedRegisters before;
    PreservedRegisters after;
};

GuardCall call(Guard* guard, Import import) {
    g_guard = guard;
    g_import = import;
    g_arguments_arrived = false;
    const PreservedRegisters set = pattern();
    std::array<PreservedRegisters, 2> before_and_after{};
    void* result = CallGuard(guard, &set, before_and_after.data());
    return {result, before_and_after[0], before_and_after[1]};
}

// True when the unwinder, on its way out of `guard`, comes to its caller with its caller's registers.
bool leads_to_its_caller(Guard* guard) {
    const GuardCall seen = call(guard, Import::kLooksBack);
    const CONTEXT& context = g_callers_context;
    PreservedRegisters found{context.Rbx, context.Rbp, context.Rsi, context.Rdi, context.R12,
                             context.R13, context.R14, context.R15, {},          context.Rsp};
    const M128A* xmm = &context.Xmm6;
    for (std::size_t index = 0; index < found.xmm6_to_15.size(); ++index) {
        found.xmm6_to_15[index] = {xmm[index].Low, static_cast<std::uint64_t>(xmm[index].High)};
    }
    return context.Rip == reinterpret_cast<DWORD64>(&CallGuardReturned) && found == seen.before;
}

TEST(MappingGuard, PassesItsArgumentsOnAndTheResultBack) {
    const GuardCall seen = call(&AegisGuardedMapLockedPages, Import::kReturns);
    EXPECT_TRUE(g_arguments_arrived);
    EXPECT_EQ(seen.result, reinterpret_cast<void*>(kMapped));
    EXPECT_EQ(seen.before, seen.after);
}

// Catches: a block that leaves stack or registers other than they were; something that each exception uses up.
TEST(MappingGuard, ReturnsNullWhateverOftenItsCallRaises) {
    for (int round = 0; round < 20'000; ++round) {
        const GuardCall seen = call(&AegisGuardedMapLockedPages, Import::kRaises);
        ASSERT_TRUE(g_arguments_arrived) << round;
        ASSERT_EQ(seen.result, nullptr) << round;
        ASSERT_EQ(seen.before, seen.after) << round;
    }
}

// An exception that is not the guard's own passes it on its way to whoever catches it: a debugger's look, or a handler
// further out.
TEST(MappingGuard, IsNoObstacleForTheUnwinder) {
    EXPECT_TRUE(leads_to_its_caller(&AegisGuardedMapLockedPages));
}

TEST(MappingGuard, WithAnotherFrameThanItSaysIsFoundOut) {
    EXPECT_FALSE(leads_to_its_caller(&GuardWithAnotherFrame));
}

TEST(MappingGuard, CatchesTheExceptionItself) {
    EXPECT_FALSE(ReachesCaller([] { call(&AegisGuardedMapLockedPages, Import::kRaises); }));
}

TEST(MappingGuard, WithoutItsScopeTableCatchesNothing) {
    EXPECT_TRUE(ReachesCaller([] { call(&GuardWithoutScopeTable, Import::kRaises); }));
}

}  // namespace
