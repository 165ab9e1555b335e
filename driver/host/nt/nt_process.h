/* Processes and threads, attaching to them, and the notify routines that report their creation and exit. */
#ifndef AEGIS_HOST_NT_PROCESS_H
#define AEGIS_HOST_NT_PROCESS_H

#include "nt_object.h"

struct EPROCESS;
using PEPROCESS = EPROCESS*;
struct KPROCESS;
using PKPROCESS = KPROCESS*;
using PRKPROCESS = KPROCESS*;

struct KAPC_STATE {
    LIST_ENTRY ApcListHead[MaximumMode];
    PKPROCESS Process;
    BOOLEAN KernelApcInProgress;
    BOOLEAN KernelApcPending;
    BOOLEAN UserApcPending;
};
using PKAPC_STATE = KAPC_STATE*;
using PRKAPC_STATE = KAPC_STATE*;

struct PS_CREATE_NOTIFY_INFO {
    SIZE_T Size;
    __extension__ union {
        ULONG Flags;
        __extension__ struct {
            ULONG FileOpenNameAvailable : 1; /* ImageFileName is the exact name the file was opened by */
            ULONG IsSubsystemProcess : 1;
            ULONG Reserved : 30;
        };
    };
    HANDLE ParentProcessId;
    CLIENT_ID CreatingThreadId;
    PFILE_OBJECT FileObject;
    PCUNICODE_STRING ImageFileName; /* may be null; valid during the call only; no terminator */
    PCUNICODE_STRING CommandLine;   /* may be null; valid during the call only */
    NTSTATUS CreationStatus;        /* an error here refuses the creation */
};
using PPS_CREATE_NOTIFY_INFO = PS_CREATE_NOTIFY_INFO*;

constexpr ULONG IMAGE_ADDRESSING_MODE_32BIT = 3;

/* As mingw-w64 declares it: newer headers of Windows name bits 11 to 19, which are reserved here. */
struct IMAGE_INFO {
    __extension__ union {
        ULONG Properties;
        __extension__ struct {
            ULONG ImageAddressingMode : 8;
            ULONG SystemModeImage : 1;      /* a driver */
            ULONG ImageMappedToAllPids : 1; /* a part of the system */
            ULONG ExtendedInfoPresent : 1;  /* it is the ImageInfo of an IMAGE_INFO_EX */
            ULONG Reserved : 21;
        };
    };
    PVOID ImageBase;
    ULONG ImageSelector;
    SIZE_T ImageSize;
    ULONG ImageSectionNumber;
};
using PIMAGE_INFO = IMAGE_INFO*;

struct IMAGE_INFO_EX {
    SIZE_T Size;
    IMAGE_INFO ImageInfo;
    PFILE_OBJECT FileObject;
};
using PIMAGE_INFO_EX = IMAGE_INFO_EX*;

/* The name may be null; it is valid during the call only, and has no terminator. ProcessId is null for a driver. */
using PLOAD_IMAGE_NOTIFY_ROUTINE = void(NTAPI*)(PUNICODE_STRING FullImageName, HANDLE ProcessId, PIMAGE_INFO ImageInfo);

using PCREATE_PROCESS_NOTIFY_ROUTINE = void(NTAPI*)(HANDLE ParentId, HANDLE ProcessId, BOOLEAN Create);
using PCREATE_THREAD_NOTIFY_ROUTINE = void(NTAPI*)(HANDLE ProcessId, HANDLE ThreadId, BOOLEAN Create);
using PCREATE_PROCESS_NOTIFY_ROUTINE_EX = void(NTAPI*)(PEPROCESS Process, HANDLE ProcessId,
                                                       PPS_CREATE_NOTIFY_INFO CreateInfo);

extern "C" {
extern PEPROCESS PsInitialSystemProcess;

/* PASSIVE_LEVEL. Removal returns when no call is in flight any more. */
NTSTATUS NTAPI PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE NotifyRoutine, BOOLEAN Remove);
NTSTATUS NTAPI PsSetCreateProcessNotifyRoutineEx(PCREATE_PROCESS_NOTIFY_ROUTINE_EX NotifyRoutine, BOOLEAN Remove);

/* PASSIVE_LEVEL. The routine runs at APC_LEVEL or below, on the thread that makes the new one or on the one that exits.
   Removal returns when no call is in flight any more. */
NTSTATUS NTAPI PsSetCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE NotifyRoutine);
NTSTATUS NTAPI PsRemoveCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE NotifyRoutine);

/* PASSIVE_LEVEL. The routine runs at PASSIVE_LEVEL, inside a critical region, on the thread that maps the image.
   Removal returns when no call is in flight any more. */
NTSTATUS NTAPI PsSetLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine);
NTSTATUS NTAPI PsRemoveLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine);

/* <= APC_LEVEL. UserMode while this thread runs a system call of a client. */
KPROCESSOR_MODE NTAPI ExGetPreviousMode();

/* Any IRQL. */
PEPROCESS NTAPI IoGetCurrentProcess();
HANDLE NTAPI PsGetCurrentProcessId();
HANDLE NTAPI PsGetCurrentThreadId();
HANDLE NTAPI PsGetProcessId(PEPROCESS Process);

LONGLONG NTAPI PsGetProcessCreateTimeQuadPart(PEPROCESS Process);

/* PASSIVE_LEVEL. The token comes with a reference. */
PACCESS_TOKEN NTAPI PsReferencePrimaryToken(PEPROCESS Process);
void NTAPI PsDereferencePrimaryToken(PACCESS_TOKEN PrimaryToken);
HANDLE NTAPI PsGetThreadId(PETHREAD Thread);
/* Without a reference: as long as the thread is there. */
PEPROCESS NTAPI IoThreadToProcess(PETHREAD Thread);
BOOLEAN NTAPI PsIsSystemThread(PETHREAD Thread);

/* <= APC_LEVEL. The object comes with a reference. */
NTSTATUS NTAPI PsLookupProcessByProcessId(HANDLE ProcessId, PEPROCESS* Process);
NTSTATUS NTAPI PsLookupThreadByThreadId(HANDLE ThreadId, PETHREAD* Thread);

/* PASSIVE_LEVEL. The name, in pool that the caller frees with ExFreePool, of the program that the process runs. */
NTSTATUS NTAPI SeLocateProcessImageName(PEPROCESS Process, PUNICODE_STRING* ImageFileName);

/* <= APC_LEVEL. They nest; every attach is undone by its own thread. */
void NTAPI KeStackAttachProcess(PRKPROCESS Process, PRKAPC_STATE ApcState);
void NTAPI KeUnstackDetachProcess(PRKAPC_STATE ApcState);
}

inline PEPROCESS PsGetCurrentProcess() {
    return IoGetCurrentProcess();
}

#endif
