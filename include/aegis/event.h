/*
 * The event contract: what one event looks like on every transport.
 *
 * An event is a 16-byte header followed by a payload. Header.Size counts both and is the stride to
 * the next event in a pull buffer. All integers are little-endian; all text is UTF-16 as Windows
 * produced it, which means that unpaired surrogates are possible.
 *
 * Two forms of the same event exist. The ring carries the compact form: an event ends right after the last byte of its
 * path or texts. The pull IOCTL hands out the full form: the whole payload struct, zero after the texts (but see
 * AEGIS_PATH_CUT). A reader that zero-extends a compact payload to sizeof(struct) has the full form.
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
#define AEGIS_EVENT_PROCESS_CREATE  1U
#define AEGIS_EVENT_PROCESS_EXIT    2U
#define AEGIS_EVENT_THREAD_CREATE   3U
#define AEGIS_EVENT_IMAGE_LOAD      4U
#define AEGIS_EVENT_FILE_OP         5U
#define AEGIS_EVENT_NET_CONN        6U
#define AEGIS_EVENT_THREAD_EXIT     7U
#define AEGIS_EVENT_REGISTRY_OP     8U
#define AEGIS_EVENT_HANDLE_OP       9U
#define AEGIS_EVENT_PROCESS_DETAILS 10U
#define AEGIS_EVENT_SUPPRESSED      11U

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

/* AEGIS_REGISTRY_PAYLOAD.Operation, which is also the number of the operation's bit in AEGIS_POLICY_TYPE.Operations */
#define AEGIS_REGISTRY_CREATE_KEY   0U /* a key that was not there before */
#define AEGIS_REGISTRY_SET_VALUE    1U
#define AEGIS_REGISTRY_DELETE_KEY   2U
#define AEGIS_REGISTRY_DELETE_VALUE 3U
#define AEGIS_REGISTRY_RENAME_KEY   4U
#define AEGIS_REGISTRY_OPERATIONS   5U

/* AEGIS_REGISTRY_PAYLOAD.Flags. A reader takes no meaning from bits without a name. */
#define AEGIS_REGISTRY_REFUSED     0x01U /* the driver refused it: nothing has changed */
#define AEGIS_REGISTRY_KEY_CUT     0x02U /* the middle of the key's path is missing */
#define AEGIS_REGISTRY_NAME_CUT    0x04U /* the middle of the name is missing */
#define AEGIS_REGISTRY_DATA_CUT    0x08U /* DataSize says how much there was */
#define AEGIS_REGISTRY_KEY_IS_TIME 0x10U /* ProcessKey is the time of the process's creation */
#define AEGIS_REGISTRY_NO_KEY_NAME 0x20U /* the path of the key is not known */

/* UTF-16 units of AEGIS_REGISTRY_PAYLOAD.Text. */
#define AEGIS_REGISTRY_TEXT 512U
/* Most of them that the driver fills: with them, the compact form is as large as an event in the ring may be. */
#define AEGIS_REGISTRY_TEXT_REPORTED 500U

/*
 * Payload of AEGIS_EVENT_REGISTRY_OP: a key or a value was changed, or somebody tried to.
 *
 * Text holds, back to back, the path of the key, the name, and the first bytes of the data. The name is that of the
 * value; of a rename, the key's new name, and the key is the old one. Keys are named as the kernel names them,
 * \REGISTRY\MACHINE\SYSTEM\ControlSet001\…; CurrentControlSet does not occur.
 *
 * A key's path and a name that are cut keep their beginning and their end, with three full stops between; a surrogate
 * whose other half is cut off becomes a full stop, too.
 */
