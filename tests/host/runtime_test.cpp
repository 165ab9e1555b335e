// Debug output, exported names, unique identifiers.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "driver/host/executive/exports.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

using DebugPrint = ExecutiveTest;

template <class... Arguments>
void print(const char* format, Arguments... arguments) {
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, format, arguments...);
}

// Catches: a conversion that reads the wrong width from the argument list, after which all later ones are off.
TEST_F(DebugPrint, FormatsAsNtDoes) {
    UNICODE_STRING name = counted(u"\\Device\\Na\u00EFve");
    print("%d %u %x %X %c|%s|%5d|%-5d|%05d\n", -1, 4000000000U, 255, 255, 'c', "text", 42, 42, 42);
    print("%ld %lu %lx %lld %llu %llx %I64d %%\n", -2, 3, 0xABC, -4LL, 5ULL, 0xABCDEF0123ULL, -6LL);
    print("%wZ|%ws|%.3s|%*d|0x%08x\n", &name, u"wide", "abcdef", 4, 7, 0xC0000022);
    print("%p\n", reinterpret_cast<void*>(0x1234));
    EXPECT_EQ(take_debug_lines(),
              (std::vector<std::string>{"-1 4000000000 ff FF c|text|   42|42   |00042", "-2 3 abc -4 5 abcdef0123 -6 %",
                                        "\\Device\\Na\u00EFve|wide|abc|   7|0xc0000022", "0000000000001234"}));
}

// Catches: text without a newline, or with several, lost or joined.
TEST_F(DebugPrint, DeliversLines) {
    print("one\ntwo\n");
    print("three");
    EXPECT_EQ(take_debug_lines(), (std::vector<std::string>{"one", "two", "three"}));
}

// Catches: a driver whose longest line is whole here and cut on NT.
TEST_F(DebugPrint, PrintsAsMuchAsNtDoes) {
    const std::string text(600, 'x');
    print("%s\n", text.c_str());
    EXPECT_EQ(take_debug_lines(), (std::vector<std::string>{std::string(512, 'x')}));
}

TEST_F(DebugPrint, WideStringsNeedPassiveLevel) {
    KSPIN_LOCK lock = 0;
    const KIRQL old = KeAcquireSpinLockRaiseToDpc(&lock);
    print("%d\n", 1);
    AEGIS_EXPECT_STOP(print("%ws\n", u"wide"), "IRQL_NOT_LESS_OR_EQUAL", "DbgPrintEx with a wide string");
    KeReleaseSpinLock(&lock, old);
}

using Bugchecks = ExecutiveTest;

// Catches: a driver that stops the machine and is not heard; which code, and what it said with it.
TEST_F(Bugchecks, TheDriversOwnEndTheProcessByName) {
    AEGIS_EXPECT_STOP(KeBugCheckEx(0xF7, 1, 2, 3, 4), "DRIVER_OVERRAN_STACK_BUFFER", "0xf7, 0x1, 0x2, 0x3, 0x4");
    AEGIS_EXPECT_STOP(KeBugCheckEx(0xE2, 0, 0, 0, 0), "DRIVER_VERIFIER_DETECTED_VIOLATION", "KeBugCheckEx.0xe2");
}

using Exports = ExecutiveTest;

// Catches: a table out of order (lookups then miss), a name twice, an address left null.
TEST_F(Exports, EveryNameIsFound) {
    const auto exports = host::all_exports();
    EXPECT_GT(exports.size(), 70U);
    for (std::size_t index = 0; index < exports.size(); ++index) {
        EXPECT_NE(exports[index].address, nullptr) << exports[index].name;
        EXPECT_EQ(host::find_export(exports[index].name), exports[index].address) << exports[index].name;
        EXPECT_TRUE(index == 0 || exports[index - 1].name < exports[index].name) << exports[index].name;
    }
    EXPECT_EQ(host::find_export("KeBugCheck"), nullptr);
    EXPECT_EQ(host::find_export(""), nullptr);
}

