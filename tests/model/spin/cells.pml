/*
 * One producer lapping one consumer in a ring of three or four cells, with events of one and two cells in every sequence
 * that fits, on a machine that reorders.
 *
 * Stores: on the weak machine each word has a store buffer of its own, so stores to different words drain in any order. A
 * release store or fence holds the producer until its buffers are empty; since the producer loads nothing, that shows
 * memory the same states as a fence it runs past. With -DX86 stores drain in program order, which one producer that loads
 * nothing cannot tell from storing at once.
 * Loads: on the weak machine the loads of one read happen in any order that its acquire and its fence leave open, the
 * load of a later piece before the size is known included; with -DX86 in program order.
 *
 * An independent check of producer.hpp, event_read.hpp and consumer.hpp: written from the protocol, not from the code.
 * What must not happen: a copy is accepted that is not one event's, in ticket, size and every piece; an event is read
 * twice, or where it does not begin; a lapped or a new reader goes on at a cell where nothing begins; an event is given up
 * that was not overwritten and is not about to be; a reader finds nothing though the producer rests and events are there.
 *
 * -DCELLS=n                of the ring: 3, or 4, which has a cell of headroom
 * -DPOSITIONS=n            how many cells the producer writes at most
 * -DSTART_OLDEST, -DSTART_NOW
 *                          the consumer joins with what the ring keeps, or with what follows, whenever it comes
 * wrong on purpose, on x86 not all of them show:
 * -DNO_ODD_MARK, -DNO_ODD_MARK_ON_CONTINUATION, -DNO_ODD_MARK_BEHIND_THE_END, -DCONTINUATION_AS_BEGINNING
 * -DNO_NEWEST
 * -DNO_RELEASE_FENCE, -DNO_RELEASE_MARK, -DNO_RELEASE_NEWEST (harmless: the next release fence stands in for it)
 * -DNO_ACQUIRE_LOOK, -DNO_ACQUIRE_FENCE, -DNO_ACQUIRE_NEWEST
 * -DNO_SECOND_LOOK, -DFIRST_LOOK_ONE_SIDED, -DSECOND_LOOK_ONE_SIDED, -DSECOND_LOOK_AT_LAST_CELL
 * -DNO_SECOND_LOOK_AT_HEAD, -DCOUNT_BEFORE_NEWEST (of one who joins)
 * -DSCAN_TAKES_CONTINUATION, -DSCAN_TAKES_NEWER, -DRESUME_WITHOUT_SCAN, -DRESUME_TOO_LATE
 * -DLOSS_BY_POSITION, -DNO_TICKET_CHECK
 */
#ifndef POSITIONS
#define POSITIONS 7
#endif

#ifndef CELLS
#define CELLS 3
#endif

#define MOST_CELLS 2 /* of an event */

/* Memory: of each cell its version, its ticket, and a word for all its data. Behind them the newest position, and the count.
 * A ticket is stored as ticket + 1, so that 0 is none. The data of an event's first cell is its size in cells beside the
 * event's number; a later piece has the number alone. */
#define VERSION(position) (3 * ((position) % CELLS))
#define TICKET(position)  (3 * ((position) % CELLS) + 1)
#define DATA(position)    (3 * ((position) % CELLS) + 2)
#define NEWEST            (3 * CELLS)
#define PUBLISHED         (3 * CELLS + 1)
#define WORDS             (3 * CELLS + 2)

#define ODD(position)        (2 * (position) + 1)
#define EVEN(position)       (2 * (position) + 2)
#define HEAD(ticket, cells)  (4 * ((ticket) + 1) + (cells))
#define PIECE(ticket)        (4 * ((ticket) + 1))

byte memory[WORDS];

#ifdef X86
#define STORE(word, value) memory[word] = value
#define DRAINED            true
#define STEP
#else
#define STEP atomic
byte buffered[WORDS]; /* 0: nothing; no word is ever stored as 0 while another value is in memory */
#define STORE(word, value)      \
    (buffered[word] == 0);      \
    buffered[word] = value
#if CELLS == 3
#define LAST_DRAINED true
#else
#define LAST_DRAINED (buffered[11] == 0 && buffered[12] == 0 && buffered[13] == 0)
#endif
#define DRAINED                                                                                                       \
    (buffered[0] == 0 && buffered[1] == 0 && buffered[2] == 0 && buffered[3] == 0 && buffered[4] == 0 &&              \
     buffered[5] == 0 && buffered[6] == 0 && buffered[7] == 0 && buffered[8] == 0 && buffered[9] == 0 &&              \
     buffered[10] == 0 && LAST_DRAINED)