typedef struct AEGIS_REGISTRY_PAYLOAD {
    uint32_t ProcessId; /* whose thread made the call */
    uint32_t ThreadId;
    uint64_t ProcessKey;     /* as in AEGIS_THREAD_PAYLOAD; 0: not known */
    uint32_t ValueType;      /* REG_SZ …, of AEGIS_REGISTRY_SET_VALUE */
    uint32_t DataSize;       /* bytes of the whole data */
    int32_t Status;          /* NTSTATUS of the operation */
    uint8_t Operation;       /* AEGIS_REGISTRY_… */
    uint8_t Flags;           /* AEGIS_REGISTRY_… */
    uint16_t KeyLength;      /* UTF-16 units in Text */
    uint16_t KeyFullLength;  /* the same of the whole path */
    uint16_t NameLength;     /* UTF-16 units in Text, behind the key */
    uint16_t NameFullLength; /* the same of the whole name */
    uint16_t DataLength;     /* bytes in Text, behind the name */
    uint16_t Text[AEGIS_REGISTRY_TEXT];
} AEGIS_REGISTRY_PAYLOAD;

/* Bytes of AEGIS_REGISTRY_PAYLOAD before Text. */
#define AEGIS_REGISTRY_PAYLOAD_FIXED 40U
/* A registry event in full form, as the pull IOCTL hands it out. */
#define AEGIS_REGISTRY_EVENT_SIZE 1080U

/* AEGIS_HANDLE_PAYLOAD.Operation, which is also the number of the operation's bit in AEGIS_POLICY_TYPE.Operations */
#define AEGIS_HANDLE_OPEN       0U
#define AEGIS_HANDLE_DUPLICATE  1U
#define AEGIS_HANDLE_OPERATIONS 2U

/* AEGIS_HANDLE_PAYLOAD.ObjectType, AEGIS_POLICY_HANDLES.ObjectType */
#define AEGIS_HANDLE_PROCESS 1U
#define AEGIS_HANDLE_THREAD  2U

/* AEGIS_HANDLE_PAYLOAD.Flags. A reader takes no meaning from bits without a name. */
#define AEGIS_HANDLE_STRIPPED           0x01U /* the driver took rights away: the target is protected */
#define AEGIS_HANDLE_KEY_IS_TIME        0x02U /* ProcessKey is the time of the process's creation */
#define AEGIS_HANDLE_TARGET_KEY_IS_TIME 0x04U /* TargetKey is the time of the target's creation */
#define AEGIS_HANDLE_GRANTED_VALID      0x08U /* there is a handle; GrantedAccess is what it may do */

/*
 * Payload of AEGIS_EVENT_HANDLE_OP: a handle to a process or a thread was opened or duplicated, or somebody tried to.
 * Of a duplicate, ProcessId and ThreadId are the caller's, who need be neither of the two processes between which it
 * goes.
 */
typedef struct AEGIS_HANDLE_PAYLOAD {
    uint32_t ProcessId; /* whose thread made the call */
    uint32_t ThreadId;
    uint64_t ProcessKey;           /* as in AEGIS_THREAD_PAYLOAD; 0: not known */
    uint32_t TargetProcessId;      /* the process, or that of the thread */
    uint32_t TargetThreadId;       /* 0: the object is a process */
    uint64_t TargetKey;            /* of TargetProcessId; 0: not known */
    uint32_t OriginalAccess;       /* what the caller asked for */
    uint32_t DesiredAccess;        /* what was left of it when the driver was done */
    uint32_t GrantedAccess;        /* with AEGIS_HANDLE_GRANTED_VALID */
    uint8_t Operation;             /* AEGIS_HANDLE_OPEN, AEGIS_HANDLE_DUPLICATE */
    uint8_t ObjectType;            /* AEGIS_HANDLE_PROCESS, AEGIS_HANDLE_THREAD */
    uint16_t Flags;                /* AEGIS_HANDLE_… */
    uint32_t SourceProcessId;      /* of a duplicate: from whose handles */
    uint32_t DestinationProcessId; /* and into whose */
    uint64_t Reserved;
} AEGIS_HANDLE_PAYLOAD;

/* AEGIS_PROCESS_DETAILS_PAYLOAD.Kind */
#define AEGIS_DETAILS_START 1U /* an AEGIS_EVENT_PROCESS_CREATE of the same process follows */
#define AEGIS_DETAILS_EXIT  2U /* an AEGIS_EVENT_PROCESS_EXIT follows */

