/*
 * The shared memory of ABI version 1.
 *
 * Two regions. The ring region is mapped read-only and no-execute into every consumer. The consumer
 * page is mapped read-write into one consumer alone; the driver reads it as a hint and never follows
 * an index, a length or an address from it.
 *
 *   ring region                              consumer page
 *   0     AEGIS_RING_IDENTITY                0    WakeAt   (one cache line)
 *   64    Published                          64   Cursor   (one cache line)
 *   128   Counters, State
 *   4096  slot 0: Version, event
 *         slot 1 …
 *
 * Fields marked (atomic) are accessed only through ring/; everything else is written once, before the
 * region is mapped by anyone.
 *
 * Valid C11 and C++20; fixed-width types only.
 */
#ifndef AEGIS_RING_LAYOUT_H
#define AEGIS_RING_LAYOUT_H

#include "aegis/event.h"

#define AEGIS_RING_MAGIC UINT64_C(0x474e495253474541) /* "AEGSRING" in memory order */
#define AEGIS_WAKE_NEVER UINT64_MAX                   /* WakeAt of a consumer that is awake */

#define AEGIS_RING_ABI_MAJOR 1U /* differs: do not touch the region */
#define AEGIS_RING_ABI_MINOR 0U /* higher: fields were appended in reserved space */

#define AEGIS_CACHE_LINE 64U
#define AEGIS_PAGE       4096U

#define AEGIS_RING_HEADER_BYTES   AEGIS_PAGE
#define AEGIS_SLOT_BYTES          1088U /* 17 cache lines: an odd number spreads slots over cache sets */
#define AEGIS_SLOT_EVENT_BYTES    (AEGIS_SLOT_BYTES - 8U) /* largest event a slot holds */
#define AEGIS_SLOT_COUNT_MIN      64U
#define AEGIS_SLOT_COUNT_DEFAULT  4096U
#define AEGIS_SLOT_COUNT_MAX      65536U
#define AEGIS_CONSUMER_PAGE_BYTES AEGIS_PAGE

/* State of the driver, in AEGIS_RING_HEADER.State. A failed driver is there as well, but shows readers
 * AEGIS_RING_CLOSING, which says all they need; only the query reply tells the two apart. */
#define AEGIS_RING_RUNNING 1U
#define AEGIS_RING_CLOSING 2U /* no event will follow */
#define AEGIS_RING_FAILED  3U /* the driver found itself broken: events are counted, not published */

/* Why an event never got a ticket: index into AEGIS_RING_HEADER.LostBefore. The counters only grow, and whenever one
 * does while the driver runs, sleepers are woken, so that a loss with no event behind it is seen as well. */
#define AEGIS_LOST_OVERSIZE 0U /* larger than a slot */
#define AEGIS_LOST_CLOSING  1U /* seen while the channel was shutting down */
#define AEGIS_LOST_FAILED   2U /* seen after the driver found itself broken */
#define AEGIS_LOST_SOURCE   3U /* lost by the source of events before a sensor saw them: AEGIS_IOCTL_SOURCE_LOSS */
#define AEGIS_LOST_REASONS  4U

typedef struct AEGIS_RING_IDENTITY {
    uint64_t Magic;
    uint16_t AbiMajor;
    uint16_t AbiMinor;
    uint32_t HeaderBytes;  /* offset of slot 0 */
    uint32_t SlotBytes;    /* multiple of 8 */
    uint32_t SlotCount;    /* power of two */
    uint64_t RegionBytes;  /* whole pages */
    uint8_t SessionId[16]; /* new at each driver load; another id means: start over */
    uint8_t Reserved[16];
} AEGIS_RING_IDENTITY;

typedef struct AEGIS_RING_HEADER {
    AEGIS_RING_IDENTITY Identity;

    uint64_t Published; /* (atomic) events ever published: a hint for late joiners, lag and groups */
    uint8_t ReservedPublished[AEGIS_CACHE_LINE - 8];

    uint64_t LostBefore[AEGIS_LOST_REASONS]; /* (atomic) events without a ticket, by reason */
    uint64_t WakeupsSent;                    /* (atomic) doorbells rung, all consumers together */
    uint32_t State;                          /* (atomic) AEGIS_RING_RUNNING, AEGIS_RING_CLOSING */
    uint8_t ReservedCounters[AEGIS_CACHE_LINE - 8 * (AEGIS_LOST_REASONS + 1) - 4];
} AEGIS_RING_HEADER;

/* One slot. Version of ticket n: 2n+1 while it is written, 2n+2 when it is complete. */
typedef struct AEGIS_RING_SLOT {
    uint64_t Version;                           /* (atomic) */
    uint64_t Event[AEGIS_SLOT_EVENT_BYTES / 8]; /* (atomic, word by word) AEGIS_EVENT_HEADER, payload */
} AEGIS_RING_SLOT;

typedef struct AEGIS_CONSUMER_PAGE {
    uint64_t WakeAt; /* (atomic) ring me when Published reaches this; AEGIS_WAKE_NEVER: I am awake */
    uint8_t ReservedWake[AEGIS_CACHE_LINE - 8];
    uint64_t Cursor; /* (atomic) next ticket to read; only for lag reports */
    uint8_t ReservedCursor[AEGIS_CACHE_LINE - 8];
    uint8_t ReservedPage[AEGIS_CONSUMER_PAGE_BYTES - 2 * AEGIS_CACHE_LINE];
} AEGIS_CONSUMER_PAGE;

AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_IDENTITY) == AEGIS_CACHE_LINE, "identity is one cache line");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, AbiMajor) == 8, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, AbiMinor) == 10, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, HeaderBytes) == 12, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, SlotBytes) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, SlotCount) == 20, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, RegionBytes) == 24, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, SessionId) == 32, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_HEADER, Published) == 64, "own cache line");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_HEADER, LostBefore) == 128, "own cache line");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_HEADER, WakeupsSent) == 160, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_HEADER, State) == 168, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_HEADER) == 192, "three cache lines");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_HEADER) <= AEGIS_RING_HEADER_BYTES, "header fits before slot 0");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_SLOT) == AEGIS_SLOT_BYTES, "slot is 17 cache lines");
AEGIS_STATIC_ASSERT(AEGIS_SLOT_BYTES % AEGIS_CACHE_LINE == 0, "slots start on cache lines");
AEGIS_STATIC_ASSERT((AEGIS_SLOT_BYTES / AEGIS_CACHE_LINE) % 2 == 1, "odd number of cache lines");
AEGIS_STATIC_ASSERT(AEGIS_SLOT_EVENT_BYTES >= AEGIS_PROCESS_EVENT_SIZE, "a full process event fits");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_CONSUMER_PAGE) == AEGIS_PAGE, "consumer page is one page");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_CONSUMER_PAGE, Cursor) == AEGIS_CACHE_LINE, "own cache line");

#endif