#define DRAIN(word)                       \
    d_step {                              \
        buffered[word] != 0 ->            \
            memory[word] = buffered[word]; \
            buffered[word] = 0            \
    }

active proctype drain() {
end:
    do
    :: DRAIN(0)
    :: DRAIN(1)
    :: DRAIN(2)
    :: DRAIN(3)
    :: DRAIN(4)
    :: DRAIN(5)
    :: DRAIN(6)
    :: DRAIN(7)
    :: DRAIN(8)
    :: DRAIN(9)
    :: DRAIN(10)
#if CELLS == 4
    :: DRAIN(11)
    :: DRAIN(12)
    :: DRAIN(13)
#endif
    od
}
#endif

/* For the assertions, no part of the protocol. */
byte begins_at[POSITIONS]; /* by ticket */
byte cells_of[POSITIONS];  /* by ticket */
bit begins[POSITIONS];     /* by position */
byte tickets;              /* events begun */
byte begun;                /* cells begun */
bit producer_done;

active proctype producer() {
    byte position = 0;
    byte ticket = 0;
    byte cells = 0;

    do
    :: position < POSITIONS ->
        atomic {
            if
            :: cells = 1
            :: position + 2 <= POSITIONS -> cells = 2
            fi;
            begins_at[ticket] = position;
            cells_of[ticket] = cells;
            begins[position] = 1;
            tickets = ticket + 1;
            begun = position + cells
        }
        /* Stores between two of the fences may become visible in any order, so nothing is gained by steps between them. */
        STEP {
#ifndef NO_ODD_MARK
            STORE(VERSION(position), ODD(position));
#endif
            if
            :: cells == 2 ->
#if defined(CONTINUATION_AS_BEGINNING)
                STORE(VERSION(position + 1), EVEN(position + 1))
#elif defined(NO_ODD_MARK_ON_CONTINUATION)
                skip
#elif defined(NO_ODD_MARK_BEHIND_THE_END)
                if
                :: (position + 1) % CELLS != 0 -> STORE(VERSION(position + 1), ODD(position + 1))
                :: else
                fi
#else
                STORE(VERSION(position + 1), ODD(position + 1))
#endif
            :: else
            fi
        }
#ifndef NO_RELEASE_FENCE
        DRAINED;
#endif
        STEP {
            STORE(TICKET(position), ticket + 1);
            STORE(DATA(position), HEAD(ticket, cells));
            if
            :: cells == 2 -> STORE(DATA(position + 1), PIECE(ticket))
            :: else
            fi
        }
#ifndef NO_RELEASE_MARK
        DRAINED;
#endif
        STORE(VERSION(position), EVEN(position));
#ifndef NO_RELEASE_NEWEST
        DRAINED;
#endif
#ifndef NO_NEWEST
        STORE(NEWEST, position + 1);
#endif
#if defined(START_OLDEST) || defined(START_NOW)
        DRAINED;
        STORE(PUBLISHED, ticket + 1);
#endif
        atomic {
            position = position + cells;
            ticket++;
            cells = 0
        }
    :: else -> break
    od;
    producer_done = 1
}

/* Which loads of a read have happened. */
bit looked;
bit loaded_ticket;
bit loaded_data;
bit loaded_piece;
bit looked_again;

#ifdef NO_ACQUIRE_LOOK
#define AFTER_LOOK true
#else
#define AFTER_LOOK looked
#endif
#ifdef NO_ACQUIRE_FENCE
#define AFTER_COPY true
#else
#define AFTER_COPY (loaded_ticket && loaded_data && loaded_piece)
#endif

/* What the second look looks at. */
#ifdef SECOND_LOOK_AT_LAST_CELL
#define SECOND_LOOK(position) memory[VERSION((position) + SIZE - 1)]
#else
#define SECOND_LOOK(position) memory[VERSION(position)]
#endif

/* The size in the first piece, which may be anything until the second look: clamped. */
#define SIZE (data % 4 == 2 -> 2 : 1)

/* Loads everything that a read at `position` may need into version, ticket, data, piece, again. */
#ifdef X86
#define LOAD_EVENT(position)                  \
    version = memory[VERSION(position)];      \
    ticket = memory[TICKET(position)];        \
    data = memory[DATA(position)];            \
    piece = memory[DATA((position) + 1)];     \
    again = SECOND_LOOK(position)
