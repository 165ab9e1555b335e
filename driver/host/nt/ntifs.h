/* The one header a driver includes; the parts hold one subject each. */
#ifndef AEGIS_HOST_NTIFS_H
#define AEGIS_HOST_NTIFS_H

#include "nt_base.h"
#include "nt_io.h"
#include "nt_memory.h"
#include "nt_object.h"
#include "nt_object_callbacks.h"
#include "nt_process.h"
#include "nt_registry.h"
#include "nt_runtime.h"
#include "nt_security.h"
#include "nt_status.h"
#include "nt_sync.h"

#endif
