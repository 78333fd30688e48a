# The built-in price list is assembled into embed.o.
$(O)/lib/price/embed.o: lib/price/book.txt