#else
#define LOAD_EVENT(position)                                                                             \
    do                                                                                                   \
    :: d_step { !looked -> version = memory[VERSION(position)]; looked = 1 }                             \
    :: d_step { !loaded_ticket && AFTER_LOOK -> ticket = memory[TICKET(position)]; loaded_ticket = 1 }   \
    :: d_step { !loaded_data && AFTER_LOOK -> data = memory[DATA(position)]; loaded_data = 1 }           \
    :: d_step { !loaded_piece && AFTER_LOOK -> piece = memory[DATA((position) + 1)]; loaded_piece = 1 }  \
    /* Two loads of one word keep their order on every machine. */                                       \
    :: d_step { looked && !looked_again && AFTER_COPY -> again = SECOND_LOOK(position); looked_again = 1 } \
    :: d_step {                                                                                          \
           looked && loaded_ticket && loaded_data && loaded_piece && looked_again ->                     \
               looked = 0;                                                                               \
               loaded_ticket = 0;                                                                        \
               loaded_data = 0;                                                                          \
               loaded_piece = 0;                                                                         \
               looked_again = 0                                                                          \
       }                                                                                                 \
       break                                                                                             \
    od
#endif

/* No later event is in the copy, as the first and the second look see it. */
#if defined(FIRST_LOOK_ONE_SIDED)
#define LOOKS_COMPLETE(position) (version >= EVEN(position))
#define STILL_THERE(position)    (again == version)
#elif defined(SECOND_LOOK_ONE_SIDED)
#define LOOKS_COMPLETE(position) (version == EVEN(position))
#define STILL_THERE(position)    (again >= EVEN(position))
#elif defined(SECOND_LOOK_AT_LAST_CELL)
#define LOOKS_COMPLETE(position) (version == EVEN(position))
#define STILL_THERE(position)    (again == (SIZE == 2 -> ODD((position) + 1) : EVEN(position)))
#elif defined(NO_SECOND_LOOK)
#define LOOKS_COMPLETE(position) (version == EVEN(position))
#define STILL_THERE(position)    true
#else
#define LOOKS_COMPLETE(position) (version == EVEN(position))
#define STILL_THERE(position)    (again == EVEN(position))
#endif

#define INTACT(position) (LOOKS_COMPLETE(position) && STILL_THERE(position))
#ifdef NO_SECOND_LOOK_AT_HEAD
#define INTACT_HEAD(position) LOOKS_COMPLETE(position)
#else
#define INTACT_HEAD(position) INTACT(position)
#endif
#define EMPTY(position)  (version < EVEN(position))

/* What was accepted at `position` is what was published there. */
#define CHECK_COPY(position)                                                \
    assert(ticket != 0 && ticket <= tickets);                               \
    assert(data == HEAD(ticket - 1, cells_of[ticket - 1]));                 \
    assert(cells_of[ticket - 1] == 1 || piece == PIECE(ticket - 1));        \
    assert(begins_at[ticket - 1] == position)

#define FORGET_COPY \
    version = 0;    \
    ticket = 0;     \
    data = 0;       \
    piece = 0;      \
    again = 0

#if defined(NO_ACQUIRE_NEWEST) && !defined(X86)
/* The versions the search will look at may have been loaded before. */
byte loaded_before[CELLS];
#define LOAD_NEWEST                         \
    loaded_before[0] = memory[VERSION(0)];  \
    loaded_before[1] = memory[VERSION(1)];  \
    loaded_before[2] = memory[VERSION(2)];  \
    newest = (memory[NEWEST] == 0 -> 0 : memory[NEWEST] - 1)
#define SEEN(position) loaded_before[(position) % CELLS]
#else
#define LOAD_NEWEST    newest = (memory[NEWEST] == 0 -> 0 : memory[NEWEST] - 1)
#define SEEN(position) memory[VERSION(position)]
#endif

#if defined(SCAN_TAKES_CONTINUATION)
#define IS_BEGINNING(position) (SEEN(position) >= ODD(position))
#elif defined(SCAN_TAKES_NEWER)
#define IS_BEGINNING(position) (SEEN(position) >= EVEN(position))
#elif defined(RESUME_WITHOUT_SCAN)
#define IS_BEGINNING(position) true
#else
#define IS_BEGINNING(position) (SEEN(position) == EVEN(position))
#endif

/* Goes on from `place` to the first cell that says that an event begins there, to the newest event at last. */
#define FIND_BEGINNING                                                  \
    do                                                                  \
    :: d_step {                                                         \
           place < newest && steps < 3 * MOST_CELLS && !found ->        \
               if                                                       \
               :: IS_BEGINNING(place) -> found = 1                      \
               :: else -> place++                                       \
               fi;                                                      \
               steps++                                                  \
       }                                                                \
    :: d_step {                                                         \
           !(place < newest && steps < 3 * MOST_CELLS && !found) ->     \
               if                                                       \
               :: found                                                 \
               :: else -> place = newest                                \
               fi;                                                      \
               found = 0;                                               \
               steps = 0;                                               \
               assert(place == 0 || begins[place])                      \
       }                                                                \
       break                                                            \
    od

