/* Somebody's own program: C11, and nothing of the project but the library's header.
 *
 *   reader SOCKET RING|PULL SEQUENCE
 *
 * Reads until the event or loss that ends with SEQUENCE (0: until it is killed), checks that no sequence is left out,
 * and prints "EVENTS LOST FIRST LAST". Says "reading" on stdout when the first item is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aegis/client.h"

struct account {
    uint64_t events;
    uint64_t lost;
    uint64_t first;
    uint64_t next;
    uint64_t end;
};

static int32_t see(void* context, const aegis_item* item) {
    struct account* const account = context;
    if (item->kind == AEGIS_ITEM_LOSS && item->reason != AEGIS_LOST_OVERWRITTEN) {
        return 0;
    }
    if (account->first == 0) {
        account->first = item->sequence;
        account->next = item->sequence;
        puts("reading");
        fflush(stdout);
    }
    if (item->sequence != account->next || item->last - item->sequence + 1 != item->count) {
        fprintf(stderr, "expected %llu, got %llu to %llu\n", (unsigned long long)account->next,
                (unsigned long long)item->sequence, (unsigned long long)item->last);
        exit(3);
    }
    if (item->kind == AEGIS_ITEM_EVENT) {
        AEGIS_EVENT_HEADER header;
        memcpy(&header, item->data, sizeof(header));
        if (header.Size != item->bytes || header.Sequence != (uint32_t)item->sequence) {
            fprintf(stderr, "a header of another event: %u bytes, number %u\n", (unsigned)header.Size,
                    (unsigned)header.Sequence);
            exit(4);
        }
        account->events += 1;
    } else {
        account->lost += item->count;
    }
    account->next = item->last + 1;
    return account->end != 0 && item->last >= account->end;
}

int main(int argc, char** argv) {
    if (argc != 4) {
        return 2;
    }
    aegis_options options = {.size = sizeof(options), .device = argv[1]};
    options.transport = strcmp(argv[2], "ring") == 0 ? AEGIS_TRANSPORT_RING : AEGIS_TRANSPORT_PULL;
    options.poll_ms = 1;
    struct account account = {.end = strtoull(argv[3], NULL, 10)};
    aegis_client* client = NULL;
    if (aegis_open(&options, &client) != AEGIS_OK) {
        fprintf(stderr, "%s\n", aegis_last_error());
        return 1;
    }
    int32_t result = 1;
    while (result > 0 && (account.end == 0 || account.next <= account.end)) {
        result = aegis_visit(client, see, &account, 1000, AEGIS_FOREVER);
    }
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", aegis_strerror(result), aegis_last_error());
    }
    printf("%llu %llu %llu %llu\n", (unsigned long long)account.events, (unsigned long long)account.lost,
           (unsigned long long)account.first, (unsigned long long)(account.next - 1));
    aegis_close(client);
    return result < 0 ? 5 : 0;
}