// A driver image reads a data import as the address of the kernel's variable.
// Catches: the pointer of ntifs.h exported instead of the variable it points to.
TEST_F(Exports, DataIsTheVariableItself) {
    auto* event_type = static_cast<POBJECT_TYPE*>(host::find_export("ExEventObjectType"));
    ASSERT_NE(event_type, nullptr);
    EXPECT_EQ(*event_type, *ExEventObjectType);
    EXPECT_EQ(*static_cast<PEPROCESS*>(host::find_export("PsInitialSystemProcess")), PsInitialSystemProcess);
    EXPECT_EQ(*static_cast<PSE_EXPORTS*>(host::find_export("SeExports")), SeExports);
}

// Catches: the wrong calling convention behind a name.
TEST_F(Exports, ARoutineFoundByNameCanBeCalled) {
    using Copy = void*(NTAPI*)(void*, const void*, SIZE_T);
    const auto copy = reinterpret_cast<Copy>(host::find_export("memcpy"));
    std::array<char, 4> text{};
    copy(text.data(), "abc", text.size());
    EXPECT_STREQ(text.data(), "abc");
    UNICODE_STRING name = counted(u"KeGetCurrentIrql");
    const auto irql = reinterpret_cast<KIRQL(NTAPI*)()>(MmGetSystemRoutineAddress(&name));
    ASSERT_NE(irql, nullptr);
    EXPECT_EQ(irql(), PASSIVE_LEVEL);
    UNICODE_STRING unknown = counted(u"ExAllocatePool2");
    EXPECT_EQ(MmGetSystemRoutineAddress(&unknown), nullptr);
}

// Catches: identifiers that repeat, or that are not version 4.
TEST_F(Exports, UuidsAreRandom) {
    std::array<UUID, 2> uuids{};
    for (UUID& uuid : uuids) {
        ASSERT_EQ(ExUuidCreate(&uuid), STATUS_SUCCESS);
        EXPECT_EQ(uuid.Data3 >> 12, 4);
        EXPECT_EQ(uuid.Data4[0] >> 6, 2);
    }
    EXPECT_NE(std::memcmp(&uuids[0], &uuids[1], sizeof(UUID)), 0);
}

// NT's other two answers, in the order asked for. Catches: an id that comes with STATUS_RETRY, none with the other.
TEST_F(Exports, UuidsMayNotBeReadyOrNotUniqueElsewhere) {
    executive().answer_uuids({STATUS_RETRY, RPC_NT_UUID_LOCAL_ONLY});
    UUID uuid{};
    EXPECT_EQ(ExUuidCreate(&uuid), STATUS_RETRY);
    EXPECT_EQ(uuid.Data3, 0);
    EXPECT_EQ(ExUuidCreate(&uuid), RPC_NT_UUID_LOCAL_ONLY);
    EXPECT_EQ(uuid.Data3 >> 12, 4);
    EXPECT_EQ(ExUuidCreate(&uuid), STATUS_SUCCESS);
}

// Catches: an interval taken for milliseconds, a relative one for a time of day or the other way round (the test then
// hangs).
TEST_F(Exports, ADelayEnds) {
    LARGE_INTEGER interval{};
    for (const std::int64_t ticks : {std::int64_t{0}, std::int64_t{-10'000}, std::int64_t{1}}) {
        interval.QuadPart = ticks;
        EXPECT_EQ(KeDelayExecutionThread(KernelMode, FALSE, &interval), STATUS_SUCCESS);
    }
}

// Catches: a clock in another unit or from another epoch.
TEST_F(Exports, TheClockCountsFrom1601) {
    LARGE_INTEGER now{};
    KeQuerySystemTime(&now);
    constexpr std::int64_t kYear = 365LL * 24 * 3600 * 10'000'000;
    EXPECT_GT(now.QuadPart, 423 * kYear);
    EXPECT_LT(now.QuadPart, 600 * kYear);
}

}  // namespace
}  // namespace aegis::test
