/*
 * The policy: what of the things the sensors see becomes an event, and what is refused. One blob, compiled by an agent
 * from its configuration, which AEGIS_IOCTL_SET_POLICY hands to the driver.
 *
 *   AEGIS_POLICY_HEADER
 *   AEGIS_POLICY_RULE       Sections[AEGIS_POLICY_PATHS].Count       prefixes of paths
 *   AEGIS_POLICY_RULE       Sections[AEGIS_POLICY_IMAGES].Count      images whose processes are left alone
 *   AEGIS_POLICY_RULE       Sections[AEGIS_POLICY_EXTENSIONS].Count  extensions of names
 *   AEGIS_POLICY_HANDLES    Sections[AEGIS_POLICY_HANDLE_MASKS].Count
 *   AEGIS_POLICY_PROCESS    Sections[AEGIS_POLICY_PROTECTED].Count
 *   uint16_t                Sections[AEGIS_POLICY_TEXT].Count        the rules' texts, back to back, in their order
 *
 * Nothing lies between the sections, behind them, or between texts: every byte has one meaning. Each section says where
 * it begins all the same, so that a compiler and a driver that disagree notice.
 *
 * What becomes of one thing that a sensor sees, the first that applies:
 *
 *   1. the longest path rule of its type says AEGIS_POLICY_REFUSE        refused, and an event whatever 2 to 5 say
 *   2. the type's Operations lack it                                     filtered
 *   3. it belongs to a process whose image is excluded                   filtered
 *   4. that path rule says AEGIS_POLICY_DROP or AEGIS_POLICY_REPORT;
 *      without one its extension's rule does, without that the type's
 *      Default                                                           filtered, or on with it
 *   5. one like it was published within the type's merge window          merged
 *   6. the type's tokens are used up; a refusal needs none               limited
 *   7. otherwise                                                         published
 *
 * A refusal may be merged with the refusals like it. What is limited or merged is told by an event of its own,
 * AEGIS_EVENT_SUPPRESSED, which says how many it stands for.
 *
 * A path rule's text is a path without a separator at its end; it matches that path and what lies below it. Both
 * separators, \ and /, are the same, and case means nothing. An image rule is matched the same way, when its process
 * starts, and counts for the process's life. The end of a process has no path: it goes as its start went. An extension
 * is what follows the last dot of a path's last component; a rule's text is that, without the dot.
 *
 * A handle that is opened or duplicated (AEGIS_EVENT_HANDLE_OP) has no path either. It is filtered when none of the
 * rights that were asked for is among AEGIS_POLICY_HANDLES of its object's type; without such an entry, when none of
 * them is dangerous. Of handles to protected processes and their threads the driver takes all rights but those to look
 * at them: the processes of AEGIS_POLICY_PROTECTED, as long as this policy is in force, and those that have sent
 * AEGIS_IOCTL_PROTECT. That is a refusal. Exempt are the process itself, the system, the system's own protected
 * processes, and every process whose image an image rule with AEGIS_POLICY_ALLOW names, by the path that the kernel
 * noted when the process was made. Such a rule excludes nothing: it and one that does are matched apart.
 *
 * The path of type 8 is that of the key, as AEGIS_REGISTRY_PAYLOAD has it; keys have no extension. As long as a policy
 * is in force, changes to this project's own services (…\Services\AegisMon and AegisAgent in any control set) are
 * refused, too.
 *
 * Valid C11 and C++20; fixed-width types only.
 */
#ifndef AEGIS_POLICY_H
#define AEGIS_POLICY_H

#include "aegis/ioctl.h"

#define AEGIS_POLICY_MAGIC     0x594C4F50U /* "POLY" in memory order */
#define AEGIS_POLICY_VERSION   1U
#define AEGIS_POLICY_BYTES_MAX 65536U

#define AEGIS_POLICY_TYPES 16U /* AEGIS_POLICY_HEADER.Types, by event type */

/* AEGIS_POLICY_HEADER.Sections */
#define AEGIS_POLICY_PATHS        0U
#define AEGIS_POLICY_IMAGES       1U
#define AEGIS_POLICY_EXTENSIONS   2U
#define AEGIS_POLICY_HANDLE_MASKS 3U
#define AEGIS_POLICY_PROTECTED    4U
#define AEGIS_POLICY_TEXT         5U
#define AEGIS_POLICY_SECTIONS     6U

#define AEGIS_POLICY_PATHS_MAX           1024U
#define AEGIS_POLICY_IMAGES_MAX          256U
#define AEGIS_POLICY_EXTENSIONS_MAX      64U
#define AEGIS_POLICY_HANDLE_MASKS_MAX    32U
#define AEGIS_POLICY_PROTECTED_MAX       64U
#define AEGIS_POLICY_PATH_UNITS_MAX      511U /* UTF-16 units of one path or image rule */
#define AEGIS_POLICY_EXTENSION_UNITS_MAX 31U

