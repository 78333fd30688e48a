# The text of the OpenAPI document is assembled into openapi.o.
$(O)/lib/control/openapi.o: lib/control/openapi.txt
