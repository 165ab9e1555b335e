/*
 * The control contract: device names, IOCTL codes, requests and replies.
 *
 * All codes are METHOD_BUFFERED, and but for the last IRP_MJ_DEVICE_CONTROL. Every request starts with
 * AEGIS_REQUEST_HEADER; reserved fields must be zero; a request of the wrong version or length, or with a reserved bit
 * set, changes nothing and gets the NTSTATUS named below: that of the first fault in this order. Reply bytes without a
 * meaning are zero.
 *
 *   STATUS_INVALID_DEVICE_REQUEST    unknown code
 *   STATUS_INFO_LENGTH_MISMATCH      the request is shorter than AEGIS_REQUEST_HEADER
 *   STATUS_REVISION_MISMATCH         the request's Version is not AEGIS_CONTROL_VERSION
 *   STATUS_INFO_LENGTH_MISMATCH      the request is shorter than its struct, or longer than AEGIS_REQUEST_ROOM
 *   STATUS_INVALID_PARAMETER         Bytes disagrees with the length, a reserved field is not zero, or the request is
 *                                    longer than its struct and the rest is not zero
 *   STATUS_BUFFER_TOO_SMALL          the reply does not fit
 *
 * Within one version, releases differ by what they append, and understand each other:
 *   - A request may grow. The driver takes one that is longer than it knows as long as the rest is zero, so zero is
 * what a field that is appended means when nobody asks for anything.
 *   - The reply to a query may grow: see AEGIS_QUERY_REPLY.
 * Whatever they could misunderstand is another version, and the driver refuses an agent of another version.
 *
 * Opening the device: STATUS_ACCESS_DENIED to all but SYSTEM and Administrators, STATUS_OBJECT_NAME_INVALID with a name
 * behind the device's own, STATUS_QUOTA_EXCEEDED when AEGIS_MAX_HANDLES are open. A driver's request without the file
 * object of an open gets STATUS_INVALID_DEVICE_REQUEST.
 *
 * Valid C11 and C++20; fixed-width types only.
 */
#ifndef AEGIS_IOCTL_H
#define AEGIS_IOCTL_H

#include "aegis/ring_layout.h"

#define AEGIS_SERVICE_NAME "AegisMon"
#define AEGIS_DEVICE_NAME  "\\Device\\AegisMon"
#define AEGIS_LINK_NAME    "\\??\\AegisMon"
#define AEGIS_WIN32_PATH   "\\\\.\\AegisMon"

/* CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + n, METHOD_BUFFERED, access) */
#define AEGIS_IOCTL_GET_EVENTS    0x226000U /* n=0, FILE_READ_DATA */
#define AEGIS_IOCTL_RING_SETUP    0x22E004U /* n=1, FILE_READ_DATA | FILE_WRITE_DATA */
#define AEGIS_IOCTL_RING_TEARDOWN 0x22E008U /* n=2, FILE_READ_DATA | FILE_WRITE_DATA */
#define AEGIS_IOCTL_QUERY         0x22600CU /* n=3, FILE_READ_DATA */
#define AEGIS_IOCTL_SET_POLICY    0x22A010U /* n=4, FILE_WRITE_DATA; policy.h */
#define AEGIS_IOCTL_GET_POLICY    0x226014U /* n=5, FILE_READ_DATA; policy.h */
#define AEGIS_IOCTL_PROTECT       0x22A018U /* n=6, FILE_WRITE_DATA */
#define AEGIS_IOCTL_SOURCE_LOSS   0x222200U /* n=0x80, FILE_ANY_ACCESS; IRP_MJ_INTERNAL_DEVICE_CONTROL only */
#define AEGIS_IOCTL_NO_SOURCE     0x222204U /* n=0x81, the same */

#define AEGIS_CONTROL_VERSION 2U
#define AEGIS_REQUEST_ROOM    256U   /* bytes of the longest request in any release of this version */
#define AEGIS_QUERY_ROOM      16384U /* bytes of the longest reply to a query in any release of this version */
#define AEGIS_MAX_CONSUMERS   32U    /* ring consumers at a time, all processes together */
#define AEGIS_MAX_HANDLES     128U   /* open handles to the device at a time */
#define AEGIS_MAX_CALLBACKS   32U    /* callbacks that a query may tell of */

typedef struct AEGIS_REQUEST_HEADER {
    uint32_t Version; /* AEGIS_CONTROL_VERSION */
    uint32_t Bytes;   /* length of the whole request */
} AEGIS_REQUEST_HEADER;

