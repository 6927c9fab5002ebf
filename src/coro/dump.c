/* SPDX-License-Identifier: MIT */
/*
 * coro/dump.c - what every greenlet and generator of the process is doing.
 *
 * All switches stop while the stacks are read; what is found is put into groups
 * of the same state and backtrace, and written when they go on again: whoever
 * reads the other end may be one of them.
 *
 * A handle is looked at only if its strand has begun, stands still, and is kept
 * so by the freeze or because it is the caller's own. Where the kernel has no
 * membarrier(2) nothing is known of other threads' but their names.
 */
#include "coro/dump.h"

#include <thrum/dump.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "coro/backtrace.h"
#include "coro/freeze.h"
#include "coro/handle.h"
#include "sys/clock.h"
#include "sys/unwind.h"
#include "sys/write.h"
#include "task/wait_note.h"

#define DUMP_FRAMES 64
#define DUMP_GROUPS 4096u /* places; one less are told apart */
#define DUMP_NAMES  1000u /* of each, at most */

struct dump_name {
    char name[THRUMI_STRAND_NAME];
    const void *handle;
    struct thrumi_wait_note wait; /* what for */
};

struct dump_group {
    const char *doing;
    const char *what; /* it waits for, as the parking says; or NULL */
    const char *kind;
    thrum_fn *fn; /* of those that have not begun */
    unsigned count;
    int depth;
    void *frames[DUMP_FRAMES];
    struct dump_name names[]; /* of the first few */
};

struct dump {
    unsigned most_groups;
    unsigned most_names;
    int most_frames;
    int64_t now;
    struct thrumi_loom *loom; /* the caller's, or NULL */
    bool frozen;              /* the others' stacks can be read too */
    bool no_memory;
    unsigned count;
    unsigned group_count;
    unsigned apart; /* those for whose backtraces there was no place */
    struct dump_group *groups[DUMP_GROUPS]; /* by hash of the backtrace */
};

/* ---- reading ---- */

static const char dump_not_begun[] = "not begun";
static const char dump_away[] = "waits for another";
static const char dump_waiting[] = "waiting for";
static const char dump_woken[] = "about to go on";

/* What of a strand its thread may be writing meanwhile: one that has not begun
 * is claimed, given a function or a name without a switch. A name may be
 * mixed of two then, and a pointer is of one. */
struct dump_seen {
    struct thrumi_loom *loom;
    thrum_fn *fn;
    struct dump_name name;
};

THRUMI_CTX_PLAIN static void dump_see(const struct thrumi_strand *strand,
                                      struct dump_seen *ret)
{
    const volatile char *name =
        strand->name; /* no memcpy(), which is watched */

    ret->loom = __atomic_load_n(&strand->loom, __ATOMIC_RELAXED);
    ret->fn = strand->fn;
    ret->name.handle = strand->handle;
    for (size_t i = 0; i < THRUMI_STRAND_NAME - 1; i++)
        ret->name.name[i] = name[i];
    ret->name.name[THRUMI_STRAND_NAME - 1] = '\0';
}

/* Likewise: a chain may grow or become shorter. All in it is kept. */
THRUMI_CTX_PLAIN static const char *
dump_doing_generator(const struct thrum_generator *generator)
{
    const struct thrum_generator *root = generator;

    while (root->outer != NULL)
        root = root->outer;
    if (root->link != generator)
        return "yields from another";
    return thrumi_handle_ready(&root->handle) == THRUMI_NOT_READY
               ? dump_away
               : "suspended at a yield";
}

/* Likewise: one that begins is given its place. If it is not there, or not
 * ready, it has let another go on by pulling a generator. */
THRUMI_CTX_PLAIN static const char *
dump_doing_greenlet(const struct thrum_greenlet *greenlet)
{
    return greenlet->at != greenlet->handle.strand ||
                   thrumi_handle_ready(&greenlet->handle) == THRUMI_NOT_READY
               ? dump_away
               : "suspended at a switch";
}

static bool dump_may_read(const struct dump *dump, const struct dump_seen *seen)
{
    return dump->frozen || seen->loom == dump->loom;
}

static const char *dump_doing(const struct dump *dump,
                              struct thrumi_strand *strand,
                              struct dump_seen *seen)
{
    if (thrumi_strand_pc(strand) == NULL)
        return "running";
    if (seen->loom == NULL)
        return dump_not_begun;
    if (!dump_may_read(dump, seen))
        return "in another thread";
    thrumi_wait_note_take(strand->running, &seen->name.wait);
    if (seen->name.wait.what != NULL)
        return seen->name.wait.woken ? dump_woken : dump_waiting;
    if (strand->handle->kind == THRUMI_STRAND_GENERATOR)
        return dump_doing_generator((struct thrum_generator *)strand->handle);
    return dump_doing_greenlet((struct thrum_greenlet *)strand->handle);
}

