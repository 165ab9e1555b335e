/*
 * The shared memory of ABI version 2.
 *
 * Two regions. The ring region is mapped read-only and no-execute into every consumer. The consumer
 * page is mapped read-write into one consumer alone; the driver reads it as a hint and never follows
 * an index, a length or an address from it.
 *
 *   ring region                              consumer page
 *   0     AEGIS_RING_IDENTITY                0    WakeAt   (one cache line)
 *   64    Published, Newest                  64   Cursor   (one cache line)
 *   128   Counters, State
 *   4096  cell 0: Version, Ticket, data
 *         cell 1 …
 *
 * An event lies in 1 to AEGIS_EVENT_CELLS_MAX consecutive cells and fills the data of each before it goes on in the
 * next; behind the last cell of the ring follows the first. Positions count cells written since driver load, tickets
 * count events; cell p mod CellCount belongs to position p.
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

#define AEGIS_RING_ABI_MAJOR 2U /* differs: do not touch the region */
#define AEGIS_RING_ABI_MINOR 0U /* higher: fields were appended in reserved space */

#define AEGIS_CACHE_LINE 64U
#define AEGIS_PAGE       4096U

#define AEGIS_RING_HEADER_BYTES   AEGIS_PAGE
#define AEGIS_CELL_BYTES          192U /* 3 cache lines: an odd number spreads cells over cache sets */
#define AEGIS_CELL_HEADER_BYTES   16U  /* Version, Ticket */
#define AEGIS_CELL_DATA_BYTES     (AEGIS_CELL_BYTES - AEGIS_CELL_HEADER_BYTES)
#define AEGIS_EVENT_CELLS_MAX     6U
#define AEGIS_RING_EVENT_BYTES    1056U /* largest event in a ring: what the cells of one hold */
#define AEGIS_RING_KIB_MIN        64U   /* size of a ring region in KiB, its header included */
#define AEGIS_RING_KIB_DEFAULT    4352U
#define AEGIS_RING_KIB_MAX        69632U
#define AEGIS_CONSUMER_PAGE_BYTES AEGIS_PAGE

/* State of the driver, in AEGIS_RING_HEADER.State. A failed driver is there as well, but shows readers
 * AEGIS_RING_CLOSING, which says all they need; only the query reply tells the two apart. */
#define AEGIS_RING_RUNNING 1U
#define AEGIS_RING_CLOSING 2U /* no event will follow */
#define AEGIS_RING_FAILED  3U /* the driver found itself broken: events are counted, not published */

/* Why an event never got a ticket: index into AEGIS_RING_HEADER.LostBefore. The counters only grow, and whenever one
 * does while the driver runs, sleepers are woken, so that a loss with no event behind it is seen as well. */
#define AEGIS_LOST_OVERSIZE 0U /* larger than AEGIS_RING_EVENT_BYTES */
#define AEGIS_LOST_CLOSING  1U /* seen after a producer closed its ring; the driver only fails */
#define AEGIS_LOST_FAILED   2U /* seen after the driver found itself broken */
#define AEGIS_LOST_SOURCE   3U /* lost by the source of events before a sensor saw them: AEGIS_IOCTL_SOURCE_LOSS */
#define AEGIS_LOST_REASONS  4U

typedef struct AEGIS_RING_IDENTITY {
    uint64_t Magic;
    uint16_t AbiMajor;
    uint16_t AbiMinor;
    uint32_t HeaderBytes;  /* offset of cell 0 */
    uint32_t CellBytes;    /* multiple of 16 */
    uint32_t CellCount;    /* no power of two needed */
    uint64_t RegionBytes;  /* whole pages */
    uint8_t SessionId[16]; /* new at each driver load; another id means: start over */
    uint32_t EventBytes;   /* largest event this ring takes */
    uint8_t Reserved[12];
} AEGIS_RING_IDENTITY;

