/* SPDX-License-Identifier: MIT */
/*
 * model_explore.c - every schedule in turn, depth first.
 *
 * A run is the path of its choices. The next run repeats the path up to the
 * last choice that has an option left, takes that, and takes the first option
 * from there on; states that were seen before end a run. The first option is
 * always the plain one, so a path is printed without the zeros at its end.
 *
 * A failure is looked for again with fewer preemptions, so that what is shown
 * is as short as it can be, and then run once more to print its steps.
 */
#include "model_core.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct model *model;

/* ---- the path ---- */

unsigned model_choose(unsigned count)
{
    struct model_choice *choice = &model->path[model->depth];

    if (count == 1)
        return 0;
    if (model->depth == MODEL_CHOICES)
        model_fail("livelock: more than %d choices", MODEL_CHOICES);
    if (model->depth == model->recorded) {
        if (model->pruning && !model_state_is_new(count))
            model_leave(MODEL_PRUNED);
        *choice = (struct model_choice){0, (unsigned char)count};
        model->recorded++;
    } else if (choice->count == 0 && choice->taken < count) {
        choice->count = (unsigned char)count; /* a path that was read */
    } else if (choice->count != count) {
        model_fail("the program is not the same in each run");
    }
    model->depth++;
    if (model->expanding)
        model->full[model->full_length++] = *choice;
    return choice->taken;
}

/* To the next path; false when this was the last. */
static bool explore_advance(void)
{
    while (model->recorded > 0) {
        struct model_choice *last = &model->path[model->recorded - 1];

        if (last->taken + 1 < last->count) {
            last->taken++;
            return true;
        }
        model->recorded--;
    }
    return false;
}

static void explore_print_path(unsigned preemptions)
{
    unsigned length = model->recorded;

    while (length > 0 && model->path[length - 1].taken == 0)
        length--;
    printf("#   THRUM_MODEL_REPLAY='%s:%u:", model->program->name, preemptions);
    for (unsigned i = 0; i < length; i++)
        printf("%s%u", i == 0 ? "" : ".", model->path[i].taken);
    printf("'\n");
}

static void explore_read_path(const char *text)
{
    model->recorded = 0;
    while (*text != '\0' && model->recorded < MODEL_CHOICES) {
        char *end;
        unsigned long taken = strtoul(text, &end, 10);

        if (end == text)
            break;
        model->path[model->recorded++] =
            (struct model_choice){(unsigned char)taken, 0};
        text = *end == '.' ? end + 1 : end;
    }
}

/* ---- one run ---- */

void model_leave(enum model_outcome outcome)
{
    model->outcome = outcome;
    setcontext(&model->explorer);
    __builtin_unreachable();
}

static void explore_reset(const struct model_bounds *bounds)
{
    model_state_reset();
    model_memory_reset();
    model_threads_reset();
    model->left = *bounds;
    model->now = 1000;
    model->steps = 0;
    model->depth = 0;
    model->phase = 0;
    model->runs++;
}

/* The context is come back to when the threads have ended, and again should
 * the check fail; `phase` counts that. */
static enum model_outcome explore_run(const struct model_bounds *bounds)
{
    explore_reset(bounds);
    getcontext(&model->explorer);
    if (model->phase++ == 0) {
        if (model->program->setup != NULL)
            model->program->setup();
        model_threads_run();
    }
    if (model->current != MODEL_MAIN) {
        model_tls_switch(model_self(), &model->slots[MODEL_MAIN]);
        model->current = MODEL_MAIN;
    }
    if (model->phase == 2 && model->outcome == MODEL_FINISHED &&
        model->program->check != NULL)
        model->program->check();
    return model->outcome;
}

/* ---- all runs ---- */

static enum model_outcome explore_round(const struct model_bounds *bounds)
{
    model_state_forget();
    model->recorded = 0;
    model->runs = 0;
    model->pruned = 0;
    do {
        enum model_outcome outcome = explore_run(bounds);

        if (outcome == MODEL_FAILED)
            return outcome;
        if (outcome == MODEL_PRUNED)
            model->pruned++;
    } while (explore_advance());
    return MODEL_FINISHED;
}

/* Until a round finds nothing new that threads share. */
static enum model_outcome explore_all(const struct model_bounds *bounds)
{
    enum model_outcome outcome;

    model->rounds = 0;
    do {
        outcome = explore_round(bounds);
        model->rounds++;
    } while (outcome != MODEL_FAILED && model_share());
    return outcome;
}

static struct model_bounds explore_bounds(void)
{
    const struct model_program *program = model->program;

