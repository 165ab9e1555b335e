/*
 * libaegis: read what the AegisMon driver reports, from C, C++ or any language that can call C.
 *
 *     aegis_client* client = NULL;
 *     if (aegis_open(NULL, &client) != AEGIS_OK) {
 *         fprintf(stderr, "%s\n", aegis_last_error());
 *         return 1;
 *     }
 *     aegis_item item = {.size = sizeof(item)};
 *     int32_t result = 0;
 *     while ((result = aegis_next(client, &item, AEGIS_FOREVER)) > 0) {
 *         if (item.kind == AEGIS_ITEM_LOSS) {
 *             printf("lost %llu events\n", (unsigned long long)item.count);
 *         } else {
 *             const AEGIS_EVENT_HEADER* event = item.data;
 *             printf("event %llu of type %u\n", (unsigned long long)item.sequence, (unsigned)event->Type);
 *         }
 *     }
 *     fprintf(stderr, "%s\n", aegis_strerror(result));
 *     aegis_close(client);
 *
 * A client is one stream of items: the events the driver published, in their order, and between them, in their place,
 * the losses. Nothing is left out silently: every sequence from aegis_info.start on is either that of an event or in a
 * loss, and each event and each loss is handed out once. Where the driver's memory can be mapped (the ring) an event
 * costs no system call; elsewhere the library asks the driver at intervals (pull).
 *
 * What is in an event is told by aegis/event.h. A process event may come in compact form (ring) or in full form (pull).
 *
 * Results. Calls that read return how many items they handed out, or 0 when there was none in time. AEGIS_OK is 0 as
 * well. Everything else is negative: first the ways in which reading ends or pauses, then errors. aegis_strerror has
 * words for each; aegis_last_error has a sentence that names operation, object, code and remedy, and calls the program
 * that uses this library the agent. A call with an argument that makes no sense changes nothing and returns
 * AEGIS_ERROR_ARGUMENT.
 *
 * Time. Every wait has a limit or a way out: a timeout of the call, aegis_interrupt, and for what is asked of the
 * driver aegis_options.request_ms, after which it is given up. Timeouts are milliseconds; AEGIS_FOREVER has no end, 0
 * looks and does not wait.
 *
 * Threads. One thread at a time reads with a client; several threads read by having one each, from aegis_share: they
 * share the stream, and each item goes to exactly one of them. aegis_interrupt, aegis_resume, aegis_query,
 * aegis_at_open, aegis_info_of, aegis_stats_of, aegis_stopping, aegis_stop_signal and aegis_share may be called by any
 * thread while another one reads. Nothing may run, or follow, with a client that is closed.
 *
 * Signals. aegis_interrupt alone may be called by a signal handler. The library installs no handler, changes no mask,
 * and goes on waiting when a signal interrupts a wait.
 *
 * Fork. A client belongs to the process that opened it. In a forked child every call with it returns AEGIS_ERROR_FORKED
 * and touches nothing; aegis_close does nothing there. The child may open clients of its own.
 *
 * A process that ends, in whatever way, leaves nothing behind in the driver.
 *
 * Growth. Structs say their size: the caller sets it before the call to what it was compiled with, and the library
 * neither reads nor writes beyond it. Fields are appended only. No exception leaves the library.
 *
 * Valid C11 and C++20; fixed-width types only.
 */
#ifndef AEGIS_CLIENT_H
#define AEGIS_CLIENT_H

#include "aegis/ioctl.h"
#include "aegis/policy.h"

/* On Windows a program that uses aegis.dll may define AEGIS_CLIENT_SHARED: it spares each call a jump. */
#ifndef _WIN32
#define AEGIS_API __attribute__((visibility("default")))
#elif defined(AEGIS_CLIENT_SHARED)
#define AEGIS_API __declspec(dllimport)
#else
#define AEGIS_API
#endif

