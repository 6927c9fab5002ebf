/* SPDX-License-Identifier: MIT */
/*
 * model_core.h - the state of the runner, shared by its files.
 *
 * All of it lies in one mapping, away from the variables of the program that
 * is explored: those are put back to their first values before each run.
 */
#ifndef MODEL_CORE_H
#define MODEL_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "model.h"

enum {
    MODEL_MAIN = MODEL_THREADS, /* the slot of setup and check */
    MODEL_STACK_SIZE = 64 * 1024,
    MODEL_STORES = 16,     /* places of a store buffer */
    MODEL_STEPS = 4000,    /* of a run; more is a livelock */
    MODEL_CHOICES = 16000, /* of a run */
    MODEL_ARENA_SIZE = 128 * 1024,
    MODEL_GRAIN = 16, /* of the arena */
    MODEL_SEEN = 1 << 22,
    MODEL_WORDS = 1 << 14,
    MODEL_TRACE = 256, /* of the last steps are shown */
};

enum model_status {
    MODEL_WAITING, /* a host that has nothing to do yet */
    MODEL_RUNNABLE,
    MODEL_PARKED,
    MODEL_DONE,
};

/* Why a thread stops. */
enum model_stop {
    MODEL_AT_POINT, /* it could go on */
    MODEL_AT_YIELD, /* it could, but asks others to */
    MODEL_AT_PARK,
    MODEL_AT_END,
};

/* How a run ended. */
enum model_outcome {
    MODEL_FINISHED,
    MODEL_PRUNED, /* it reached a state that was seen before */
    MODEL_FAILED,
};

struct model_entry {
    void *address;
    uint64_t value;
    unsigned size;
    unsigned release; /* goes out after all entries before it */
};

struct model_slot {
    ucontext_t context;
    char *stack;
    const char *low; /* of what is live on the stack; NULL: not started */
    char *tls;       /* its thread-local variables while it does not run */
    enum model_status status;
    bool yielded; /* spins, and nothing was written since */
    bool timed_out;
    const void *parked_on;
    int64_t deadline;
    struct model_entry stores[MODEL_STORES]; /* oldest first */
    unsigned store_count;
};

struct model_bounds {
    unsigned preemptions;
    unsigned delays;
    unsigned spurious;
    unsigned timeouts;
};

struct model_trace {
    const char *what;
    unsigned thread;
};

/* Eight bytes of memory, and which threads (bits) have used them. */
struct model_word {
    uintptr_t address; /* 0: a free entry of the table */
    unsigned char readers;
    unsigned char writers;
    bool shared; /* as of the rounds before */
};

struct model_choice {
    unsigned char taken;
    unsigned char count;
};

enum model_option_kind {
    MODEL_RUN,    /* the thread goes on */
    MODEL_FLUSH,  /* one of its stores leaves the buffer */
    MODEL_WAKE,   /* it is woken for no reason */
    MODEL_EXPIRE, /* its deadline passes */
};

struct model_option {
    enum model_option_kind kind;
    unsigned thread;
    unsigned entry; /* of the store buffer */
};

struct model {
    const struct model_program *program;
    struct model_slot slots[MODEL_THREADS + 1];
    unsigned thread_count;
    unsigned current; /* an index of slots */
    enum model_stop stop;
    struct model_bounds left;
    int64_t now;
    unsigned steps;
    enum model_outcome outcome;
    int phase;
    ucontext_t explorer;
    char failure[256];

    struct model_option options[MODEL_THREADS * (MODEL_STORES + 3)];
    unsigned option_count;

    /* the path: replayed up to `recorded`, then made longer */
    struct model_choice path[MODEL_CHOICES];
    unsigned depth;
    unsigned recorded;
    bool tracing;
    struct model_trace trace[MODEL_TRACE]; /* a ring */
    unsigned trace_count;
    bool pruning;
    unsigned rounds;
    unsigned long runs;
    unsigned long pruned;

    struct model_word words[MODEL_WORDS];
    size_t word_count;
    bool all_visible; /* each access is a point */
    bool expanding;   /* writes `full`: the path if each access were one */
    struct model_choice full[MODEL_CHOICES];
    unsigned full_length;

    uint64_t *seen; /* a hash table of states */
    size_t seen_count;

    char *data; /* the first values of all static variables */
    size_t data_size;
    char *tls_live;
    char *tls_first;
    size_t tls_size;

    _Alignas(64) char arena[MODEL_ARENA_SIZE];
    unsigned char grains[MODEL_ARENA_SIZE / MODEL_GRAIN]; /* see memory.c */
    unsigned block_sizes[MODEL_ARENA_SIZE / MODEL_GRAIN];
    size_t arena_used;
    size_t blocks;
};

extern struct model *model;

static inline struct model_slot *model_self(void)
{
    return &model->slots[model->current];
}

/* model_state.c */
void model_state_init(void);
void model_state_reset(void);
bool model_state_is_new(unsigned count);
void model_state_forget(void);
void model_tls_switch(struct model_slot *from, struct model_slot *to);

/* model_memory.c */
void model_memory_reset(void);
void model_drain(struct model_slot *slot);
bool model_may_flush(const struct model_slot *slot, unsigned entry);
void model_flush(struct model_slot *slot, unsigned entry);

/* model_share.c */
void model_touch(const volatile void *address, bool writes);
bool model_is_visible(const volatile void *address);
bool model_share(void);
void model_unshare(void);
void model_expand(unsigned count);

/* model_thread.c */
void model_threads_init(void);
void model_threads_reset(void);
void model_threads_run(void) __attribute__((noreturn));
/* Where another thread may go on. At a point the thread is about to use the
 * address; NULL is anything. `what` is for the trace. */
void model_halt(enum model_stop stop, const volatile void *address,
                const char *what);
void model_unpark(struct model_slot *slot);
void model_written(void);

/* model_trace.c */
void model_trace_step(unsigned thread, const char *what);
void model_trace_print(void);

/* model_sys.c */
void model_thread_ends(void);

/* model_explore.c: one of 0 .. count - 1, as the path says. */
unsigned model_choose(unsigned count);
void model_leave(enum model_outcome outcome) __attribute__((noreturn));

#endif /* MODEL_CORE_H */
