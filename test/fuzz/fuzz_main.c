/* SPDX-License-Identifier: MIT */
/*
 * fuzz_main.c - runs a fuzz target on the files of its corpus.
 *
 *     url_list_corpus FILE...
 *
 * A TAP line per file. What once broke a target is added to the corpus.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"

#define FUZZ_FILE_MAX (1u << 20)

static int fuzz_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(FUZZ_FILE_MAX);
    uint8_t *exact;
    size_t n;

    if (file == NULL || bytes == NULL) {
        printf("# %s: %s\n", path, strerror(errno));
        exit(1);
    }
    n = fread(bytes, 1, FUZZ_FILE_MAX, file);
    fclose(file);
    /* Of just that size, so that a sanitizer sees one byte too many. */
    exact = realloc(bytes, n > 0 ? n : 1);
    LLVMFuzzerTestOneInput(exact != NULL ? exact : bytes, n);
    free(exact != NULL ? exact : bytes);
    return 0;
}

int main(int argc, char **argv)
{
    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        const char *name = strrchr(argv[i], '/');

        fuzz_file(argv[i]);
        printf("ok %d %s\n", i, name != NULL ? name + 1 : argv[i]);
        fflush(stdout);
    }
    return 0;
}