/* AEGIS_POLICY_RULE.Action, AEGIS_POLICY_TYPE.Default */
#define AEGIS_POLICY_REPORT 1U
#define AEGIS_POLICY_DROP   2U
#define AEGIS_POLICY_REFUSE 3U /* paths only */
#define AEGIS_POLICY_ALLOW  4U /* images only: its processes may do anything to protected ones */

/* Limits of AEGIS_POLICY_TYPE. */
#define AEGIS_POLICY_TOKENS_MAX   1000000U
#define AEGIS_POLICY_MERGE_MS_MAX 60000U

/* AEGIS_POLICY_TYPE.Operations of the types 1, 2, 3, 4 and 7, which have one operation. Those of type 8 are the
   AEGIS_REGISTRY_… operations. */
#define AEGIS_POLICY_OPERATION_ANY 1U

typedef struct AEGIS_POLICY_TYPE {
    uint32_t Operations;      /* bit n: operation n of the type is wanted; 0: the type is off, but for refusals */
    uint32_t TokensPerSecond; /* 0: no limit */
    uint32_t Burst;           /* tokens that gather at most; 0 if and only if TokensPerSecond is */
    uint32_t MergeMs;         /* what is like an event published so long ago is merged with it; 0: never */
    uint8_t Default;          /* AEGIS_POLICY_REPORT, AEGIS_POLICY_DROP; 0, as all the rest: as without a policy */
    uint8_t Reserved[7];
} AEGIS_POLICY_TYPE;

typedef struct AEGIS_POLICY_SECTION {
    uint32_t Offset; /* from the header's first byte */
    uint32_t Count;
} AEGIS_POLICY_SECTION;

typedef struct AEGIS_POLICY_HEADER {
    uint32_t Magic;
    uint32_t Version;
    uint32_t Bytes; /* of the whole blob */
    uint32_t Reserved;
    AEGIS_POLICY_TYPE Types[AEGIS_POLICY_TYPES];
    AEGIS_POLICY_SECTION Sections[AEGIS_POLICY_SECTIONS];
} AEGIS_POLICY_HEADER;

typedef struct AEGIS_POLICY_RULE {
    uint32_t Types;     /* bit t: events of type t; 0 for an image, whose processes the process sensor leaves alone */
    uint16_t TextUnits; /* UTF-16 units of its text */
    uint8_t Action;     /* AEGIS_POLICY_…; AEGIS_POLICY_DROP or AEGIS_POLICY_ALLOW for an image */
    uint8_t Reserved;
} AEGIS_POLICY_RULE;

/* Several of one type of object count together. */
typedef struct AEGIS_POLICY_HANDLES {
    uint32_t Access;    /* rights that make a handle worth an event; at least one */
    uint8_t ObjectType; /* AEGIS_HANDLE_PROCESS, AEGIS_HANDLE_THREAD */
    uint8_t Reserved[3];
} AEGIS_POLICY_HANDLES;

/* A process to protect; neither is 0. One with the number and another key is another process. */
typedef struct AEGIS_POLICY_PROCESS {
    uint64_t ProcessKey; /* as in AEGIS_THREAD_PAYLOAD */
    uint32_t ProcessId;
    uint32_t Reserved;
} AEGIS_POLICY_PROCESS;

