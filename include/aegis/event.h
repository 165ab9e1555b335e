/*
 * The event contract: what one event looks like on every transport.
 *
 * An event is a 16-byte header followed by a payload. Header.Size counts both and is the stride to
 * the next event in a pull buffer. All integers are little-endian; all text is UTF-16 as Windows
 * produced it, which means that unpaired surrogates are possible.
 *
 * Two forms of the same event exist. The ring carries the compact form: a process event ends right
 * after its path, an image event after its own. The pull IOCTL hands out the full form: the whole payload struct, zero
 * after the path (but see AEGIS_PATH_CUT). A reader that zero-extends a compact payload to sizeof(struct) has the full
 * form.
 *
 * Valid C11 and C++20; fixed-width types only. Constants are macros because C11 has no typed constant that
 * may size an array, and because mixing two enums in one expression is deprecated in C++20.
 */
#ifndef AEGIS_EVENT_H
#define AEGIS_EVENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define AEGIS_STATIC_ASSERT(condition, message) static_assert(condition, message)
#else
#define AEGIS_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif

/* UTF-16 units of AEGIS_PROCESS_PAYLOAD.ImagePath. */
#define AEGIS_MAX_PATH 512U
/* Longest path the driver reports: one unit is kept for the terminator of the full form. */
#define AEGIS_MAX_PATH_REPORTED (AEGIS_MAX_PATH - 1U)

/*
 * A path longer than AEGIS_MAX_PATH_REPORTED loses its middle, never its end, which names the program:
 * ImagePath holds its beginning, three full stops, its end and a terminator. ImagePathLength counts all but
 * the terminator, ImagePathExact is 0, and ImagePathFlags has AEGIS_PATH_CUT. The last two units of ImagePath
 * tell the rest, so that such an event has the whole payload, in compact form too. No surrogate pair is split.
 */
#define AEGIS_PATH_CUT_HEAD  128U /* most units before the full stops */
#define AEGIS_PATH_CUT_MARK  3U   /* the full stops */
#define AEGIS_PATH_CUT_TAIL  378U /* most units after them: more than the longest name of a file, 255 */
#define AEGIS_PATH_CUT_MAX   (AEGIS_PATH_CUT_HEAD + AEGIS_PATH_CUT_MARK + AEGIS_PATH_CUT_TAIL)
#define AEGIS_PATH_CUT_PLACE 510U /* index in ImagePath: how many units stand before the full stops */
#define AEGIS_PATH_CUT_FULL  511U /* index in ImagePath: how many units the whole path has */

/* AEGIS_PROCESS_PAYLOAD.ImagePathFlags. Bits without a name are 0. */
#define AEGIS_PATH_CUT       0x01U /* the middle of the path is missing */
#define AEGIS_PATH_CUT_EXACT 0x02U /* with AEGIS_PATH_CUT: Windows vouches for the open name that was cut */
/* Of a process create, beside the path's flags: the process was refused. It never ran, and has no exit event. */
#define AEGIS_PROCESS_REFUSED 0x04U

/* Smallest output buffer the pull IOCTL accepts, in bytes: the largest event, plus room. */
#define AEGIS_MAX_EVENT_SIZE 1120U

/* Header.Type. Numbers are fixed forever; new types are appended. */
#define AEGIS_EVENT_PROCESS_CREATE 1U
#define AEGIS_EVENT_PROCESS_EXIT   2U
#define AEGIS_EVENT_THREAD_CREATE  3U
#define AEGIS_EVENT_IMAGE_LOAD     4U
#define AEGIS_EVENT_FILE_OP        5U
#define AEGIS_EVENT_NET_CONN       6U
#define AEGIS_EVENT_THREAD_EXIT    7U
#define AEGIS_EVENT_REGISTRY_OP    8U
#define AEGIS_EVENT_HANDLE_OP      9U
#define AEGIS_EVENT_SUPPRESSED     11U

