/* Prints process starts and losses until the driver is stopped: reader [device] */
#include <aegis/client.h>
#include <inttypes.h>
#include <stdio.h>

static void print(const aegis_item* item) {
    const AEGIS_EVENT_HEADER* head = item->data;
    if (item->kind == AEGIS_ITEM_LOSS) {
        printf("LOST %" PRIu64 "\n", item->count);
    } else if (head->Type == AEGIS_EVENT_PROCESS_CREATE && item->bytes >= sizeof(*head) + AEGIS_PROCESS_PAYLOAD_FIXED) {
        const AEGIS_PROCESS_PAYLOAD* process = (const AEGIS_PROCESS_PAYLOAD*)(head + 1);
        const uint16_t* end = (const uint16_t*)item->data + item->bytes / sizeof(uint16_t);
        printf("START %" PRIu32 " ", process->ProcessId);
        for (const uint16_t* unit = process->ImagePath; unit < end && *unit != 0; ++unit) {
            putchar(*unit < 128 ? *unit : '?');
        }
        putchar('\n');
    }
}

int main(int argc, char** argv) {
    const aegis_options options = {.size = sizeof(options), .device = argc > 1 ? argv[1] : NULL};
    aegis_client* client = NULL;
    aegis_item item = {.size = sizeof(item)};
    uint64_t sums[2] = {0}; /* events, lost: an event counts one, a loss as many as it is */
    uint64_t first = 0;     /* sequence, of an event or a loss */
    int32_t result = aegis_open(&options, &client);
    while (result >= 0 && (result = aegis_next(client, &item, AEGIS_FOREVER)) > 0) {
        sums[item.kind == AEGIS_ITEM_LOSS] += item.count;
        first = first != 0 ? first : item.sequence;
        print(&item);
    }
    fprintf(stderr, "%s\nfirst=%" PRIu64 " events=%" PRIu64 " lost=%" PRIu64 "\n", aegis_last_error(), first, sums[0],
            sums[1]);
    aegis_close(client);
    return result == AEGIS_STOPPING ? 0 : 1;
}
