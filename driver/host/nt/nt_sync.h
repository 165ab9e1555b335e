/* IRQL, spin locks, fast mutexes, events, rundown protection, critical regions. */
#ifndef AEGIS_HOST_NT_SYNC_H
#define AEGIS_HOST_NT_SYNC_H

#include "nt_status.h"

using KIRQL = UCHAR;
using PKIRQL = KIRQL*;
inline constexpr KIRQL PASSIVE_LEVEL = 0;
inline constexpr KIRQL APC_LEVEL = 1;
inline constexpr KIRQL DISPATCH_LEVEL = 2;
inline constexpr KIRQL HIGH_LEVEL = 15;

struct DISPATCHER_HEADER {
    __extension__ union {
        __extension__ struct {
            UCHAR Type; /* EVENT_TYPE for an event */
            UCHAR Signalling;
            UCHAR Size; /* of the object, in ULONGs */
            UCHAR DpcActive;
        };
        volatile LONG Lock;
    };
    LONG SignalState;
    LIST_ENTRY WaitListHead;
};

struct KEVENT {
    DISPATCHER_HEADER Header;
};
using PKEVENT = KEVENT*;
using PRKEVENT = KEVENT*;

enum EVENT_TYPE : int { NotificationEvent, SynchronizationEvent };
enum KWAIT_REASON : int { Executive, UserRequest = 6 };
inline constexpr CCHAR IO_NO_INCREMENT = 0;
inline constexpr CCHAR EVENT_INCREMENT = 1;

inline constexpr ACCESS_MASK EVENT_QUERY_STATE = 0x0001;
inline constexpr ACCESS_MASK EVENT_MODIFY_STATE = 0x0002;
inline constexpr ACCESS_MASK EVENT_ALL_ACCESS = 0x001F0003;

using KSPIN_LOCK = ULONG_PTR;
using PKSPIN_LOCK = KSPIN_LOCK*;

struct KSPIN_LOCK_QUEUE {
    KSPIN_LOCK_QUEUE* volatile Next;
    volatile PKSPIN_LOCK Lock;
};

struct KLOCK_QUEUE_HANDLE {
    KSPIN_LOCK_QUEUE LockQueue;
    KIRQL OldIrql;
};
using PKLOCK_QUEUE_HANDLE = KLOCK_QUEUE_HANDLE*;

struct KTHREAD;
using PKTHREAD = KTHREAD*;
struct ETHREAD;
using PETHREAD = ETHREAD*;

struct FAST_MUTEX {
    volatile LONG Count; /* 1: free */
    PKTHREAD Owner;
    ULONG Contention;
    KEVENT Event;
    ULONG OldIrql;
};
using PFAST_MUTEX = FAST_MUTEX*;
inline constexpr LONG FM_LOCK_BIT = 1;

struct EX_RUNDOWN_REF {
    __extension__ union {
        volatile ULONG_PTR Count;
        volatile PVOID Ptr;
    };
};
using PEX_RUNDOWN_REF = EX_RUNDOWN_REF*;

extern "C" {
/* Any IRQL. */
KIRQL NTAPI KeGetCurrentIrql();

/* <= DISPATCH_LEVEL; return at DISPATCH_LEVEL. */
void NTAPI KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle);
KIRQL NTAPI KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock);
/* == DISPATCH_LEVEL. */
void NTAPI KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle);
void NTAPI KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql);
void NTAPI KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle);
void NTAPI KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle);

/* Any IRQL. */
void NTAPI KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State);
/* <= DISPATCH_LEVEL. Both return the previous state (KeClearEvent does not). */
LONG NTAPI KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait);
LONG NTAPI KeResetEvent(PRKEVENT Event);
void NTAPI KeClearEvent(PRKEVENT Event);
LONG NTAPI KeReadStateEvent(PRKEVENT Event);
/* <= APC_LEVEL; with *Timeout == 0 <= DISPATCH_LEVEL. Timeout: 100 ns, negative is relative. */
NTSTATUS NTAPI KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                     PLARGE_INTEGER Timeout);

/* <= APC_LEVEL. Interval: as Timeout above. */
NTSTATUS NTAPI KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Interval);

/* <= APC_LEVEL; acquiring raises to APC_LEVEL. Not recursive. */
void NTAPI ExAcquireFastMutex(PFAST_MUTEX FastMutex);
BOOLEAN NTAPI ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex);
void NTAPI ExReleaseFastMutex(PFAST_MUTEX FastMutex);

/* <= APC_LEVEL; they nest. */
void NTAPI KeEnterCriticalRegion();
void NTAPI KeLeaveCriticalRegion();

/* <= DISPATCH_LEVEL; the wait <= APC_LEVEL. */
void NTAPI ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef);
void NTAPI ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef);
BOOLEAN NTAPI ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef);
void NTAPI ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef);
void NTAPI ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef);
void NTAPI ExRundownCompleted(PEX_RUNDOWN_REF RunRef);
}

inline void KeInitializeSpinLock(PKSPIN_LOCK SpinLock) {
    *SpinLock = 0;
}

inline void KeAcquireSpinLock(PKSPIN_LOCK SpinLock, PKIRQL OldIrql) {
    *OldIrql = KeAcquireSpinLockRaiseToDpc(SpinLock);
}

inline void ExInitializeFastMutex(PFAST_MUTEX FastMutex) {
    FastMutex->Count = FM_LOCK_BIT;
    FastMutex->Owner = nullptr;
    FastMutex->Contention = 0;
    KeInitializeEvent(&FastMutex->Event, SynchronizationEvent, FALSE);
}

#endif
