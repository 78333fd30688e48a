/* channel.h - where alerts go: a webhook, a chat, mailboxes.
 *
 * Immutable after channels_new; any thread.  What stands in a message about a
 * budget is its scope, period and figures, never a key or an address.
 */
#ifndef ALERT_CHANNEL_H
#define ALERT_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "ledger/raised.h"
#include "net/post.h"

#define CHANNELS_MAX 3

/* Texts as configured, "" where not set; they must outlive the channels. */
struct channels_conf {
    const char *webhook_url, *webhook_secret;
    const char *slack_url;
    const char *smtp_url, *smtp_user, *smtp_password;
    const char *smtp_tls;            /* auto, must or off */
    const char *mail_from, *mail_to; /* mail_to: comma separated */
    int timeout_ms;
};

struct channels;

/* Reads the configuration; E_INVALID names the variable that is wrong. */
MUST_CHECK enum status channels_new(const struct channels_conf *conf,
                                    struct channels **out, struct err *err);
/* Frees and nulls. */
void channels_free(struct channels **c);
/* The names of those configured: "webhook", "slack", "email". */
const char *const *channels_names(const struct channels *c, int *n);

/* A message to one channel. */
struct notice {
    const struct alert_row *alert; /* NULL: a test */
    int64_t delivery; /* its id; receivers drop repetitions by it; 0: a test */
    int64_t now_ms;
};
/* Sends it over `post`, by channels_names' index.  Errors as in post.h. */
MUST_CHECK enum status channels_send(const struct channels *c, int channel,
                                     struct post *post, const struct notice *m,
                                     struct err *err);

#endif
