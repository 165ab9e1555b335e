/*
 * The contract's numbers as compile-time assertions, for compilers whose programs the test does not run. Compiled as
 * C11 and as C++20; see CMakeLists.txt for the compilers. Catches: a field that moves or changes its width, a
 * renumbered constant, a header that one of the two languages or one of the compilers rejects.
 */
#include "aegis/event.h"
#include "aegis/ioctl.h"
#include "aegis/policy.h"
#include "aegis/ring_layout.h"
#include "aegis/version.h"

#define SIZE(type, bytes) AEGIS_STATIC_ASSERT(sizeof(type) == (bytes), #type);
#define FIELD(type, field, offset, bytes)                                     \
    AEGIS_STATIC_ASSERT(offsetof(type, field) == (offset), #type "." #field); \
    AEGIS_STATIC_ASSERT(sizeof(((type*)0)->field) == (bytes), #type "." #field);
#define VALUE(constant, value) AEGIS_STATIC_ASSERT((constant) == (value), #constant);

#include "layout_rows.inc"

#ifdef AEGIS_WITH_WRONG_NUMBER
SIZE(AEGIS_EVENT_HEADER, 17)
#endif
