/* field.h - one header field: a name and a value, both borrowed. */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include "base/slice.h"

struct http_field {
    struct slice name, value;
};

#endif
