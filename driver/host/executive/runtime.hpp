// Runtime routines that a driver image imports and that driver sources get from the compiler or from libc.
#pragma once

#include <ntifs.h>

namespace aegis::host {

void* NTAPI nt_memcpy(void* destination, const void* source, SIZE_T bytes);
void* NTAPI nt_memmove(void* destination, const void* source, SIZE_T bytes);
void* NTAPI nt_memset(void* destination, int value, SIZE_T bytes);
int NTAPI nt_memcmp(const void* left, const void* right, SIZE_T bytes);

}  // namespace aegis::host
