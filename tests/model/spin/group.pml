/*
 * The members of one consumer group, which share two words: the cursor, a ticket, decides who has an event; the position
 * says where to look. A producer laps them meanwhile, in a ring of three cells, with events of one and two cells in every
 * sequence that fits.
 *
 * What one read of the ring does is cells.pml's business: here it happens at once, and gives the event that begins at the
 * position, or says that it is not there yet, or overwritten. The two words are relaxed, so a member may have either of
 * them from before: it loads the position well before it uses it, and the cursor before or after it has read.
 *
 * An independent check of consumer_group.hpp: written from the protocol, not from the code.
 * What must not happen: two members have one event, or one has it and another counts it as lost; an event is given up that
 * was not overwritten and is not about to be; the position goes back; a member finds nothing though the producer rests and
 * an event is nobody's. A member may be anywhere when another finds nothing, so all of that holds for members that stopped
 * for ever at any step.
 *
 * -DPOSITIONS=n, -DMEMBERS=n
 * -DCLAIM_BY_STORE, -DCLAIM_NOT_CHECKED, -DCLAIM_FIRST, -DCLAIM_ANY_EVENT, -DLOSS_BY_STORE, -DLOSS_NOT_CHECKED,
 * -DMOVE_BY_STORE, -DCLAIMED_NOT_PASSED
 *                          wrong on purpose
 */
#ifndef POSITIONS
#define POSITIONS 6
#endif
#ifndef MEMBERS
#define MEMBERS 2
#endif

#define CELLS 3

#define ODD(position)  (2 * (position) + 1)
#define EVEN(position) (2 * (position) + 2)

/* The ring. The event that begins at a position is the same for ever; the version says whether it is there. */
byte version[CELLS];
byte ticket_at[POSITIONS];
byte cells_at[POSITIONS];
byte newest;

/* The group. */
byte cursor;
byte position;

/* For the assertions, no part of the protocol. */
byte tickets; /* events begun */
byte begun;   /* cells begun */
bit producer_done;
bit settled[POSITIONS]; /* by ticket: some member has it, or counted it as lost */
byte begins_at[POSITIONS];

active proctype producer() {
    byte next = 0;
    byte cells = 0;

    do
    :: next < POSITIONS ->
        atomic {
            if
            :: cells = 1
            :: next + 2 <= POSITIONS -> cells = 2
            fi;
            begins_at[tickets] = next;
            ticket_at[next] = tickets;
            cells_at[next] = cells;
            tickets++;
            begun = next + cells;
            version[next % CELLS] = ODD(next);
            if
            :: cells == 2 -> version[(next + 1) % CELLS] = ODD(next + 1)
            :: else
            fi
        }
        version[next % CELLS] = EVEN(next);
        atomic {
            newest = next;
            next = next + cells;
            cells = 0
        }
    :: else -> break
    od;
    producer_done = 1
}

/* Nobody else has the event of this ticket, or counts it as lost. */
#define SETTLE(ticket)                            \
    assert(ticket < tickets && !settled[ticket]); \
    settled[ticket] = 1

/* Moves the position to `to` unless another member has moved it. */
#ifdef MOVE_BY_STORE
#define MOVE                \
    assert(to >= position); \
    position = to
#else
#define MOVE                                                    \
    if                                                          \
    :: position == from -> assert(to > position); position = to \
    :: else                                                     \
    fi
#endif

/* Moves the cursor from `claimed` to `next` unless another member was faster; then `won`. */
#define CLAIM(next)                                    \
    if                                                 \
    :: cursor == claimed -> cursor = next; won = 1     \
    :: else                                            \
    fi

/* The oldest cell that is intact while one more is written, and never the one where this member was lapped. */
#define RESUME (newest + 1 >= CELLS + from -> newest + 2 - CELLS : from + 1)

active [MEMBERS] proctype member() {
    byte from = 0;    /* where it looks */
    byte to = 0;      /* where the position goes from there */
    byte ticket = 0;  /* of what it found */
    byte claimed = 0; /* the cursor, as it knows it */
    bit known = 0;    /* it loaded the cursor before it read */
    bit found = 0;
    bit won = 0;
    bit last = 0; /* all there will ever be was there when this attempt began */

    do
    :: producer_done && cursor == tickets -> break
    :: !(producer_done && cursor == tickets) ->
        atomic { last = producer_done; from = position }
#ifdef CLAIM_FIRST
        atomic { claimed = cursor; cursor++; known = 1 }
#else
        if
        :: atomic { claimed = cursor; known = 1 }
        :: skip
        fi;
#endif
        atomic {
            if
            :: version[from % CELLS] < EVEN(from)
            :: version[from % CELLS] == EVEN(from) ->
                ticket = ticket_at[from];
                to = from + cells_at[from];
                found = 1
            :: else ->
                to = RESUME;
                if
                :: to > newest -> to = 0
                :: else ->
                    do
                    :: to < newest && version[to % CELLS] != EVEN(to) -> to++
                    :: else -> break
                    od
                fi
            fi;
            /* Nothing is there, for any member. */
            assert(to != 0 || !last || cursor == tickets)
        }
        if
        :: !found ->
            atomic {
                if
                :: to != 0 -> MOVE
                :: else
                fi
            }
        :: found ->
            if
            :: known
            :: !known -> claimed = cursor
            fi;
            atomic {
#if defined(CLAIM_FIRST)
                if
                :: ticket == claimed -> SETTLE(ticket)
                :: else
                fi;
#elif defined(CLAIM_ANY_EVENT)
                CLAIM(claimed + 1);
                if
                :: won -> SETTLE(ticket)
                :: else
                fi;
#else
                if
                :: ticket == claimed ->
#ifdef CLAIM_BY_STORE
                    cursor = claimed + 1;
                    won = 1;
#else
                    CLAIM(claimed + 1);
#endif
#ifdef CLAIM_NOT_CHECKED
                    won = 1;
#endif
                    if
                    :: won -> SETTLE(ticket)
                    /* Another member has it, and moves the position. */
                    :: else -> to = 0
                    fi
                :: ticket < claimed ->
                    skip
#ifdef CLAIMED_NOT_PASSED
                    ;
                    to = 0;
                    assert(!last || cursor == tickets)
#endif
                :: ticket > claimed ->
                    to = 0;
#ifdef LOSS_BY_STORE
                    cursor = ticket;
                    won = 1;
#else
                    CLAIM(ticket);
#endif
#ifdef LOSS_NOT_CHECKED
                    won = 1;
#endif
                    if
                    :: won ->
                        do
                        :: claimed < ticket ->
                            SETTLE(claimed);
                            /* Overwritten, or about to be. */
                            assert(begins_at[claimed] + CELLS <= begun);
                            claimed++
                        :: else -> break
                        od
                    :: else
                    fi
                fi;
#endif
                won = 0
            }
            /* Whoever dies here leaves an event behind that is claimed and not passed. */
            atomic {
                if
                :: to != 0 -> MOVE
                :: else
                fi
            }
        fi;
        atomic { from = 0; to = 0; ticket = 0; claimed = 0; known = 0; found = 0; last = 0 }
    od
}