typedef struct AEGIS_EVENT_HEADER {
    uint16_t Size;     /* Header and payload, in bytes. */
    uint16_t Type;     /* AEGIS_EVENT_… */
    uint32_t Sequence; /* 1 for the first event after driver load; wraps; a gap means loss. */
    int64_t Timestamp; /* 100 ns since 1601-01-01, UTC. */
} AEGIS_EVENT_HEADER;

/*
 * Payload of AEGIS_EVENT_PROCESS_CREATE and AEGIS_EVENT_PROCESS_EXIT. An exit carries ProcessId only.
 *
 * ParentProcessId is what the new process says its parent is; CreatingProcessId is the process whose
 * thread made the call. They differ for brokered launches, elevation and parent-PID spoofing: a
 * signal, never a verdict.
 */
typedef struct AEGIS_PROCESS_PAYLOAD {
    uint32_t ProcessId;
    uint32_t ParentProcessId;
    uint32_t CreatingProcessId;
    uint16_t ImagePathLength; /* UTF-16 units, no terminator; authoritative; <= AEGIS_MAX_PATH_REPORTED. */
    uint8_t ImagePathExact;   /* 1: Windows vouches for the open name and nothing was cut off. */
    uint8_t ImagePathFlags;   /* AEGIS_PATH_…, 0 for a path that is whole; AEGIS_PROCESS_REFUSED. */
    uint16_t ImagePath[AEGIS_MAX_PATH];
} AEGIS_PROCESS_PAYLOAD;

/* AEGIS_SUPPRESSED_PAYLOAD.Reason */
#define AEGIS_SUPPRESSED_LIMITED 1U /* more of them than the policy lets through */
#define AEGIS_SUPPRESSED_MERGED  2U /* like an event that was published shortly before */

/*
 * Payload of AEGIS_EVENT_SUPPRESSED: events of one type that a policy (policy.h) kept back, all of them told once. It
 * comes before the next event of the type that is let through, or, of merged ones, of their kind; when the policy is
 * replaced or ends at the latest.
 */
typedef struct AEGIS_SUPPRESSED_PAYLOAD {
    uint64_t Count;    /* how many */
    int64_t FirstTime; /* of the first and the last of them, 100 ns since 1601 */
    int64_t LastTime;
    uint64_t Generation; /* of the policy */
    int64_t LikeTime;    /* merged: Timestamp and, of a process create, ProcessId of the published event; else 0 */
    uint32_t LikeProcessId;
    uint16_t Type;  /* AEGIS_EVENT_… */
    uint8_t Reason; /* AEGIS_SUPPRESSED_… */
    uint8_t Reserved;
} AEGIS_SUPPRESSED_PAYLOAD;

/* AEGIS_THREAD_PAYLOAD.Flags. A reader takes no meaning from bits without a name. */
#define AEGIS_THREAD_REMOTE              0x01U /* start: the creator is another process */
#define AEGIS_THREAD_FIRST               0x02U /* start: the first thread of its process; the creator made both */
#define AEGIS_THREAD_SYSTEM              0x04U /* it runs in the kernel only */
#define AEGIS_THREAD_ADDRESS_VALID       0x08U /* start: StartAddress is known */
#define AEGIS_THREAD_EXIT_STATUS_VALID   0x10U /* exit: ExitStatus is known */
#define AEGIS_THREAD_KEY_IS_TIME         0x20U /* ProcessKey is the time of the process's creation */
#define AEGIS_THREAD_CREATOR_KEY_IS_TIME 0x40U /* CreatorKey is the time of the creator's creation */

/*
 * Payload of AEGIS_EVENT_THREAD_CREATE and AEGIS_EVENT_THREAD_EXIT. An exit has no creator and no start address.
 *
 * The creator is the thread that made the call. The first thread of every process is made by another process and so
 * is remote; a remote thread that is not the first one was put there by somebody else.
 *
 * A key names a process for ever, where its number is given to another one: its start key or, with the flag, the time
 * of its creation. 0: not known.
 */