typedef struct AEGIS_RING_HEADER {
    AEGIS_RING_IDENTITY Identity;

    uint64_t Published; /* (atomic) events ever published: what sleepers, late joiners and lag reports ask for */
    uint64_t Newest;    /* (atomic) position of the newest complete event; means nothing while Published is 0 */
    uint8_t ReservedPublished[AEGIS_CACHE_LINE - 16];

    uint64_t LostBefore[AEGIS_LOST_REASONS]; /* (atomic) events without a ticket, by reason */
    uint64_t WakeupsSent;                    /* (atomic) doorbells rung, all consumers together */
    uint32_t State;                          /* (atomic) AEGIS_RING_RUNNING, AEGIS_RING_CLOSING */
    uint8_t ReservedCounters[AEGIS_CACHE_LINE - 8 * (AEGIS_LOST_REASONS + 1) - 4];
} AEGIS_RING_HEADER;

/* One cell. Version at position p: 2p+1 while its event is written, 2p+2 when the event that begins here is complete. A
 * cell that continues an event keeps its odd mark: nothing begins there. */
typedef struct AEGIS_RING_CELL {
    uint64_t Version;                         /* (atomic) */
    uint64_t Ticket;                          /* (atomic) of the event that begins here; otherwise without meaning */
    uint64_t Data[AEGIS_CELL_DATA_BYTES / 8]; /* (atomic, word by word) AEGIS_EVENT_HEADER, payload; or more of it */
} AEGIS_RING_CELL;

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
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, CellBytes) == 16, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, CellCount) == 20, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, RegionBytes) == 24, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, SessionId) == 32, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_IDENTITY, EventBytes) == 48, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_HEADER, Published) == 64, "own cache line");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_HEADER, Newest) == 72, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_HEADER, LostBefore) == 128, "own cache line");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_HEADER, WakeupsSent) == 160, "layout");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_HEADER, State) == 168, "layout");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_HEADER) == 192, "three cache lines");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_HEADER) <= AEGIS_RING_HEADER_BYTES, "header fits before cell 0");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_RING_CELL) == AEGIS_CELL_BYTES, "cell is 3 cache lines");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_RING_CELL, Data) == AEGIS_CELL_HEADER_BYTES, "layout");
AEGIS_STATIC_ASSERT(AEGIS_CELL_BYTES % AEGIS_CACHE_LINE == 0, "cells start on cache lines");
AEGIS_STATIC_ASSERT((AEGIS_CELL_BYTES / AEGIS_CACHE_LINE) % 2 == 1, "odd number of cache lines");
AEGIS_STATIC_ASSERT(AEGIS_RING_EVENT_BYTES == AEGIS_EVENT_CELLS_MAX * AEGIS_CELL_DATA_BYTES, "cells hold it exactly");
AEGIS_STATIC_ASSERT(AEGIS_RING_EVENT_BYTES >= AEGIS_PROCESS_EVENT_SIZE, "a full process event fits");
AEGIS_STATIC_ASSERT(AEGIS_RING_EVENT_BYTES >=
                        sizeof(AEGIS_EVENT_HEADER) + AEGIS_IMAGE_PAYLOAD_FIXED + 2U * AEGIS_IMAGE_MAX_PATH_REPORTED,
                    "an image with the longest path fits");
AEGIS_STATIC_ASSERT(AEGIS_RING_EVENT_BYTES >=
                        sizeof(AEGIS_EVENT_HEADER) + AEGIS_REGISTRY_PAYLOAD_FIXED + 2U * AEGIS_REGISTRY_TEXT_REPORTED,
                    "a registry event with the longest texts fits");
AEGIS_STATIC_ASSERT(AEGIS_RING_EVENT_BYTES >=
                        sizeof(AEGIS_EVENT_HEADER) + AEGIS_DETAILS_PAYLOAD_FIXED + 2U * AEGIS_DETAILS_TEXT_REPORTED,
                    "details with the longest texts fit");
AEGIS_STATIC_ASSERT(AEGIS_RING_EVENT_BYTES <= AEGIS_MAX_EVENT_SIZE, "every event fits a pull buffer");
AEGIS_STATIC_ASSERT(AEGIS_RING_KIB_MIN * 1024U >= AEGIS_RING_HEADER_BYTES + 8U * AEGIS_RING_EVENT_BYTES,
                    "the smallest ring holds several of the largest events");
AEGIS_STATIC_ASSERT(sizeof(AEGIS_CONSUMER_PAGE) == AEGIS_PAGE, "consumer page is one page");
AEGIS_STATIC_ASSERT(offsetof(AEGIS_CONSUMER_PAGE, Cursor) == AEGIS_CACHE_LINE, "own cache line");

#endif
