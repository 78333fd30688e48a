/* banned.h - functions that are compile errors here, with what to use.
 *
 * Included by the compiler's command line (-include), after the libc headers.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A parameter of OpenSSL's prototypes is called `rand`: where they are needed
 * they come before the poison. */
#ifdef BG_OPENSSL
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#endif

/* clang's fortified headers make macros of some: the gcc leg is the gate. */
#ifndef __clang__
/* Unbounded or locale-bound: use buf, slice, memcpy with a known length. */
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok
/* Silent on garbage, or floating: use money_scan, json_i64. */
#pragma GCC poison atoi atol atoll strtod strtof
/* Global state: use base/clock and base/zone. */
#pragma GCC poison gmtime localtime ctime asctime
/* Predictable: use crypt_random. */
#pragma GCC poison rand srand drand48
/* Races: use mkstemp or O_TMPFILE. */
#pragma GCC poison tmpnam mktemp tempnam

#endif

#endif
