/*
 * The one control code of AegisMonTest.sys: publishes synthetic process events through the driver's own channel.
 * Never part of the shipped driver.
 */
#ifndef AEGIS_TEST_IOCTL_H
#define AEGIS_TEST_IOCTL_H

#include "aegis/ioctl.h"

/* CTL_CODE(FILE_DEVICE_UNKNOWN, 0x8F0, METHOD_BUFFERED, FILE_READ_DATA | FILE_WRITE_DATA) */
#define AEGIS_IOCTL_TEST_PUBLISH 0x22E3C0U

/*
 * Publishes Count pairs: a create with ProcessId FirstProcessId + i, parent 4, creator 4 (8 for every tenth, so that
 * mismatches show) and the path \Device\HarddiskVolume1\Windows\System32\synthetic.exe; then the exit. No reply.
 */
typedef struct AEGIS_TEST_PUBLISH_REQUEST {
    AEGIS_REQUEST_HEADER Header;
    uint32_t Count;
    uint32_t FirstProcessId;
} AEGIS_TEST_PUBLISH_REQUEST;

AEGIS_STATIC_ASSERT(sizeof(AEGIS_TEST_PUBLISH_REQUEST) == 16, "layout");

#endif
