/* SPDX-License-Identifier: MIT */
/*
 * untrusted_png.c - pictures from strangers, decoded where they can do no harm.
 *
 *     untrusted_png [FILE.png ...]
 *
 * A decoder is fed by whoever sends a file. So each picture is decoded by libpng
 * in a worker of a process pool, which can open no files and no sockets, has
 * little memory and little time. What a bad one does to its worker is a line in
 * the report, and the others are decoded all the same.
 *
 * Without files it makes a dozen pictures itself. Three are bad: one is cut off,
 * one is a bomb that would unpack to gigabytes, and one hits a planted bug of
 * the decoder, as a real one might.
 */
#include <errno.h>
#include <inttypes.h>
#include <png.h>
#include <string.h>

#include "check.h"

#define MOST_BYTES ((size_t)16 << 20) /* of a file */
#define SIDE       64                 /* of our own pictures */

struct verdict {
    uint32_t width;
    uint32_t height;
    uint32_t mean; /* of all samples */
    char problem[64];
};

/* ---- in the worker ---- */

/* doc: decode */
/* A file as it is handed to a worker: its bytes, and how many. */
struct parcel {
    uint32_t length;
    unsigned char bytes[];
};

/* What a bug of the decoder would do with the right file. */
static void planted_bug(const struct parcel *file)
{
    volatile int *volatile nowhere = NULL;

    if (memmem(file->bytes, file->length, "overflow me", 11) != NULL)
        *nowhere = 1;
}

static uint32_t mean_of(const unsigned char *samples, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += samples[i];
    return n == 0 ? 0 : (uint32_t)(sum / n);
}

static void *decode(void *arg)
{
    const struct parcel *file = arg;
    png_image image = {.version = PNG_IMAGE_VERSION};
    struct verdict verdict = {0};
    unsigned char *samples;

    planted_bug(file);
    if (!png_image_begin_read_from_memory(&image, file->bytes, file->length))
        return thrum_raise(THRUM_EUSER, "%s", image.message);
    image.format = PNG_FORMAT_RGB;
    samples = malloc(PNG_IMAGE_SIZE(image));
    if (samples == NULL) {
        png_image_free(&image);
        return thrum_raise(THRUM_EUSER, "unpacks to %zu bytes",
                           (size_t)PNG_IMAGE_SIZE(image));
    }
    if (!png_image_finish_read(&image, NULL, samples, 0, NULL)) {
        free(samples);
        return thrum_raise(THRUM_EUSER, "%s", image.message);
    }
    verdict.width = image.width;
    verdict.height = image.height;
    verdict.mean = mean_of(samples, PNG_IMAGE_SIZE(image));
    free(samples);
    return thrum_return(&verdict, sizeof(verdict));
}
/* doc: end */

/* doc: pool */
static thrum_executor *make_pool(void)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    int rc;

    options.memory_limit = (uint64_t)512 << 20;
    options.cpu_limit = 5; /* seconds, of one picture */
    options.no_core = true;
    options.sandbox = true;
    rc = thrum_process_pool_new(&options, &pool);
    if (rc == -ENOTSUP) { /* no libseccomp: the limits are left */
        options.sandbox = false;
        rc = thrum_process_pool_new(&options, &pool);
    }
    CHECK(rc);
    return pool;
}
/* doc: end */

/* ---- pictures ---- */

struct picture {
    char name[64];
    struct parcel *file;
    thrum_future *future;
};

static struct parcel *parcel_new(size_t length)
{
    struct parcel *file = calloc(1, sizeof(*file) + length);

    if (file == NULL)
        exit(1);
    file->length = (uint32_t)length;
    return file;
}

