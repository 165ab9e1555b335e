/* Pool, MDLs, mappings. */
#ifndef AEGIS_HOST_NT_MEMORY_H
#define AEGIS_HOST_NT_MEMORY_H

#include "nt_security.h"

inline constexpr ULONG PAGE_SHIFT = 12;
inline constexpr ULONG PAGE_SIZE = 0x1000;

inline constexpr ULONG_PTR ROUND_TO_PAGES(ULONG_PTR bytes) {
    return (bytes + PAGE_SIZE - 1) & ~static_cast<ULONG_PTR>(PAGE_SIZE - 1);
}

inline ULONG BYTE_OFFSET(const volatile void* address) {
    return static_cast<ULONG>(reinterpret_cast<ULONG_PTR>(address) & (PAGE_SIZE - 1));
}

inline PVOID PAGE_ALIGN(PVOID address) {
    return static_cast<PCHAR>(address) - BYTE_OFFSET(address);
}

inline ULONG ADDRESS_AND_SIZE_TO_SPAN_PAGES(const volatile void* address, ULONG_PTR bytes) {
    return static_cast<ULONG>(ROUND_TO_PAGES(BYTE_OFFSET(address) + bytes) >> PAGE_SHIFT);
}

enum POOL_TYPE : int { NonPagedPool = 0, NonPagedPoolExecute = 0, PagedPool = 1, NonPagedPoolNx = 512 };
enum MEMORY_CACHING_TYPE : int { MmNonCached, MmCached, MmWriteCombined };
enum MM_PAGE_PRIORITY : ULONG { LowPagePriority = 0, NormalPagePriority = 16, HighPagePriority = 32 };

/* Or'ed into the priority of MmMapLockedPagesSpecifyCache. */
inline constexpr ULONG MdlMappingNoWrite = 0x80000000;
inline constexpr ULONG MdlMappingNoExecute = 0x40000000;

inline constexpr CSHORT MDL_MAPPED_TO_SYSTEM_VA = 0x0001;
inline constexpr CSHORT MDL_PAGES_LOCKED = 0x0002;
inline constexpr CSHORT MDL_SOURCE_IS_NONPAGED_POOL = 0x0004;
inline constexpr CSHORT MDL_ALLOCATED_FIXED_SIZE = 0x0008;

using PFN_NUMBER = ULONG_PTR;
using PPFN_NUMBER = PFN_NUMBER*;

/* One PFN_NUMBER for each page follows. */
struct MDL {
    MDL* Next;
    CSHORT Size;
    CSHORT MdlFlags;
    struct EPROCESS* Process;
    PVOID MappedSystemVa;
    PVOID StartVa;
    ULONG ByteCount;
    ULONG ByteOffset;
};
using PMDL = MDL*;
using PMDLX = MDL*;

inline PVOID MmGetMdlVirtualAddress(const MDL* mdl) {
    return static_cast<PCHAR>(mdl->StartVa) + mdl->ByteOffset;
}

inline ULONG MmGetMdlByteCount(const MDL* mdl) {
    return mdl->ByteCount;
}

inline ULONG MmGetMdlByteOffset(const MDL* mdl) {
    return mdl->ByteOffset;
}

inline PPFN_NUMBER MmGetMdlPfnArray(PMDL mdl) {
    return reinterpret_cast<PPFN_NUMBER>(mdl + 1);
}

extern "C" {
/* Nonpaged: <= DISPATCH_LEVEL; PagedPool: <= APC_LEVEL. The memory is not zeroed. */
PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
void NTAPI ExFreePool(PVOID P);
void NTAPI ExFreePoolWithTag(PVOID P, ULONG Tag);

/* <= DISPATCH_LEVEL. */
PMDL NTAPI IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota,
                         struct IRP* Irp);
void NTAPI IoFreeMdl(PMDL Mdl);
void NTAPI MmBuildMdlForNonPagedPool(PMDLX MemoryDescriptorList);

/*
 * UserMode: <= APC_LEVEL, into the current process, and failure RAISES: see mapping_guard.h.
 * KernelMode: <= DISPATCH_LEVEL, failure returns null. Priority: MM_PAGE_PRIORITY | MdlMapping….
 */
PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDLX MemoryDescriptorList, KPROCESSOR_MODE AccessMode,
                                         MEMORY_CACHING_TYPE CacheType, PVOID BaseAddress, ULONG BugCheckOnFailure,
                                         ULONG Priority);
/* A user mapping: <= APC_LEVEL, in the process it was made in. */
void NTAPI MmUnmapLockedPages(PVOID BaseAddress, PMDL MemoryDescriptorList);

/* PASSIVE_LEVEL. Null when this system does not export the name. */
PVOID NTAPI MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName);
}

#endif