/* AEGIS_PROCESS_DETAILS_PAYLOAD.Elevation: TOKEN_ELEVATION_TYPE; 0: not known */
#define AEGIS_ELEVATION_DEFAULT 1U
#define AEGIS_ELEVATION_FULL    2U
#define AEGIS_ELEVATION_LIMITED 3U

/* AEGIS_PROCESS_DETAILS_PAYLOAD.Flags. A reader takes no meaning from bits without a name. */
#define AEGIS_DETAILS_KEY_IS_TIME         0x01U /* ProcessKey is CreationTime */
#define AEGIS_DETAILS_PARENT_KEY_IS_TIME  0x02U /* ParentKey is the time of the parent's creation */
#define AEGIS_DETAILS_CREATOR_KEY_IS_TIME 0x04U /* CreatorKey is the time of the creator's creation */
#define AEGIS_DETAILS_TOKEN_VALID         0x08U /* LogonId, SessionId, the SID and what else the token says are known */
#define AEGIS_DETAILS_INTEGRITY_VALID     0x10U /* IntegrityLevel is known */
#define AEGIS_DETAILS_COMMAND_LINE_VALID  0x20U /* there is a command line, which may be empty */
#define AEGIS_DETAILS_EXIT_STATUS_VALID   0x40U /* ExitStatus is known */

#define AEGIS_DETAILS_PARTS_MAX 8U
/* Bytes of the longest SID. */
#define AEGIS_SID_BYTES_MAX 68U
/* UTF-16 units of AEGIS_PROCESS_DETAILS_PAYLOAD.Text. */
#define AEGIS_DETAILS_TEXT 494U
/* Most of them that the driver fills: with them, the compact form is as large as an event in the ring may be. */
#define AEGIS_DETAILS_TEXT_REPORTED 482U

/*
 * Payload of AEGIS_EVENT_PROCESS_DETAILS: what else is known of a process that starts or ends. It comes right before
 * the process's AEGIS_EVENT_PROCESS_CREATE or AEGIS_EVENT_PROCESS_EXIT, as far as that process is concerned: events of
 * others may come between. Header.Timestamp is the same in all of them: by it and ProcessId they are told to belong
 * together. A command line too long for one event takes several, Part 0 to Parts - 1, each with the same fixed fields;
 * what is longer than AEGIS_DETAILS_PARTS_MAX of them hold is cut off at its end. An exit has one part and no command
 * line.
 *
 * Text holds, back to back, in part 0 the user's SID, and in every part its piece of the command line.
 */
typedef struct AEGIS_PROCESS_DETAILS_PAYLOAD {
    uint32_t ProcessId;
    uint32_t SessionId;
    uint64_t ProcessKey; /* as in AEGIS_THREAD_PAYLOAD; 0: not known */
    uint64_t ParentKey;
    uint64_t CreatorKey;
    uint64_t LogonId;     /* LUID of the logon session */
    int64_t CreationTime; /* of the process, 100 ns since 1601; 0: not known */
    uint32_t CreatingThreadId;
    uint32_t IntegrityLevel; /* SECURITY_MANDATORY_…_RID */
    int32_t ExitStatus;      /* NTSTATUS, or whatever the process ended with */
    uint32_t Flags;          /* AEGIS_DETAILS_… */
    uint8_t Kind;            /* AEGIS_DETAILS_START, AEGIS_DETAILS_EXIT */
    uint8_t Part;
    uint8_t Parts;
    uint8_t Elevation;              /* AEGIS_ELEVATION_… */
    uint16_t SidLength;             /* bytes in Text; 0 but in part 0; <= AEGIS_SID_BYTES_MAX */
    uint16_t CommandLineLength;     /* UTF-16 units in Text, behind the SID: this part's piece */
    uint16_t CommandLineOffset;     /* units in the parts before */
    uint16_t CommandLineFullLength; /* of the whole command line, whatever the parts hold of it */
    uint16_t Text[AEGIS_DETAILS_TEXT];
} AEGIS_PROCESS_DETAILS_PAYLOAD;

