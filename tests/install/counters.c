/* Answers each line of standard input with the driver's counters, until its end: counters <device>. Keeps the driver
 * open, and reads nothing from it. */
#include <aegis/client.h>
#include <inttypes.h>
#include <stdio.h>

int main(int argc, char** argv) {
    const aegis_options options = {
        .size = sizeof(options), .device = argc > 1 ? argv[1] : NULL, .transport = AEGIS_TRANSPORT_NONE};
    aegis_client* client = NULL;
    int32_t result = aegis_open(&options, &client);
    char line[16];
    while (result >= 0 && fgets(line, sizeof(line), stdin) != NULL) {
        AEGIS_QUERY_REPLY reply;
        result = aegis_query(client, &reply, sizeof(reply), AEGIS_FOREVER);
        uint64_t lost = 0;
        for (unsigned i = 0; result >= 0 && i < AEGIS_LOST_REASONS; ++i) {
            lost += reply.LostBefore[i];
        }
        unsigned consumers = 0;
        uint64_t cursor = 0; /* of the one that is farthest */
        for (unsigned i = 0; result >= 0 && i < AEGIS_MAX_HANDLES; ++i) {
            consumers += reply.Consumers[i].Transport != 0;
            cursor = reply.Consumers[i].Cursor > cursor ? reply.Consumers[i].Cursor : cursor;
        }
        if (result >= 0) {
            printf("published=%" PRIu64 " lost_before=%" PRIu64 " handles=%" PRIu32 " consumers=%u cursor=%" PRIu64
                   "\n",
                   reply.Published, lost, reply.Handles, consumers, cursor);
            fflush(stdout);
        }
    }
    if (result < 0) {
        fprintf(stderr, "%s\n", aegis_last_error());
    }
    aegis_close(client);
    return result < 0 ? 1 : 0;
}
