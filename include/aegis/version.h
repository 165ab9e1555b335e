/* The product version: one place for the driver's resource, the agent and the query reply. */
#ifndef AEGIS_VERSION_H
#define AEGIS_VERSION_H

#define AEGIS_VERSION_MAJOR  1
#define AEGIS_VERSION_MINOR  0
#define AEGIS_VERSION_PATCH  0
#define AEGIS_VERSION_STRING "1.0.0"

#endif
