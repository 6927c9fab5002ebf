/* SPDX-License-Identifier: MIT */
/*
 * queue.c - a pipeline: each stage gets from one queue and puts to the next.
 *
 * A limit keeps a fast stage from running away from a slow one: who finds the
 * queue full waits. Closing a queue is how the end comes through: what is in it
 * is still got, and then get says so.
 */
#include "check.h"

/* doc: stages */
struct stage {
    thrum_queue *from;
    thrum_queue *to;
};

static void *generate(void *arg)
{
    struct stage *stage = arg;
    static int numbers[10];

    for (int i = 0; i < 10; i++) {
        numbers[i] = i + 1;
        CHECK(thrum_queue_put(stage->to, &numbers[i], THRUM_FOREVER));
    }
    thrum_queue_close(stage->to);
    return NULL;
}

static void *square(void *arg)
{
    struct stage *stage = arg;
    void *number;

    while (thrum_queue_get(stage->from, THRUM_FOREVER, &number) == 0) {
        *(int *)number *= *(int *)number;
        CHECK(thrum_queue_put(stage->to, number, THRUM_FOREVER));
    }
    thrum_queue_close(stage->to);
    return NULL;
}
/* doc: end */

/* doc: limit */
static thrum_queue *make_queue(void)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue;

    options.limit = 2; /* items at most; who puts one more waits */
    CHECK(thrum_queue_new(&options, &queue));
    return queue;
}
/* doc: end */

/* doc: pipeline */
static void run_pipeline(thrum_executor *pool)
{
    thrum_queue *numbers = make_queue(), *squares = make_queue();
    struct stage first = {NULL, numbers}, second = {numbers, squares};
    void *number;
    int sum = 0;

    CHECK(thrum_executor_submit(pool, generate, &first, 0, NULL));
    CHECK(thrum_executor_submit(pool, square, &second, 0, NULL));
    while (thrum_queue_get(squares, THRUM_FOREVER, &number) == 0)
        sum += *(int *)number;
    printf("the sum of the squares: %d\n", sum);

    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_queue_free(numbers);
    thrum_queue_free(squares);
}
/* doc: end */

/* doc: priority */
struct job {
    int64_t urgency; /* 0 is the most urgent */
    const char *what;
};

static int64_t job_urgency(const void *job, void *arg)
{
    return ((const struct job *)job)->urgency;
}

static void show_priorities(void)
{
    static struct job jobs[] = {{2, "sweep"},
                                {0, "put out the fire"},
                                {1, "answer"},
                                {0, "call for help"}};
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    THRUM_AUTO(thrum_queue) queue = NULL;
    void *job;

    options.kind = THRUM_QUEUE_PRIORITY;
    options.priority = job_urgency;
    CHECK(thrum_queue_new(&options, &queue));
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
        CHECK(thrum_queue_put(queue, &jobs[i], THRUM_FOREVER));
    thrum_queue_close(queue);
    while (thrum_queue_get(queue, THRUM_FOREVER, &job) == 0)
        printf("%s\n", ((struct job *)job)->what);
}
/* doc: end */

/* doc: join */
static void *work(void *arg)
{
    thrum_queue *jobs = arg;
    void *count;

    while (thrum_queue_get(jobs, THRUM_FOREVER, &count) == 0) {
        ++*(int *)count;
        CHECK(thrum_queue_task_done(jobs)); /* that one is dealt with */
    }
    return NULL;
}

static void show_join(thrum_executor *pool)
{
    int counts[100] = {0}, done = 0;
    thrum_queue *jobs;

    CHECK(thrum_queue_new(NULL, &jobs));
    for (int i = 0; i < 3; i++)
        CHECK(thrum_executor_submit(pool, work, jobs, 0, NULL));
    for (int i = 0; i < 100; i++)
        CHECK(thrum_queue_put(jobs, &counts[i], THRUM_FOREVER));
    CHECK(thrum_queue_join(jobs, THRUM_FOREVER)); /* all were dealt with */
    for (int i = 0; i < 100; i++)
        done += counts[i];
    printf("jobs done: %d\n", done);

    thrum_queue_close(jobs); /* the workers may go */
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_queue_free(jobs);
}
/* doc: end */

static thrum_executor *make_pool(void)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool;

    options.max_workers = 3;
    CHECK(thrum_thread_pool_new(&options, &pool));
    return pool;
}

int main(void)
{
    thrum_executor *pool = make_pool();

    run_pipeline(pool);
    thrum_executor_unref(pool);
    show_priorities();
    pool = make_pool();
    show_join(pool);
    thrum_executor_unref(pool);
    return 0;
}
