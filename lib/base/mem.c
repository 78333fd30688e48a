/* mem.c - see mem.h. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(void)
{
    static const char text[] = "budgetguard: out of memory\n";
    ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
    (void)n;
    abort();
}

void *xcalloc(size_t count, size_t n)
{
    void *p = calloc(count, n);
    if (p == NULL)
        die();
    return p;
}

char *xmemdupz(const char *p, size_t n)
{
    char *copy = malloc(n + 1);
    if (copy == NULL)
        die();
    if (n > 0)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

void *try_realloc(void *p, size_t n)
{
    return realloc(p, n);
}

void *try_malloc(size_t n)
{
    return malloc(n);
}