/*
 * AEGIS_IOCTL_RING_SETUP: maps both regions into the calling process and registers its event.
 *
 * The handle that sends it becomes one consumer, until teardown, until the handle's last close or until
 * the process that sent it exits, whichever comes first. Everything is undone then; addresses are never
 * taken from the caller.
 *
 *   STATUS_INVALID_HANDLE, STATUS_OBJECT_TYPE_MISMATCH, STATUS_ACCESS_DENIED
 *                                    EventHandle is unknown, no event, or lacks EVENT_MODIFY_STATE
 *   STATUS_ALREADY_REGISTERED        this handle already is a consumer
 *   STATUS_QUOTA_EXCEEDED            AEGIS_MAX_CONSUMERS are registered
 *   STATUS_INSUFFICIENT_RESOURCES    no memory, or the process has no address space left
 *   STATUS_DRIVER_INTERNAL_ERROR     the driver's state is AEGIS_RING_FAILED: what it kept can still be pulled
 *   STATUS_FILE_CLOSED               the last close of the handle came first
 *   STATUS_NOT_SUPPORTED             a driver sent it: a ring is mapped for user mode; drivers pull
 */
typedef struct AEGIS_RING_SETUP_REQUEST {
    AEGIS_REQUEST_HEADER Header;
    uint64_t EventHandle; /* of the calling process; auto-reset or manual-reset */
    uint64_t Reserved;
} AEGIS_RING_SETUP_REQUEST;

typedef struct AEGIS_RING_SETUP_REPLY {
    uint32_t Version;     /* AEGIS_CONTROL_VERSION */
    uint32_t Bytes;       /* sizeof this struct */
    uint64_t RingAddress; /* AEGIS_RING_HEADER, read-only, in the calling process */
    uint64_t RingBytes;
    uint64_t ConsumerPageAddress; /* AEGIS_CONSUMER_PAGE, read-write, in the calling process */
    uint64_t ConsumerPageBytes;
    uint32_t HeaderBytes;
    uint32_t CellBytes;
    uint32_t CellCount;
    uint16_t AbiMajor;
    uint16_t AbiMinor;
    uint8_t SessionId[16];
} AEGIS_RING_SETUP_REPLY;

/*
 * AEGIS_IOCTL_RING_TEARDOWN: undoes the setup of this handle. No reply.
 *   STATUS_NOT_FOUND                 this handle is no consumer
 */
typedef struct AEGIS_RING_TEARDOWN_REQUEST {
    AEGIS_REQUEST_HEADER Header;
} AEGIS_RING_TEARDOWN_REQUEST;

/*
 * AEGIS_IOCTL_PROTECT: the calling process is protected: from then on, whoever opens it or one of its threads, or
 * duplicates a handle to them, gets no right to end, suspend or change it; each attempt is an event with
 * AEGIS_HANDLE_STRIPPED. The process itself and those that the policy in force names are exempt. It ends with the
 * handle's last close or with the process, whichever comes first. No reply.
 *
 *   STATUS_ALREADY_REGISTERED        this handle already protects its process
 *   STATUS_NOT_SUPPORTED             a driver sent it; or the row of AEGIS_CALLBACK_HANDLE says: not registered
 *   STATUS_FILE_CLOSED               the last close of the handle came first
 *   STATUS_DRIVER_INTERNAL_ERROR     the driver's state is AEGIS_RING_FAILED: it protects nothing any more
 */
typedef struct AEGIS_PROTECT_REQUEST {
    AEGIS_REQUEST_HEADER Header;
} AEGIS_PROTECT_REQUEST;

/*
 * AEGIS_IOCTL_SOURCE_LOSS: what feeds the sensors has lost events before they saw them. Counted as AEGIS_LOST_SOURCE,
 * and sleeping consumers are woken. No reply.
 *
 * An IRP_MJ_INTERNAL_DEVICE_CONTROL, which kernel components alone can send: a user-mode caller has no way to make one,
 * and as an IRP_MJ_DEVICE_CONTROL the code is unknown. The sender holds a reference to the device object; it needs no
 * file object. IRQL <= DISPATCH_LEVEL.
 *
 *   STATUS_ACCESS_DENIED             the requestor mode is UserMode: somebody passed a user's request on
 *   STATUS_INVALID_PARAMETER         Count is 0: nothing was lost
 */
