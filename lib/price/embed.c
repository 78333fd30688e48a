/* embed.c - the built-in price list, put into the binary as it is. */

// its dependency on book.txt stands in rules.mk
__asm__(".section .rodata\n"
        ".global price_book_text\n"
        ".global price_book_text_end\n"
        "price_book_text:\n"
        ".incbin \"lib/price/book.txt\"\n"
        "price_book_text_end:\n"
        ".byte 0\n"
        ".previous\n");

typedef int embed_is_a_translation_unit;
