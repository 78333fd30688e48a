/* watch.h - calls back when a file or folder has changed.
 *
 * One thread and one inotify descriptor per watch.  Writers that replace a
 * file by renaming, and folders that are swapped by a link, are seen: the
 * parent is watched too.
 */
#ifndef APP_WATCH_H
#define APP_WATCH_H

#include "base/err.h"

struct watch;

/* Starts watching `path`; `fn` runs on the watch's thread, once for a burst of
 * changes.  E_IO: inotify or the thread failed. */
MUST_CHECK enum status watch_start(const char *path, void (*fn)(void *arg),
                                   void *arg, struct watch **out,
                                   struct err *err);
/* Ends the thread, frees and nulls. */
void watch_stop(struct watch **w);

#endif