typedef struct AEGIS_SOURCE_LOSS_REQUEST {
    AEGIS_REQUEST_HEADER Header;
    uint32_t Count; /* events lost since the report before, as the source counts them; 32 bits: the sum never wraps */
    uint32_t Reserved;
} AEGIS_SOURCE_LOSS_REQUEST;

/*
 * AEGIS_IOCTL_NO_SOURCE: nothing will call the callback of this kind, because what stands in for the kernel cannot see
 * such things, or was told not to. Its row carries AEGIS_CALLBACK_NO_SOURCE from then on. No reply. Sent as
 * AEGIS_IOCTL_SOURCE_LOSS is. IRQL <= DISPATCH_LEVEL.
 *
 *   STATUS_ACCESS_DENIED             the requestor mode is UserMode: somebody passed a user's request on
 *   STATUS_NOT_FOUND                 the driver has no sensor of this kind
 */
typedef struct AEGIS_NO_SOURCE_REQUEST {
    AEGIS_REQUEST_HEADER Header;
    uint32_t Kind; /* AEGIS_CALLBACK_…, of a sensor */
    uint32_t Reserved;
} AEGIS_NO_SOURCE_REQUEST;

/* AEGIS_IOCTL_QUERY: geometry, counters, health of the callbacks, consumers with their lag. */
typedef struct AEGIS_QUERY_REQUEST {
    AEGIS_REQUEST_HEADER Header;
} AEGIS_QUERY_REQUEST;

/* AEGIS_CALLBACK_HEALTH.Kind: the sensors, and the transport's own callback */
#define AEGIS_CALLBACK_PROCESS    1U /* process starts and exits */
#define AEGIS_CALLBACK_OWNER_EXIT 2U /* the transport's own: consumers whose process ends; it makes no events */
#define AEGIS_CALLBACK_THREAD     3U /* thread starts and exits */
#define AEGIS_CALLBACK_IMAGE      4U /* loads of programs, libraries and drivers */
#define AEGIS_CALLBACK_REGISTRY   5U /* changes of keys and values */
#define AEGIS_CALLBACK_HANDLE     6U /* handles to processes and threads, opened and duplicated */

/* AEGIS_CALLBACK_HEALTH.Flags */
#define AEGIS_CALLBACK_NO_SUBSYSTEMS     1U /* not told of processes, or threads, of subsystems such as WSL 1 */
#define AEGIS_CALLBACK_NO_FIRST_THREADS  2U /* thread sensor: cannot tell the first thread of a process from others */
#define AEGIS_CALLBACK_NO_FOREIGN_IMAGES 4U /* image sensor: not told of images made for another architecture */
#define AEGIS_CALLBACK_NO_SOURCE         8U /* nothing calls it: AEGIS_IOCTL_NO_SOURCE */

/*
 * What a callback has seen since load, and what became of it. In every row of every reply
 *
 *   Seen = Published + Filtered + Limited + Merged + Lost
 *
 * exactly: each thing seen is counted once, when it is decided what becomes of it. That is no count of events in the
 * ring: some things take several, and an event may stand for several that were merged.
 */
typedef struct AEGIS_CALLBACK_HEALTH {
    uint32_t Kind;         /* AEGIS_CALLBACK_…; 0: unused row */
    uint32_t Registered;   /* 1 or 0 */
    int32_t Status;        /* NTSTATUS of the registration */
    uint32_t Flags;        /* AEGIS_CALLBACK_NO_… */
    int64_t LastEventTime; /* of what was seen last and not switched off, 100 ns since 1601; 0: nothing yet */
    uint64_t Seen;
    uint64_t Published; /* it is in the ring */
    uint64_t Filtered;  /* nobody wants it; all that the transport's own callback sees */
    uint64_t Limited;   /* one of too many */
    uint64_t Merged;    /* another event stands for it */
    uint64_t Lost;      /* wanted, and without a place in the ring: LostBefore has the reason */
} AEGIS_CALLBACK_HEALTH;

/* AEGIS_CONSUMER_INFO.Transport */
#define AEGIS_TRANSPORT_RING 1U
#define AEGIS_TRANSPORT_PULL 2U

typedef struct AEGIS_CONSUMER_INFO {
    uint32_t Transport; /* AEGIS_TRANSPORT_…; 0: unused row */
    uint32_t ProcessId; /* owner of the ring mapping, or opener of the pull handle */
    uint64_t Cursor;    /* next ticket; a ring consumer's own word for it */
    uint64_t Lag;       /* published - Cursor, never more than published */
    uint64_t Lost;      /* pull: lapped events; ring: 0, the consumer counts its own */
    uint64_t Wakeups;   /* doorbells rung for it */
} AEGIS_CONSUMER_INFO;