    return (struct model_bounds){program->preemptions, program->delays,
                                 program->spurious, program->timeouts};
}

/* Leaves the path of a failure with the fewest preemptions. */
static struct model_bounds explore_shorten(void)
{
    struct model_bounds bounds = explore_bounds();

    bounds.preemptions = 0;
    while (bounds.preemptions < model->program->preemptions &&
           explore_all(&bounds) != MODEL_FAILED)
        bounds.preemptions++;
    if (bounds.preemptions == model->program->preemptions)
        explore_all(&bounds);
    return bounds;
}

/* Turns the path of a failure into that of a run where each access is a point,
 * which needs no rounds to be understood. */
static void explore_expand(const struct model_bounds *bounds)
{
    model->full_length = 0;
    model->expanding = true;
    model->pruning = false;
    explore_run(bounds);
    model->pruning = true;
    model->expanding = false;
    memcpy(model->path, model->full, sizeof(model->full));
    model->recorded = model->full_length;
}

static enum model_outcome explore_show(const struct model_bounds *bounds)
{
    enum model_outcome outcome;

    model->pruning = false;
    model->all_visible = true;
    model->tracing = true;
    model->trace_count = 0;
    outcome = explore_run(bounds);
    model->tracing = false;
    model->all_visible = false;
    model->pruning = true;
    model_trace_print();
    return outcome;
}

static double explore_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void explore_print_counts(double began)
{
    printf("#   %lu schedules, %lu ended at a state seen before, %zu states, "
           "%u rounds, %.2f s\n",
           model->runs, model->pruned, model->seen_count, model->rounds,
           explore_seconds() - began);
}

static bool explore_found(enum model_outcome outcome)
{
    const char *finds = model->program->finds;

    if (finds == NULL || outcome != MODEL_FAILED)
        return finds == NULL && outcome != MODEL_FAILED;
    return strstr(model->failure, finds) != NULL;
}

static bool explore_program(const struct model_program *program,
                            unsigned number)
{
    double began = explore_seconds();
    struct model_bounds bounds;
    enum model_outcome outcome;
    bool good;

    model->program = program;
    model_unshare();
    bounds = explore_bounds();
    outcome = explore_all(&bounds);
    good = explore_found(outcome);
    printf("%s %u - %s\n", good ? "ok" : "not ok", number, program->name);
    explore_print_counts(began);
    if (outcome == MODEL_FAILED) {
        bounds = explore_shorten();
        explore_expand(&bounds);
        printf("#   %s: %s\n", good ? "found" : "FAILED", model->failure);
        explore_print_path(bounds.preemptions);
    }
    if (outcome == MODEL_FAILED && !good)
        explore_show(&bounds);
    else if (!good)
        printf("#   the planted bug was not found: %s\n", program->finds);
    fflush(stdout);
    return good;
}

static int explore_replay_path(const struct model_program *program,
                               const char *preemptions)
{
    struct model_bounds bounds;
    char *path;

    model->program = program;
    bounds = explore_bounds();
    bounds.preemptions = (unsigned)strtoul(preemptions, &path, 10);
    explore_read_path(*path == ':' ? path + 1 : path);
    if (explore_show(&bounds) != MODEL_FAILED)
        return 0;
    printf("#   FAILED: %s\n", model->failure);
    return 1;
}

/* "name:preemptions:path" */
static int explore_replay(const struct model_program *programs, size_t count,
                          const char *replay)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(programs[i].name);

        if (strncmp(programs[i].name, replay, length) == 0 &&
            replay[length] == ':')
            return explore_replay_path(&programs[i], replay + length + 1);
    }
    printf("# no program of that name: %s\n", replay);
    return 1;
}

/* A program that follows a pointer to what is gone. */
static void explore_crashed(int signal)
{
    model_fail("signal %d: a pointer leads nowhere", signal);
}

/* On a stack of its own, since it may be the stack that ran over. */
static void explore_catch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction action = {.sa_handler = explore_crashed,
                               .sa_flags = SA_ONSTACK | SA_NODEFER};
    stack_t stack = {.ss_sp = model->slots[MODEL_MAIN].stack,
                     .ss_size = MODEL_STACK_SIZE};

    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
}

int model_main(const struct model_program *programs, size_t count)
{
    const char *replay = getenv("THRUM_MODEL_REPLAY");
    int failed = 0;

    model_state_init();
    model->pruning = true;
    explore_catch_crashes();
    if (replay != NULL)
        return explore_replay(programs, count, replay);
    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++)
        if (!explore_program(&programs[i], (unsigned)i + 1))
            failed = 1;
    return failed;
}