static const char *dump_kind(const struct thrumi_strand *strand)
{
    return atomic_load_explicit(&strand->kind, memory_order_relaxed) ==
                   THRUMI_STRAND_GENERATOR
               ? "generator"
               : "greenlet";
}

/* What it has in common with the others of its group. */
static void dump_look(const struct dump *dump, struct thrumi_strand *strand,
                      struct dump_seen *seen, struct dump_group *key)
{
    key->doing = dump_doing(dump, strand, seen);
    if (key->doing == dump_waiting)
        key->what = seen->name.wait.what;
    key->kind = dump_kind(strand);
    if (key->doing == dump_not_begun)
        key->fn = seen->fn;
    else if (dump_may_read(dump, seen))
        key->depth = thrumi_backtrace(strand, key->frames, dump->most_frames);
}

static unsigned dump_hash(const struct dump_group *key)
{
    uint64_t hash = (uintptr_t)key->doing * 31 + (uintptr_t)key->kind * 17 +
                    (uintptr_t)key->what * 7 + (uintptr_t)key->fn;

    for (int i = 0; i < key->depth; i++)
        hash = (hash ^ (uintptr_t)key->frames[i]) * UINT64_C(0x100000001b3);
    return (unsigned)(hash >> 20);
}

static bool dump_same(const struct dump_group *a, const struct dump_group *b)
{
    return a->doing == b->doing && a->what == b->what && a->kind == b->kind &&
           a->fn == b->fn && a->depth == b->depth &&
           memcmp(a->frames, b->frames,
                  (size_t)a->depth * sizeof(a->frames[0])) == 0;
}

static struct dump_group *dump_new_group(struct dump *dump,
                                         const struct dump_group *key)
{
    struct dump_group *group = thrumi_alloc(
        sizeof(*group) + dump->most_names * sizeof(group->names[0]));

    if (group == NULL) {
        dump->no_memory = true;
        return NULL;
    }
    memcpy(group, key, sizeof(*group));
    group->count = 0;
    dump->group_count++;
    return group;
}

/* The group of the key, made if need be; NULL: no memory, or no place. */
static struct dump_group *dump_find_group(struct dump *dump,
                                          const struct dump_group *key)
{
    unsigned at = dump_hash(key) % DUMP_GROUPS;

    while (dump->groups[at] != NULL && !dump_same(dump->groups[at], key))
        at = (at + 1) % DUMP_GROUPS;
    if (dump->groups[at] == NULL && dump->group_count < DUMP_GROUPS - 1)
        dump->groups[at] = dump_new_group(dump, key);
    return dump->groups[at];
}

static bool dump_add(struct thrumi_strand *strand, void *arg)
{
    struct dump *dump = arg;
    struct dump_group key = {.depth = 0};
    struct dump_group *group;
    struct dump_seen seen = {.name.wait.what = NULL};

    dump_see(strand, &seen);
    dump_look(dump, strand, &seen, &key);
    dump->count++;
    group = dump_find_group(dump, &key);
    if (group == NULL) {
        dump->apart++;
        return !dump->no_memory;
    }
    if (group->count < dump->most_names)
        group->names[group->count] = seen.name;
    group->count++;
    return true;
}

static void dump_read(struct dump *dump)
{
    thrumi_unwind_prepare(); /* it may allocate, and load */
    dump->now = thrumi_clock_ns();
    dump->loom = thrumi_self()->loom;
    dump->frozen = thrumi_strands_freeze();
    thrumi_strand_each(dump_add, dump);
    thrumi_strands_thaw();
}

/* ---- writing ---- */

static int dump_line(int fd, const char *format, ...) THRUM_PRINTF(2, 3);

static int dump_line(int fd, const char *format, ...)
{
    char text[512];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n >= (int)sizeof(text))
        n = (int)sizeof(text) - 1;
    return thrumi_write(fd, text, (size_t)n);
}

/* Those that wait have a line each, for what they wait for. */
static int dump_write_waits(const struct dump *dump, int fd,
                            const struct dump_group *group, unsigned n)
{
    char text[THRUMI_WAIT_TEXT];
    int rc = 0;

    for (unsigned i = 0; i < n && rc == 0; i++) {
        const struct dump_name *one = &group->names[i];

        thrumi_wait_note_write(&one->wait, dump->now, text, sizeof(text));
        rc = dump_line(fd, "    %s(%p): %s\n", one->name, one->handle, text);
    }
    if (rc == 0 && group->count > n)
        rc = dump_line(fd, "    and %u more\n", group->count - n);
    return rc;
}