/* Where the rows of one kind are in a reply: the first at Offset, each RowBytes after the one before. */
typedef struct AEGIS_ROWS {
    uint32_t Offset; /* from the reply's first byte; a multiple of 8, not within the head */
    uint32_t Count;
    uint32_t RowBytes; /* a multiple of 8 */
} AEGIS_ROWS;

/*
 * The reply as this release writes it. Others of the same version may have appended fields to its head and to its rows,
 * and may have the rows elsewhere; so a reader
 *   - offers AEGIS_QUERY_ROOM bytes: a driver with a longer reply than this struct wants more than this struct has;
 *   - takes HeadBytes of the head, at most as many as it knows, and what an older driver does not say for zero;
 *   - finds rows by Offset and RowBytes, and takes of each what it knows in the same way.
 * Head and rows are never shorter than in this release. More rows than AEGIS_MAX_CALLBACKS and AEGIS_MAX_HANDLES are
 * another version. A reply that breaks these rules is broken.
 */
typedef struct AEGIS_QUERY_REPLY {
    uint32_t Version;       /* AEGIS_CONTROL_VERSION */
    uint32_t Bytes;         /* length of the whole reply */
    uint32_t DriverVersion; /* major << 24 | minor << 16 | patch */
    uint32_t State;         /* AEGIS_RING_RUNNING, AEGIS_RING_FAILED */
    uint8_t SessionId[16];
    uint32_t HeaderBytes;
    uint32_t CellBytes;
    uint32_t CellCount;
    uint32_t Handles; /* open now */
    uint64_t RegionBytes;
    uint64_t Published;
    uint64_t LostBefore[AEGIS_LOST_REASONS]; /* events without a ticket since load, by AEGIS_LOST_… reason */
    uint64_t WakeupsSent;
    uint64_t PolicyGeneration; /* of the policy in force; 0: none was set */
    uint32_t HeadBytes;        /* length of the head: up to the first row of this release */
    uint32_t Reserved;
    AEGIS_ROWS CallbackRows; /* AEGIS_CALLBACK_HEALTH, each with another Kind, in no certain order */
    AEGIS_ROWS ConsumerRows; /* AEGIS_CONSUMER_INFO */
    AEGIS_CALLBACK_HEALTH Callbacks[AEGIS_MAX_CALLBACKS];
    AEGIS_CONSUMER_INFO Consumers[AEGIS_MAX_HANDLES];
} AEGIS_QUERY_REPLY;

#define AEGIS_QUERY_HEAD_BYTES 144U /* of this release */

AEGIS_STATIC_ASSERT(sizeof(AEGIS_REQUEST_HEADER) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_SETUP_REQUEST) == 24, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_SETUP_REQUEST, EventHandle) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_SETUP_REPLY) == 72, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_SETUP_REPLY, RingAddress) == 8, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_SETUP_REPLY, HeaderBytes) == 40, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_SETUP_REPLY, SessionId) == 56, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_TEARDOWN_REQUEST) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_QUERY_REQUEST) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_PROTECT_REQUEST) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_SOURCE_LOSS_REQUEST) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_SOURCE_LOSS_REQUEST, Count) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_NO_SOURCE_REQUEST) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_NO_SOURCE_REQUEST, Kind) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_CALLBACK_HEALTH) == 72, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_CALLBACK_HEALTH, LastEventTime) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_CALLBACK_HEALTH, Lost) == 64, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_CONSUMER_INFO) == 40, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_ROWS) == 12, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_QUERY_REPLY, SessionId) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_QUERY_REPLY, RegionBytes) == 48, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_QUERY_REPLY, LostBefore) == 64, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_QUERY_REPLY, WakeupsSent) == 96, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_QUERY_REPLY, HeadBytes) == 112, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_QUERY_REPLY, CallbackRows) == 120, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_QUERY_REPLY, Callbacks) == AEGIS_QUERY_HEAD_BYTES, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_QUERY_REPLY, Consumers) == 144 + 32 * 72, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_QUERY_REPLY) == 144 + 32 * 72 + 128 * 40, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_QUERY_REPLY) <= AEGIS_QUERY_ROOM, "room");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_SETUP_REQUEST) <= AEGIS_REQUEST_ROOM, "room");

#endif