#ifdef __cplusplus
#define AEGIS_NOEXCEPT noexcept
extern "C" {
#else
#define AEGIS_NOEXCEPT
#endif

/* Results --------------------------------------------------------------------------------------------- */

#define AEGIS_OK 0

/* Reading ends or pauses. */
#define AEGIS_INTERRUPTED (-1) /* aegis_interrupt, or what aegis_options.interrupt names; aegis_resume to go on */
#define AEGIS_STOPPING    (-2) /* somebody stops the driver; all it had published by then was read: close the client */
#define AEGIS_GONE        (-3) /* the driver went away or found itself broken; all that could be was read */
#define AEGIS_NO_ANSWER   (-4) /* not within the limit; a read that is tried again loses nothing */

/* Errors. */
#define AEGIS_ERROR_ARGUMENT    (-16) /* a pointer, size or value that makes no sense */
#define AEGIS_ERROR_NO_DRIVER   (-17) /* no driver is there */
#define AEGIS_ERROR_ACCESS      (-18) /* it is there, and this user may not open it */
#define AEGIS_ERROR_NOT_AEGIS   (-19) /* the device that was named is something else */
#define AEGIS_ERROR_NOT_A_HOST  (-20) /* Linux: what listens at the socket is no aegismon-host */
#define AEGIS_ERROR_VERSION     (-21) /* driver and library are of releases that do not fit together */
#define AEGIS_ERROR_UNSUPPORTED (-22) /* not with this client: reading with AEGIS_TRANSPORT_NONE */
#define AEGIS_ERROR_FORKED      (-23) /* the client belongs to the process that forked this one */
#define AEGIS_ERROR_RESOURCES   (-24) /* no memory, descriptors or threads */
#define AEGIS_ERROR_FAILED      (-25) /* anything else that the driver or the system refused */
#define AEGIS_ERROR_NOT_LOADED  (-26) /* Linux: the aegismon-host runs without its driver */

/* Timeouts */
#define AEGIS_FOREVER (-1)

/* Opening --------------------------------------------------------------------------------------------- */

/* A stream of items, and with it a handle of the driver. */
typedef struct aegis_client aegis_client;

/* aegis_options.transport, beside AEGIS_TRANSPORT_RING and AEGIS_TRANSPORT_PULL, which insist. */
#define AEGIS_TRANSPORT_AUTO 0U /* the ring; pull where it cannot be mapped, which aegis_info.not_ring explains */
#define AEGIS_TRANSPORT_NONE 3U /* no reading: for aegis_query alone; the driver lists no consumer */

/* aegis_options.start */
#define AEGIS_START_KEPT 0U /* begin with what the driver still keeps */
#define AEGIS_START_NOW  1U /* begin with what follows */

/* aegis_options.flags */
#define AEGIS_OPTION_INTERRUPT 1U /* `interrupt` is set */

/* Zero is the default of every field but size. */
typedef struct aegis_options {
    uint32_t size; /* sizeof(aegis_options) */
    uint32_t flags;
    const char* device;    /* UTF-8. Windows: a device; NULL: AEGIS_WIN32_PATH. Linux: the socket of an aegismon-host;
                              NULL: where one that is started without a path listens */
    uint32_t transport;    /* AEGIS_TRANSPORT_… */
    uint32_t start;        /* AEGIS_START_… */
    uint32_t request_ms;   /* how long the driver may take for one request; 0: 10,000 */
    uint32_t open_ms;      /* and for all requests of aegis_open together; 0: no other limit */
    uint32_t wakeup_batch; /* ring: a sleeper is woken when so many events wait, or after 100 ms with fewer; 0: 1 */
    uint32_t poll_ms;      /* pull: time between two questions; 0: 200 */
    /* With AEGIS_OPTION_INTERRUPT, something of the caller's that interrupts the client while it is set, as
     * aegis_interrupt does, and aegis_open too: on Linux a descriptor while it is readable, on Windows the HANDLE of a
     * manual-reset event while it is signalled. It outlives the client. A reader that always has events looks at it now
     * and then. */
    uint64_t interrupt;
} aegis_options;

/* Opens the driver, checks that its version fits and prepares to read. `options` may be NULL. On success `*client` is
 * for aegis_close; otherwise it is NULL, and nothing is left open. */
AEGIS_API int32_t aegis_open(const aegis_options* options, aegis_client** client) AEGIS_NOEXCEPT;

/* Another reader of the same stream, for another thread: each item goes to exactly one of those that share. Each is
 * closed by itself, in any order; what one of them had taken and not handed out goes to the others. The order of items
 * that different readers got is told by their sequences. */
AEGIS_API int32_t aegis_share(aegis_client* client, aegis_client** reader) AEGIS_NOEXCEPT;

/* The last of those that share closes the driver. NULL is allowed. */
AEGIS_API void aegis_close(aegis_client* client) AEGIS_NOEXCEPT;

/* What opening found. */
typedef struct aegis_info {
    uint32_t size;           /* sizeof(aegis_info) */
    uint32_t transport;      /* in use: AEGIS_TRANSPORT_RING, AEGIS_TRANSPORT_PULL or AEGIS_TRANSPORT_NONE */
    uint32_t driver_version; /* as aegis_version */
    uint32_t wakeup_batch;   /* in use: at most half of the events that the ring keeps for sure; pull: 1 */
    uint8_t session_id[16];  /* of the driver's load: with another one the sequences begin anew */
    uint64_t start;          /* the sequence the stream starts with: what was published before is neither event nor
                                loss; 0: not known before the first event was pulled */
    const char* not_ring;    /* why the ring is not used although AEGIS_TRANSPORT_AUTO allows it, or NULL */
    const char* not_watched; /* why nobody will notice that the driver is to be stopped, or NULL: then end this
                                program before the driver is stopped */
} aegis_info;

/* The texts live as long as the client. */
AEGIS_API int32_t aegis_info_of(const aegis_client* client, aegis_info* info) AEGIS_NOEXCEPT;

/* Reading --------------------------------------------------------------------------------------------- */

/* aegis_item.kind */
#define AEGIS_ITEM_EVENT 1U
#define AEGIS_ITEM_LOSS  2U

/* aegis_item.reason of a loss, beside AEGIS_LOST_… of aegis/ring_layout.h, whose events never had a sequence. */
#define AEGIS_LOST_OVERWRITTEN 0xFFFFFFFFU /* published, and gone before this client had read them */

typedef struct aegis_item {
    uint32_t size; /* sizeof(aegis_item) */
    uint32_t kind; /* AEGIS_ITEM_… */
    /* An event's, 64 bits wide, from 1; of AEGIS_LOST_OVERWRITTEN the first and the last that is lost; otherwise 0. */
    uint64_t sequence;
    uint64_t last;    /* of an event, as sequence */
    uint64_t count;   /* events: 1, or how many are lost */
    uint32_t reason;  /* of a loss */
    uint32_t bytes;   /* of the event; a loss has none */
    const void* data; /* AEGIS_EVENT_HEADER and payload, aligned to 8 bytes: a copy that was checked against
                         overwriting, in memory of this process alone. Its Size is `bytes`; where it says something
                         else the event is malformed, and only `bytes` can be touched */
} aegis_item;

/* The next item. Its data stay as they are until the next call with this client. Returns 1; 0 when none came in time;
 * or one of the negative results. */
AEGIS_API int32_t aegis_next(aegis_client* client, aegis_item* item, int32_t timeout_ms) AEGIS_NOEXCEPT;

/* Up to `count` items that are there now; where there is none, waits for the first. items[0].size holds for all of
 * them. The events' data are copied into `buffer`, one behind the other, and stay as long as the caller keeps it;
 * `bytes` is at least AEGIS_MAX_EVENT_SIZE, and a batch ends when less is left. Returns how many items were written. */
AEGIS_API int32_t aegis_next_batch(aegis_client* client, aegis_item* items, uint32_t count, void* buffer,
                                   uint32_t bytes, int32_t timeout_ms) AEGIS_NOEXCEPT;

/* Sees one item. The item and its data are valid during the call: who wants to keep something copies it. Returns 0 to
 * go on and anything else to end the visit behind this item. Must not throw, and must not call a function with this
 * client that only its reader may call. */
typedef int32_t (*aegis_visitor)(void* context, const aegis_item* item);

/* The quickest way to read: calls `visit` for up to `count` items that are there now; where there is none, waits for
 * the first. Returns how many items were visited. With a `count` of 0, losses alone: those that the driver has counted
 * and nobody was told yet, without waiting or reading on. */
AEGIS_API int32_t aegis_visit(aegis_client* client, aegis_visitor visit, void* context, uint32_t count,
                              int32_t timeout_ms) AEGIS_NOEXCEPT;

/* Ends the waits of all that share this client, now and until aegis_resume: every call that may wait returns
 * AEGIS_INTERRUPTED at once. One with a timeout of 0 still hands out what is there. Any thread, any signal handler;
 * leaves errno alone. */
AEGIS_API void aegis_interrupt(aegis_client* client) AEGIS_NOEXCEPT;

/* Takes aegis_interrupt back. */
AEGIS_API void aegis_resume(aegis_client* client) AEGIS_NOEXCEPT;

/* The driver's end ------------------------------------------------------------------------------------ */

/* 1 when somebody stops the driver or it has gone: it unloads when the last handle to it is closed, and this client is
 * one. 0 otherwise. A reader gets AEGIS_STOPPING for it, behind all that was published by then. */
AEGIS_API int32_t aegis_stopping(const aegis_client* client) AEGIS_NOEXCEPT;

/* For an event loop: what is set from then on for good. On Linux a descriptor that becomes readable or hangs up, on
 * Windows the HANDLE of a manual-reset event. It belongs to the client. */
AEGIS_API int32_t aegis_stop_signal(const aegis_client* client, uint64_t* signal) AEGIS_NOEXCEPT;

/* Counters and health --------------------------------------------------------------------------------- */

/* Asks the driver for its counters, its consumers and the health of its sensors: `reply` gets the first `bytes` of its
 * AEGIS_QUERY_REPLY. timeout_ms: as aegis_options.request_ms; AEGIS_FOREVER: that one.
 * AEGIS_NO_ANSWER, AEGIS_GONE, AEGIS_INTERRUPTED (it did not answer while the client was interrupted). */
AEGIS_API int32_t aegis_query(aegis_client* client, AEGIS_QUERY_REPLY* reply, uint32_t bytes,
                              int32_t timeout_ms) AEGIS_NOEXCEPT;

/* What the driver answered to that question when it was opened. What it had lost by then is no loss of this client. */
AEGIS_API int32_t aegis_at_open(const aegis_client* client, AEGIS_QUERY_REPLY* reply, uint32_t bytes) AEGIS_NOEXCEPT;

/* Policy ---------------------------------------------------------------------------------------------- */

/* Puts a policy in force: `blob` as aegis/policy.h has it. It decides for every reader of the driver what becomes an
 * event and what is refused, from the return of this call until the client and all that share with it are closed, or
 * another one replaces it. `reply` may be NULL; otherwise it gets the first `reply_bytes` of the driver's answer.
 * timeout_ms as aegis_query. Nothing has changed on an error: AEGIS_ERROR_FAILED says what the driver did not like
 * about the blob, or which process has a policy in force. After AEGIS_NO_ANSWER it may come into force still. */
AEGIS_API int32_t aegis_set_policy(aegis_client* client, const void* blob, uint32_t bytes,
                                   AEGIS_SET_POLICY_REPLY* reply, uint32_t reply_bytes,
                                   int32_t timeout_ms) AEGIS_NOEXCEPT;

/* Which policy is in force, whoever set it, and what it has done: `reply` gets the first `bytes` of the driver's
 * answer. timeout_ms and results as aegis_query. */
AEGIS_API int32_t aegis_get_policy(aegis_client* client, AEGIS_GET_POLICY_REPLY* reply, uint32_t bytes,
                                   int32_t timeout_ms) AEGIS_NOEXCEPT;

/* Protection ------------------------------------------------------------------------------------------ */

/* Protects this process: whoever opens it or one of its threads gets no right to end, suspend or change it, but for the
 * system and the programs that the policy in force names. It lasts until the client and all that share with it are
 * closed, or this process ends; once for each client. timeout_ms as aegis_query. AEGIS_ERROR_FAILED: nobody is
 * protected, because it is already, or because the driver is not told of handles here: AEGIS_CALLBACK_HANDLE of
 * aegis_query says why. */
AEGIS_API int32_t aegis_protect(aegis_client* client, int32_t timeout_ms) AEGIS_NOEXCEPT;

#define AEGIS_STATS_REASONS 16U

/* What all that share a client have read together; of a call that has not returned, up to 64 events may be missing. */
typedef struct aegis_stats {
    uint32_t size; /* sizeof(aegis_stats) */
    uint32_t reserved;
    uint64_t events;                           /* handed out */
    uint64_t overwritten;                      /* lost to them: AEGIS_LOST_OVERWRITTEN */
    uint64_t lost_before[AEGIS_STATS_REASONS]; /* told to them, by AEGIS_LOST_… reason */
    uint64_t wakeups;                          /* times a sleeping reader woke up to read */
    uint64_t lag;                              /* events that wait now; pull: as many as the last question brought */
    uint64_t max_lag;                          /* most events seen waiting */
    uint64_t published;                        /* by the driver; pull: by its last answer to a query of this client */
} aegis_stats;

AEGIS_API int32_t aegis_stats_of(const aegis_client* client, aegis_stats* stats) AEGIS_NOEXCEPT;

/* Words ----------------------------------------------------------------------------------------------- */

/* What a result means, in a few words. Never NULL; lives for ever. Any thread. */
AEGIS_API const char* aegis_strerror(int32_t result) AEGIS_NOEXCEPT;

/* What went wrong in the last call of this thread that returned something negative: a sentence, UTF-8. Empty when there
 * was none. Valid until the thread's next call into the library. */
AEGIS_API const char* aegis_last_error(void) AEGIS_NOEXCEPT;

/* Of the library that runs: major << 24 | minor << 16 | patch. */
AEGIS_API uint32_t aegis_version(void) AEGIS_NOEXCEPT;

#ifdef __cplusplus
}
#endif

AEGIS_STATIC_ASSERT(sizeof(void*) != 8 || sizeof(aegis_options) == 48, "layout");
AEGIS_STATIC_ASSERT(sizeof(void*) != 8 || sizeof(aegis_info) == 56, "layout");
AEGIS_STATIC_ASSERT(sizeof(void*) != 8 || sizeof(aegis_item) == 48, "layout");
AEGIS_STATIC_ASSERT(sizeof(aegis_stats) == 184, "layout");
AEGIS_STATIC_ASSERT(AEGIS_LOST_REASONS <= AEGIS_STATS_REASONS, "there is a place for each reason");

#endif