static int dump_write_names(const struct dump *dump, int fd,
                            const struct dump_group *group)
{
    unsigned n =
        group->count < dump->most_names ? group->count : dump->most_names;
    int rc;

    if (group->what != NULL)
        return dump_write_waits(dump, fd, group, n);
    rc = dump_line(fd, "   ");
    for (unsigned i = 0; i < n && rc == 0; i++)
        rc = dump_line(fd, " %s(%p)", group->names[i].name,
                       group->names[i].handle);
    if (rc == 0 && group->count > n)
        rc = dump_line(fd, " and %u more", group->count - n);
    return rc == 0 ? dump_line(fd, "\n") : rc;
}

static int dump_write_group(const struct dump *dump, int fd,
                            const struct dump_group *group)
{
    char name[256];
    int rc = dump_line(fd, "\n%u %s%s, %s%s%s:\n", group->count, group->kind,
                       group->count == 1 ? "" : "s", group->doing,
                       group->what == NULL ? "" : " ",
                       group->what == NULL ? "" : group->what);

    if (rc == 0)
        rc = dump_write_names(dump, fd, group);
    if (rc == 0 && group->fn != NULL) {
        thrumi_unwind_name_place((const void *)(uintptr_t)group->fn, name,
                                 sizeof(name));
        rc = dump_line(fd, "    will call %s\n", name);
    }
    for (int i = 0; i < group->depth && rc == 0; i++) {
        thrumi_unwind_name(group->frames[i], name, sizeof(name));
        rc = dump_line(fd, "    #%-2d %p %s\n", i, group->frames[i], name);
    }
    return rc;
}

static int dump_compare(const void *a, const void *b)
{
    const struct dump_group *const *first = a;
    const struct dump_group *const *second = b;

    if (*first == NULL || *second == NULL)
        return (*first == NULL) - (*second == NULL);
    return ((*first)->count < (*second)->count) -
           ((*first)->count > (*second)->count);
}

static int dump_write(struct dump *dump, int fd)
{
    unsigned more = dump->group_count > dump->most_groups
                        ? dump->group_count - dump->most_groups
                        : 0;
    int rc = dump_line(fd, "thrum: %u greenlets and generators\n", dump->count);

    qsort(dump->groups, DUMP_GROUPS, sizeof(dump->groups[0]), dump_compare);
    for (unsigned i = 0;
         i < dump->group_count && i < dump->most_groups && rc == 0; i++)
        rc = dump_write_group(dump, fd, dump->groups[i]);
    if (rc == 0 && more > 0)
        rc = dump_line(fd, "\nand %u other backtraces\n", more);
    if (rc == 0 && dump->apart > 0)
        rc = dump_line(fd, "\nand %u whose backtraces are one too many\n",
                       dump->apart);
    return rc;
}

/* ---- what others add ---- */

static _Atomic(int (*)(int fd)) dump_added;

void thrumi_dump_add(int (*write)(int fd))
{
    /* relaxed: a function is there from the beginning */
    atomic_store_explicit(&dump_added, write, memory_order_relaxed);
}

static int dump_write_added(int fd)
{
    int (*write)(int) = atomic_load_explicit(&dump_added, memory_order_relaxed);

    return write == NULL ? 0 : write(fd);
}

/* ---- the call ---- */

static int dump_set_options(struct dump *dump,
                            const thrum_dump_options *options)
{
    static const thrum_dump_options none = THRUM_DUMP_OPTIONS;

    if (options == NULL)
        options = &none;
    if (options->size < sizeof(*options) || options->groups < 0 ||
        options->names < 0 || options->frames < 0)
        return -EINVAL;
    dump->most_groups = options->groups == 0 ? 100 : (unsigned)options->groups;
    dump->most_names = options->names == 0 ? 10 : (unsigned)options->names;
    dump->most_frames = options->frames == 0 ? 32 : options->frames;
    if (dump->most_frames > DUMP_FRAMES)
        dump->most_frames = DUMP_FRAMES;
    if (dump->most_names > DUMP_NAMES)
        dump->most_names = DUMP_NAMES;
    return 0;
}

int thrum_dump(int fd, const thrum_dump_options *options)
{
    struct dump *dump = thrumi_alloc_zero(sizeof(*dump));
    int rc;

    if (dump == NULL)
        return -ENOMEM;
    rc = dump_set_options(dump, options);
    if (rc == 0)
        dump_read(dump);
    if (rc == 0)
        rc = dump->no_memory ? -ENOMEM : dump_write(dump, fd);
    if (rc == 0)
        rc = dump_write_added(fd);
    if (rc == 0)
        rc = (int)dump->count;
    for (unsigned i = 0; i < DUMP_GROUPS; i++)
        thrumi_free(dump->groups[i]);
    thrumi_free(dump);
    return rc;
}
