/* replay.c - a main for a fuzz target without a fuzzer: every seed, and every
 * beginning of it, is one run.
 *
 * Usage: target PATH...; folders are read one level deep.  A failing input
 * ends the process, as under the fuzzer; a missing folder does, too, because
 * a corpus that is not found would pass unseen.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 20)
#define CUTS_MAX 2048 /* longer inputs are cut at so many places */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An allocation of its own size, so that ASan sees every byte too far. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static long replay(const char *path)
{
    uint8_t *data = malloc(INPUT_MAX);
    FILE *f = fopen(path, "rb");
    if (f == NULL || data == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    size_t n = fread(data, 1, INPUT_MAX, f);
    size_t step = n / CUTS_MAX + 1;
    long runs = 1;
    fclose(f);
    for (size_t cut = 0; cut < n; cut += step, runs++)
        run(data, cut);
    run(data, n);
    free(data);
    return runs;
}

static long replay_all(const char *path)
{
    char file[4096];
    long runs = 0;
    DIR *d = opendir(path);
    if (d == NULL && errno == ENOTDIR)
        return replay(path);
    if (d == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        runs += replay(file);
    }
    closedir(d);
    return runs;
}

int main(int argc, char **argv)
{
    long runs = 0;
    for (int i = 1; i < argc; i++)
        runs += replay_all(argv[i]);
    printf("%ld inputs\n", runs);
    return runs > 0 ? 0 : 1;
}
