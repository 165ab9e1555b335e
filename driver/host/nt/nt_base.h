/*
 * Base types of the NT interface, as Windows x64 lays them out.
 *
 * These headers let driver sources compile for a Linux process with the sizes, the offsets and the calling
 * convention of the Windows build, so that the shipped driver image can be bound to the same executive.
 * tests/host/nt_layout.cpp holds both sides to the same numbers.
 */
#ifndef AEGIS_HOST_NT_BASE_H
#define AEGIS_HOST_NT_BASE_H

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(__x86_64__)
#define NTAPI __attribute__((ms_abi))
#else
#define NTAPI
#endif

#define UNREFERENCED_PARAMETER(parameter) (void)(parameter)
#define FIELD_OFFSET(type, field)         (static_cast<LONG>(offsetof(type, field)))
// NOLINTBEGIN(bugprone-macro-parentheses): a type stands in none
#define CONTAINING_RECORD(address, type, field) \
    (reinterpret_cast<std::add_pointer_t<type>>(reinterpret_cast<PCHAR>(address) - offsetof(type, field)))
// NOLINTEND(bugprone-macro-parentheses)

using VOID = void;
using PVOID = void*;
using CHAR = char;
using CCHAR = char;
using PCHAR = char*;
using PSTR = char*;
using PCSTR = const char*;
using UCHAR = unsigned char;
using PUCHAR = unsigned char*;
using BOOLEAN = UCHAR;
using PBOOLEAN = BOOLEAN*;
using SHORT = std::int16_t;
using CSHORT = std::int16_t;
using USHORT = std::uint16_t;
using PUSHORT = USHORT*;
using LONG = std::int32_t;
using PLONG = LONG*;
using ULONG = std::uint32_t;
using PULONG = ULONG*;
using LONGLONG = long long;
using ULONGLONG = unsigned long long;
using LONG64 = long long;
using ULONG64 = unsigned long long;
using LONG_PTR = long long;
using ULONG_PTR = unsigned long long;
using PULONG_PTR = ULONG_PTR*;
using SIZE_T = ULONG_PTR;
using PSIZE_T = SIZE_T*;
using WCHAR = char16_t;
using PWCH = WCHAR*;
using PWSTR = WCHAR*;
using PCWSTR = const WCHAR*;
using HANDLE = void*;
using PHANDLE = HANDLE*;
using NTSTATUS = LONG;
using PNTSTATUS = NTSTATUS*;
using ACCESS_MASK = ULONG;
using PACCESS_MASK = ACCESS_MASK*;
using KPRIORITY = LONG;

static_assert(sizeof(WCHAR) == 2 && sizeof(LONG) == 4 && sizeof(PVOID) == 8);

inline constexpr BOOLEAN TRUE = 1;
inline constexpr BOOLEAN FALSE = 0;

union LARGE_INTEGER {
    __extension__ struct {
        ULONG LowPart;
        LONG HighPart;
    };
    struct {
        ULONG LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
};
using PLARGE_INTEGER = LARGE_INTEGER*;

struct UNICODE_STRING {
    USHORT Length;        /* bytes, without a terminator */
    USHORT MaximumLength; /* bytes */
    PWCH Buffer;
};
using PUNICODE_STRING = UNICODE_STRING*;
using PCUNICODE_STRING = const UNICODE_STRING*;

struct LIST_ENTRY {
    LIST_ENTRY* Flink;
    LIST_ENTRY* Blink;
};
using PLIST_ENTRY = LIST_ENTRY*;

struct LUID {
    ULONG LowPart;
    LONG HighPart;
};
using PLUID = LUID*;

struct GUID {
    ULONG Data1;
    USHORT Data2;
    USHORT Data3;
    UCHAR Data4[8];
};
using UUID = GUID;

struct CLIENT_ID {
    HANDLE UniqueProcess;
    HANDLE UniqueThread;
};
using PCLIENT_ID = CLIENT_ID*;

struct OBJECT_ATTRIBUTES {
    ULONG Length;
    HANDLE RootDirectory;
    PUNICODE_STRING ObjectName;
    ULONG Attributes; /* OBJ_… */
    PVOID SecurityDescriptor;
    PVOID SecurityQualityOfService;
};
using POBJECT_ATTRIBUTES = OBJECT_ATTRIBUTES*;

inline constexpr ULONG OBJ_INHERIT = 0x00000002;
inline constexpr ULONG OBJ_CASE_INSENSITIVE = 0x00000040;
inline constexpr ULONG OBJ_OPENIF = 0x00000080;
inline constexpr ULONG OBJ_KERNEL_HANDLE = 0x00000200;

inline void InitializeObjectAttributes(POBJECT_ATTRIBUTES attributes, PUNICODE_STRING name, ULONG flags, HANDLE root,
                                       PVOID security_descriptor) {
    *attributes = {sizeof(OBJECT_ATTRIBUTES), root, name, flags, security_descriptor, nullptr};
}

using KPROCESSOR_MODE = CCHAR;
enum MODE : int { KernelMode, UserMode, MaximumMode };

inline void InitializeListHead(PLIST_ENTRY head) {
    head->Flink = head;
    head->Blink = head;
}

inline BOOLEAN IsListEmpty(const LIST_ENTRY* head) {
    return head->Flink == head ? TRUE : FALSE;
}

inline BOOLEAN RemoveEntryList(PLIST_ENTRY entry) {
    PLIST_ENTRY after = entry->Flink;
    PLIST_ENTRY before = entry->Blink;
    before->Flink = after;
    after->Blink = before;
    return after == before ? TRUE : FALSE;
}

inline PLIST_ENTRY RemoveHeadList(PLIST_ENTRY head) {
    PLIST_ENTRY entry = head->Flink;
    RemoveEntryList(entry);
    return entry;
}

inline PLIST_ENTRY RemoveTailList(PLIST_ENTRY head) {
    PLIST_ENTRY entry = head->Blink;
    RemoveEntryList(entry);
    return entry;
}

inline void InsertHeadList(PLIST_ENTRY head, PLIST_ENTRY entry) {
    entry->Flink = head->Flink;
    entry->Blink = head;
    head->Flink->Blink = entry;
    head->Flink = entry;
}

inline void InsertTailList(PLIST_ENTRY head, PLIST_ENTRY entry) {
    entry->Flink = head;
    entry->Blink = head->Blink;
    head->Blink->Flink = entry;
    head->Blink = entry;
}

#endif