typedef struct AEGIS_THREAD_PAYLOAD {
    uint32_t ProcessId;
    uint32_t ThreadId;
    uint32_t CreatorProcessId; /* 0 with CreatorThreadId 0: not known */
    uint32_t CreatorThreadId;
    uint64_t ProcessKey;
    uint64_t CreatorKey;
    uint64_t StartAddress; /* in the address space of the process */
    int32_t ExitStatus;    /* NTSTATUS, or whatever the thread ended with */
    uint32_t Flags;        /* AEGIS_THREAD_… */
} AEGIS_THREAD_PAYLOAD;

/* UTF-16 units of AEGIS_IMAGE_PAYLOAD.Path. No terminator: its length is authoritative. */
#define AEGIS_IMAGE_MAX_PATH 510U
/* Longest path the driver reports whole: with it, the compact form is as large as an event in the ring may be. */
#define AEGIS_IMAGE_MAX_PATH_REPORTED 498U

/*
 * A longer path loses its middle, never its end, which names the file. What is left are AEGIS_IMAGE_MAX_PATH_REPORTED
 * units: the beginning, three full stops, and the end, each in its fixed place. A surrogate whose other half is cut off
 * becomes a full stop, too.
 */
#define AEGIS_IMAGE_CUT_HEAD 128U /* units before the full stops */
#define AEGIS_IMAGE_CUT_MARK 3U   /* the full stops */
#define AEGIS_IMAGE_CUT_TAIL 367U /* units after them: more than the longest name of a file, 255 */

/* AEGIS_IMAGE_PAYLOAD.Flags. A reader takes no meaning from bits without a name. */
#define AEGIS_IMAGE_KERNEL           0x01U /* it runs in kernel mode: a driver */
#define AEGIS_IMAGE_EXACT            0x02U /* Windows gave the path; of one that was cut, the whole one */
#define AEGIS_IMAGE_PARTIAL_MAP      0x04U /* not all of it is mapped */
#define AEGIS_IMAGE_MACHINE_MISMATCH 0x08U /* made for another architecture than the system's */
#define AEGIS_IMAGE_KEY_IS_TIME      0x10U /* ProcessKey is the time of the process's creation */

/*
 * Payload of AEGIS_EVENT_IMAGE_LOAD: a program, library or driver was mapped to be run.
 *
 * Without AEGIS_IMAGE_EXACT the path is what the file object says, which does not name the volume; or there is none.
 */
typedef struct AEGIS_IMAGE_PAYLOAD {
    uint32_t ProcessId;       /* into whose address space; 0: a driver, into the kernel's */
    uint32_t LoaderProcessId; /* whose thread mapped it */
    uint64_t ProcessKey;      /* as in AEGIS_THREAD_PAYLOAD; 0: not known, or a driver */
    uint64_t ImageBase;
    uint64_t ImageSize;      /* bytes */
    uint8_t SignatureLevel;  /* SE_SIGNING_LEVEL_…; 0: not checked */
    uint8_t SignatureType;   /* SE_IMAGE_SIGNATURE_TYPE; 0: none */
    uint8_t AddressingMode;  /* 3: 32 bits, which stands for any */
    uint8_t Flags;           /* AEGIS_IMAGE_… */
    uint16_t PathLength;     /* UTF-16 units in Path; <= AEGIS_IMAGE_MAX_PATH_REPORTED */
    uint16_t PathFullLength; /* the same of the whole path; more than PathLength when its middle is missing */
    uint32_t ThreadId;       /* the thread that mapped it */
    uint16_t Path[AEGIS_IMAGE_MAX_PATH];
} AEGIS_IMAGE_PAYLOAD;

/* Bytes of AEGIS_IMAGE_PAYLOAD before Path. */
#define AEGIS_IMAGE_PAYLOAD_FIXED 44U
/* An image event in full form, as the pull IOCTL hands it out. */
#define AEGIS_IMAGE_EVENT_SIZE 1080U

/* Bytes of AEGIS_PROCESS_PAYLOAD before ImagePath: what a compact exit event carries. */
#define AEGIS_PROCESS_PAYLOAD_FIXED 16U
/* A process event in full form, as the pull IOCTL hands it out. */
#define AEGIS_PROCESS_EVENT_SIZE 1056U

