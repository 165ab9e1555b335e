/* One number of the contract: what it must be and what a compiler made of it. C11 and C++20. */
#ifndef AEGIS_TESTS_LAYOUT_ROW_H
#define AEGIS_TESTS_LAYOUT_ROW_H

#include <stddef.h>
#include <stdint.h>

typedef struct LayoutRow { /* NOLINT(modernize-use-using): C has nothing else */
    const char* what;
    uint64_t expected;
    uint64_t actual;
} LayoutRow;

#ifdef __cplusplus
extern "C" {
#endif

/* The rows as a C compiler sees them; their number in *count. */
const LayoutRow* aegis_contract_rows_of_c(size_t* count);

#ifdef __cplusplus
}
#endif

#endif