#ifdef RESUME_TOO_LATE
#define HEADROOM ((newest + 3 >= CELLS -> newest + 3 - CELLS : 0) + CELLS / 4)
#else
#define HEADROOM ((newest + 2 >= CELLS -> newest + 2 - CELLS : 0) + CELLS / 4)
#endif
#define LARGER(first, second)   ((first) > (second) -> (first) : (second))
#define SMALLER(first, second)  ((first) < (second) -> (first) : (second))

active proctype consumer() {
    byte expected = 0; /* ticket */
    byte position = 0;
    byte version = 0;
    byte ticket = 0;
    byte data = 0;
    byte piece = 0;
    byte again = 0;
    byte newest = 0;
    byte place = 0;
    byte steps = 0;
    bit found = 0;
    bit settled = 0; /* all that will ever be there was there before this read */

#ifdef START_OLDEST
    byte attempt = 0;
    do
    :: attempt < 2 ->
        LOAD_NEWEST;
        atomic {
            if
            :: memory[VERSION(0)] == EVEN(0) -> place = 0
            :: else ->
                if
                :: attempt == 0 -> place = (newest >= CELLS -> newest - CELLS + 1 : 0)
                :: else -> place = SMALLER(HEADROOM, newest)
                fi
            fi
        }
        FIND_BEGINNING;
        LOAD_EVENT(place);
        atomic {
            if
            :: INTACT_HEAD(place) ->
                CHECK_COPY(place);
                position = place;
                expected = ticket - 1;
                attempt = 3
            :: else -> attempt++
            fi;
            FORGET_COPY;
            newest = 0;
            place = 0
        }
    :: else -> break
    od;
    if
    :: attempt == 3 -> attempt = 0; goto started
    :: else -> attempt = 0
    fi;
#endif
#if defined(START_OLDEST) || defined(START_NOW)
#ifdef COUNT_BEFORE_NEWEST
    expected = memory[PUBLISHED];
#endif
    LOAD_NEWEST;
#ifndef COUNT_BEFORE_NEWEST
    expected = memory[PUBLISHED];
#endif
    LOAD_EVENT(newest);
    atomic {
        if
        :: INTACT_HEAD(newest) ->
            CHECK_COPY(newest);
            position = newest + SIZE;
            expected = ticket
        :: else ->
            position = newest;
            assert(expected == tickets || begins_at[expected] >= newest)
        fi;
        FORGET_COPY;
        newest = 0
    }
started:
    assert(expected <= tickets);
#endif

    do
    :: expected == tickets && producer_done -> break
    :: !(expected == tickets && producer_done) ->
        settled = producer_done && DRAINED;
read:
        LOAD_EVENT(position);
        if
        :: atomic { EMPTY(position) -> FORGET_COPY };
            assert(!settled || expected == tickets)
        :: atomic {
               INTACT(position) ->
                   CHECK_COPY(position);
                   if
#ifndef NO_TICKET_CHECK
                   :: ticket - 1 < expected -> /* from before the start */
#if !defined(START_OLDEST) && !defined(START_NOW)
                       assert(false);
#endif
                       position = position + SIZE
                   :: ticket - 1 > expected ->
                       /* The last one given up was overwritten, or is about to be, or is in the headroom. */
                       assert(begins_at[ticket - 2] + CELLS <= begun + CELLS / 4);
                       expected = ticket - 1
#endif
                   :: else ->
                       assert(ticket - 1 == expected);
                       position = position + SIZE;
                       expected++
                   fi;
                   FORGET_COPY
           }
        :: !EMPTY(position) && !INTACT(position) ->
            atomic { FORGET_COPY };
            LOAD_NEWEST;
            atomic { place = LARGER(HEADROOM, position + 1) };
            if
            :: place > newest ->
                atomic { place = 0; newest = 0 };
                assert(!settled || expected == tickets)
            :: place <= newest ->
                FIND_BEGINNING;
                atomic {
#ifdef LOSS_BY_POSITION
                    expected = expected + place - position;
                    assert(expected <= tickets && begins_at[expected - 1] + CELLS <= begun + CELLS / 4);
#endif
                    position = place;
                    place = 0;
                    newest = 0
                }
                goto read
            fi
        fi;
        settled = 0
    od
}
