/*
 * One address that has to be relocated. Position-independent code as clean as this driver's may need no relocation at
 * all, and then the linker leaves out the relocation directory: nothing would say any more that the image may be moved.
 */
    .section .rdata, "dr"
    .balign 8
    .quad   DriverEntry
