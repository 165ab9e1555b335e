/* Somebody else's program: prints what aegis.dll is, and what it says of a driver that is not there.
 * library_user [device] */
#include <aegis/client.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char** argv) {
    const uint32_t version = aegis_version();
    aegis_options options;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.device = argc > 1 ? argv[1] : NULL;
    aegis_client* client = NULL;
    const int32_t result = aegis_open(&options, &client);
    printf("version=%u.%u.%u\n", (unsigned)(version >> 24), (unsigned)(version >> 16 & 0xFF),
           (unsigned)(version & 0xFFFF));
    printf("result=%d\n", (int)result);
    printf("means=%s\n", aegis_strerror(result));
    printf("says=%s\n", aegis_last_error());
    aegis_close(client);
    return result == AEGIS_ERROR_NO_DRIVER ? 0 : 1;
}
