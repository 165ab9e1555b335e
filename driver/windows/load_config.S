/*
 * IMAGE_LOAD_CONFIG_DIRECTORY64, as far as it says something: where the stack cookie is, so that NT's loader fills it.
 * The linker does not know the structure; cmake/finish_driver_image.py points the image's directory at this section.
 *
 * Its one address also sees to it that the image has a relocation directory. Position-independent code as clean as this
 * driver's might need none, and then nothing would say any more that the image may be moved.
 */
    .section .ldcfg, "dr"
    .balign 8
    .long   0x70                        /* Size: up to SEHandlerCount, as every system knows it */
    .zero   0x54
    .quad   __stack_chk_guard           /* 0x58: SecurityCookie */
    .zero   0x10                        /* SEHandlerTable, SEHandlerCount: of 32-bit images */