static struct parcel *paint(unsigned shade)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = SIDE,
                       .height = SIDE,
                       .format = PNG_FORMAT_RGB};
    unsigned char samples[SIDE * SIDE * 3];
    png_alloc_size_t length = 0;
    struct parcel *file;

    memset(samples, (int)shade, sizeof(samples));
    png_image_write_get_memory_size(image, length, 0, samples, 0, NULL);
    file = parcel_new(length);
    png_image_write_to_memory(&image, file->bytes, &length, 0, samples, 0,
                              NULL);
    file->length = (uint32_t)length;
    return file;
}

/* The same with more behind it. */
static struct parcel *append(struct parcel *file, const char *text)
{
    struct parcel *longer = parcel_new(file->length + strlen(text));

    memcpy(longer->bytes, file->bytes, file->length);
    memcpy(longer->bytes + file->length, text, strlen(text));
    free(file);
    return longer;
}

/* A header that promises 30,000 by 30,000 pixels; its checksum is right. */
static struct parcel *bomb(void)
{
    static const unsigned char header[] = {
        0x89, 'P',  'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0,    0,
        13,   'I',  'H', 'D', 'R',  0,    0,    0x75, 0x30, 0,    0,
        0x75, 0x30, 8,   2,   0,    0,    0,    0xe9, 0x45, 0x6f, 0xed};
    struct parcel *file = paint(1);

    if (file->length > sizeof(header))
        memcpy(file->bytes, header, sizeof(header));
    return file;
}

static size_t make_pictures(struct picture *pictures)
{
    for (unsigned i = 0; i < 12; i++) {
        snprintf(pictures[i].name, sizeof(pictures[i].name), "picture-%02u.png",
                 i);
        pictures[i].file = i == 7 ? bomb() : paint(i * 20);
    }
    pictures[3].file->length /= 2;
    pictures[9].file = append(pictures[9].file, "overflow me");
    return 12;
}

static struct parcel *read_file(const char *path)
{
    struct parcel *file = parcel_new(MOST_BYTES);
    FILE *stream = fopen(path, "rb");

    if (stream == NULL) {
        perror(path);
        exit(1);
    }
    file->length = (uint32_t)fread(file->bytes, 1, MOST_BYTES, stream);
    fclose(stream);
    return file;
}

/* ---- the report ---- */

/* doc: report */
static bool report(const struct picture *picture)
{
    const thrum_error *error = NULL;
    void *result;

    if (thrum_future_result(picture->future, THRUM_FOREVER, &result) == 0) {
        const struct verdict *verdict = result;

        printf("%-16s ok       %ux%u, mean %u\n", picture->name, verdict->width,
               verdict->height, verdict->mean);
        return true;
    }
    CHECK(thrum_future_exception(picture->future, THRUM_FOREVER, &error));
    if (error->code == THRUM_ECRASHED)
        printf("%-16s CRASHED  signal %d\n", picture->name, error->signal);
    else
        printf("%-16s refused  %s\n", picture->name, error->message);
    return false;
}
/* doc: end */

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? (size_t)argc - 1 : 12;
    struct picture *pictures = calloc(n, sizeof(*pictures));
    thrum_executor *pool = make_pool();
    size_t bad = 0;

    if (pictures == NULL)
        return 1;
    if (argc == 1)
        n = make_pictures(pictures);
    for (size_t i = 0; argc > 1 && i < n; i++) {
        snprintf(pictures[i].name, sizeof(pictures[i].name), "%s", argv[i + 1]);
        pictures[i].file = read_file(argv[i + 1]);
    }
    for (size_t i = 0; i < n; i++)
        CHECK(thrum_executor_submit(pool, decode, pictures[i].file,
                                    sizeof(struct parcel) +
                                        pictures[i].file->length,
                                    &pictures[i].future));
    for (size_t i = 0; i < n; i++) {
        bad += !report(&pictures[i]);
        thrum_future_unref(pictures[i].future);
        free(pictures[i].file);
    }
    printf("%zu of %zu pictures were bad\n", bad, n);
    free(pictures);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    return argc > 1 && bad > 0 ? 1 : 0;
}