AEGIS_STATIC_ASSERT(sizeof(AEGIS_EVENT_HEADER) == 16, "event header is 16 bytes");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_EVENT_HEADER, Size) == 0, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_EVENT_HEADER, Type) == 2, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_EVENT_HEADER, Sequence) == 4, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_EVENT_HEADER, Timestamp) == 8, "layout");

AEGIS_STATIC_ASSERT(sizeof(AEGIS_PROCESS_PAYLOAD) == 1040, "process payload is 1040 bytes");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_PAYLOAD, ProcessId) == 0, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_PAYLOAD, ParentProcessId) == 4, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_PAYLOAD, CreatingProcessId) == 8, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathLength) == 12, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathExact) == 14, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathFlags) == 15, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_PAYLOAD, ImagePath) == AEGIS_PROCESS_PAYLOAD_FIXED, "layout");

AEGIS_STATIC_ASSERT(sizeof(AEGIS_SUPPRESSED_PAYLOAD) == 48, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_SUPPRESSED_PAYLOAD, Generation) == 24, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_SUPPRESSED_PAYLOAD, LikeProcessId) == 40, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_SUPPRESSED_PAYLOAD, Reason) == 46, "layout");

AEGIS_STATIC_ASSERT(sizeof(AEGIS_THREAD_PAYLOAD) == 48, "thread payload is 48 bytes");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_THREAD_PAYLOAD, ProcessId) == 0, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_THREAD_PAYLOAD, ThreadId) == 4, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_THREAD_PAYLOAD, CreatorProcessId) == 8, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_THREAD_PAYLOAD, CreatorThreadId) == 12, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_THREAD_PAYLOAD, ProcessKey) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_THREAD_PAYLOAD, CreatorKey) == 24, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_THREAD_PAYLOAD, StartAddress) == 32, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_THREAD_PAYLOAD, ExitStatus) == 40, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_THREAD_PAYLOAD, Flags) == 44, "layout");

AEGIS_STATIC_ASSERT(sizeof(AEGIS_IMAGE_PAYLOAD) == 1064, "image payload is 1064 bytes");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, ProcessId) == 0, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, LoaderProcessId) == 4, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, ProcessKey) == 8, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, ImageBase) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, ImageSize) == 24, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, SignatureLevel) == 32, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, SignatureType) == 33, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, AddressingMode) == 34, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, Flags) == 35, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, PathLength) == 36, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, PathFullLength) == 38, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, ThreadId) == 40, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_IMAGE_PAYLOAD, Path) == AEGIS_IMAGE_PAYLOAD_FIXED, "layout");
AEGIS_STATIC_ASSERT(AEGIS_IMAGE_CUT_HEAD + AEGIS_IMAGE_CUT_MARK + AEGIS_IMAGE_CUT_TAIL == AEGIS_IMAGE_MAX_PATH_REPORTED,
                    "a cut path is as long as one may be");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_EVENT_HEADER) + sizeof(AEGIS_IMAGE_PAYLOAD) == AEGIS_IMAGE_EVENT_SIZE,
                    "full image event");
AEGIS_STATIC_ASSERT(AEGIS_IMAGE_EVENT_SIZE <= AEGIS_MAX_EVENT_SIZE, "a pull has room for it");

AEGIS_STATIC_ASSERT(AEGIS_PATH_CUT_MAX + 1 == AEGIS_PATH_CUT_PLACE, "a cut path and its terminator end there");
AEGIS_STATIC_ASSERT(AEGIS_PATH_CUT_FULL + 1 == AEGIS_MAX_PATH, "the last unit");

AEGIS_STATIC_ASSERT(sizeof(AEGIS_EVENT_HEADER) + sizeof(AEGIS_PROCESS_PAYLOAD) == AEGIS_PROCESS_EVENT_SIZE,
                    "full process event is 1056 bytes");
AEGIS_STATIC_ASSERT(AEGIS_MAX_EVENT_SIZE == AEGIS_PROCESS_EVENT_SIZE + 64, "pull buffer minimum");

#endif