/*
 * AEGIS_IOCTL_SET_POLICY: the request is this header, and behind it the blob. Replaces the policy that this handle has
 * set, if it has; from the reply on, the new one decides. It ends, filters and refusals alike, when the handle's last
 * close comes: then everything is reported again. One handle has a policy at a time, because it decides for every
 * reader. Nothing changes on an error:
 *
 *   STATUS_INFO_LENGTH_MISMATCH      shorter than both headers
 *   STATUS_INVALID_BUFFER_SIZE       longer than AEGIS_POLICY_BYTES_MAX, or Bytes is not the blob's length
 *   STATUS_INVALID_SIGNATURE         Magic
 *   STATUS_UNKNOWN_REVISION          Version
 *   STATUS_INVALID_PARAMETER         a reserved field, a bit without a meaning, a value where 0 belongs
 *   STATUS_INVALID_VARIANT           Action, Default or ObjectType is none of its values
 *   STATUS_INVALID_PARAMETER_MIX     fields that contradict each other: a burst without tokens, a type whose Default is
 *                                    0 and whose other fields are not
 *   STATUS_INTEGER_OVERFLOW          tokens, burst or merge window beyond their limits
 *   STATUS_QUOTA_EXCEEDED            more entries in a section than it may have
 *   STATUS_ARRAY_BOUNDS_EXCEEDED     a section does not begin where the one before ends, or exceeds the blob
 *   STATUS_NAME_TOO_LONG             a path of more than AEGIS_POLICY_PATH_UNITS_MAX units, an extension of more than
 *                                    AEGIS_POLICY_EXTENSION_UNITS_MAX
 *   STATUS_OBJECT_PATH_SYNTAX_BAD    a path that is empty, does not begin with a separator, ends with one, has two in a
 *                                    row, or a unit 0
 *   STATUS_OBJECT_NAME_INVALID       an extension that is empty, or has a separator, a dot, or a unit 0
 *   STATUS_OBJECT_NAME_COLLISION     two rules of one section with the same text, or two entries for one process
 *   STATUS_END_OF_FILE               the rules' texts are longer than the section of texts
 *   STATUS_DATA_OVERRUN              texts, or bytes, that belong to nothing
 *   STATUS_NOT_SUPPORTED             a type, a section or a rule that this driver has no sensor for: it would not do
 *                                    what it says; processes to protect where AEGIS_CALLBACK_HANDLE is not registered
 *   STATUS_SHARING_VIOLATION         another handle's policy is in force
 *   STATUS_FILE_CLOSED               the last close of the handle came first
 *   STATUS_INSUFFICIENT_RESOURCES    no memory
 *   STATUS_DRIVER_INTERNAL_ERROR     the driver's state is AEGIS_RING_FAILED: it decides nothing any more
 */
typedef struct AEGIS_SET_POLICY_REQUEST {
    AEGIS_REQUEST_HEADER Header; /* Bytes: of header and blob */
} AEGIS_SET_POLICY_REQUEST;

typedef struct AEGIS_SET_POLICY_REPLY {
    uint32_t Version; /* AEGIS_CONTROL_VERSION */
    uint32_t Bytes;   /* sizeof this struct */
    uint64_t Generation;
    uint64_t Digest;
} AEGIS_SET_POLICY_REPLY;

/* AEGIS_IOCTL_GET_POLICY: which policy is in force and what it has done since it was set. */
typedef struct AEGIS_GET_POLICY_REQUEST {
    AEGIS_REQUEST_HEADER Header;
} AEGIS_GET_POLICY_REQUEST;

typedef struct AEGIS_POLICY_COUNTERS {
    uint64_t Filtered;
    uint64_t Limited;
    uint64_t Merged;
    uint64_t Refused; /* whatever became of their events */
} AEGIS_POLICY_COUNTERS;

#define AEGIS_POLICY_RULES_MAX (AEGIS_POLICY_PATHS_MAX + AEGIS_POLICY_IMAGES_MAX + AEGIS_POLICY_EXTENSIONS_MAX)

typedef struct AEGIS_GET_POLICY_REPLY {
    uint32_t Version;        /* AEGIS_CONTROL_VERSION */
    uint32_t Bytes;          /* sizeof this struct */
    uint64_t Generation;     /* counts policies since load; 0: none is in force, and what follows is 0, but for Notes */
    uint64_t Digest;         /* FNV-1a, 64 bits, of the blob */
    int64_t SetTime;         /* 100 ns since 1601 */
    uint32_t OwnerProcessId; /* of the process that sent it */
    uint32_t Rules;          /* rows of Hits that mean something: paths, images, extensions */
    uint64_t Notes;          /* AEGIS_EVENT_SUPPRESSED events since load: published ones that no sensor has seen */
    uint64_t UnmarkedProcesses; /* since load: of so many the driver could not keep how they started; their ends are
                                   reported like those of others */
    AEGIS_POLICY_COUNTERS Types[AEGIS_POLICY_TYPES];
    uint64_t Hits[AEGIS_POLICY_RULES_MAX]; /* how often the rule decided, or, of an image, silenced */
} AEGIS_GET_POLICY_REPLY;

AEGIS_STATIC_ASSERT(sizeof(AEGIS_POLICY_TYPE) == 24, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_POLICY_TYPE, Default) == 16, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_POLICY_SECTION) == 8, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_POLICY_HEADER, Types) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_POLICY_HEADER, Sections) == 400, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_POLICY_HEADER) == 448, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_POLICY_RULE) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_POLICY_HANDLES) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_POLICY_PROCESS) == 16, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_SET_POLICY_REQUEST) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_SET_POLICY_REPLY) == 24, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_GET_POLICY_REQUEST) == 8, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_POLICY_COUNTERS) == 32, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_GET_POLICY_REPLY, Types) == 56, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_GET_POLICY_REPLY, Hits) == 568, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_GET_POLICY_REPLY) == 568 + 8 * 1344, "layout");
AEGIS_STATIC_ASSERT(AEGIS_POLICY_PATH_UNITS_MAX == AEGIS_MAX_PATH_REPORTED, "what an event shows whole can be named");

#endif