/* Bytes of AEGIS_PROCESS_DETAILS_PAYLOAD before Text. */
#define AEGIS_DETAILS_PAYLOAD_FIXED 76U
/* Details in full form, as the pull IOCTL hands them out. */
#define AEGIS_DETAILS_EVENT_SIZE 1080U

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

AEGIS_STATIC_ASSERT(sizeof(AEGIS_REGISTRY_PAYLOAD) == 1064, "registry payload is 1064 bytes");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, ProcessId) == 0, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, ThreadId) == 4, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, ProcessKey) == 8, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, ValueType) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, DataSize) == 20, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, Status) == 24, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, Operation) == 28, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, Flags) == 29, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, KeyLength) == 30, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, KeyFullLength) == 32, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, NameLength) == 34, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, NameFullLength) == 36, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, DataLength) == 38, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_REGISTRY_PAYLOAD, Text) == AEGIS_REGISTRY_PAYLOAD_FIXED, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_EVENT_HEADER) + sizeof(AEGIS_REGISTRY_PAYLOAD) == AEGIS_REGISTRY_EVENT_SIZE,
                    "full registry event");
AEGIS_STATIC_ASSERT(AEGIS_REGISTRY_EVENT_SIZE <= AEGIS_MAX_EVENT_SIZE, "a pull has room for it");

AEGIS_STATIC_ASSERT(sizeof(AEGIS_HANDLE_PAYLOAD) == 64, "handle payload is 64 bytes");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, ProcessId) == 0, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, ThreadId) == 4, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, ProcessKey) == 8, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, TargetProcessId) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, TargetThreadId) == 20, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, TargetKey) == 24, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, OriginalAccess) == 32, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, DesiredAccess) == 36, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, GrantedAccess) == 40, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, Operation) == 44, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, ObjectType) == 45, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, Flags) == 46, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, SourceProcessId) == 48, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, DestinationProcessId) == 52, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_HANDLE_PAYLOAD, Reserved) == 56, "layout");

AEGIS_STATIC_ASSERT(sizeof(AEGIS_PROCESS_DETAILS_PAYLOAD) == 1064, "details payload is 1064 bytes");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, ProcessId) == 0, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, SessionId) == 4, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, ProcessKey) == 8, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, ParentKey) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, CreatorKey) == 24, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, LogonId) == 32, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, CreationTime) == 40, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, CreatingThreadId) == 48, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, IntegrityLevel) == 52, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, ExitStatus) == 56, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, Flags) == 60, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, Kind) == 64, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, Part) == 65, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, Parts) == 66, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, Elevation) == 67, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, SidLength) == 68, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, CommandLineLength) == 70, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, CommandLineOffset) == 72, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, CommandLineFullLength) == 74, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, Text) == AEGIS_DETAILS_PAYLOAD_FIXED, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_EVENT_HEADER) + sizeof(AEGIS_PROCESS_DETAILS_PAYLOAD) == AEGIS_DETAILS_EVENT_SIZE,
                    "full details event");
AEGIS_STATIC_ASSERT(AEGIS_DETAILS_EVENT_SIZE <= AEGIS_MAX_EVENT_SIZE, "a pull has room for it");

AEGIS_STATIC_ASSERT(AEGIS_PATH_CUT_MAX + 1 == AEGIS_PATH_CUT_PLACE, "a cut path and its terminator end there");
AEGIS_STATIC_ASSERT(AEGIS_PATH_CUT_FULL + 1 == AEGIS_MAX_PATH, "the last unit");

AEGIS_STATIC_ASSERT(sizeof(AEGIS_EVENT_HEADER) + sizeof(AEGIS_PROCESS_PAYLOAD) == AEGIS_PROCESS_EVENT_SIZE,
                    "full process event is 1056 bytes");
AEGIS_STATIC_ASSERT(AEGIS_MAX_EVENT_SIZE == AEGIS_PROCESS_EVENT_SIZE + 64, "pull buffer minimum");

#endif
