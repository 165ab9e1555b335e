#include "aegis/event.h"
#include "aegis/ioctl.h"
#include "aegis/policy.h"
#include "aegis/ring_layout.h"
#include "layout_row.h"

static const LayoutRow kRows[] = {
#include "layout_row_macros.inc"
#include "layout_rows.inc"
};

const LayoutRow* aegis_contract_rows_of_c(size_t* count) {
    *count = sizeof(kRows) / sizeof(kRows[0]);
    return kRows;
}
