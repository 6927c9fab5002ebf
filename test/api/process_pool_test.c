/* SPDX-License-Identifier: MIT */
/*
 * test/api/process_pool_test.c - tasks in worker processes.
 */
#include "processes.h"

TEST(a_task_runs_in_another_process)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, pid_task, 0);

    assert_true(number_of(future) != (int)getpid());
    thrum_future_unref(future);
    executor_end(pool);
}

TEST(many_tasks_have_their_results)
{
    thrum_executor *pool = processes_of(2);
    unsigned n = test_scale(2000);
    thrum_future **futures = calloc(n, sizeof(*futures));

    for (unsigned i = 0; i < n; i++)
        futures[i] = send(pool, square_task, (int)i);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(number_and_unref(futures[i]), (int)(i * i));
    free(futures);
    executor_end(pool);
}

TEST(an_error_comes_back_and_the_worker_goes_on)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *bad = send(pool, raise_task, THRUM_EUSER - 3);
    const thrum_error *error = failure_of(bad);

    assert_int_equal(error->code, THRUM_EUSER - 3);
    assert_string_equal(error->message, "raised -65539");
    assert_non_null(error->file);
    assert_true(error->line > 0);
    thrum_future_unref(bad);
    assert_int_equal(number_and_unref(send(pool, square_task, 5)), 25);
    executor_end(pool);
}

TEST(a_crash_fails_its_task_alone)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *bad = send(pool, segv_task, 0);
    thrum_future *good = send(pool, square_task, 7);
    const thrum_error *error = failure_of(bad);

    assert_int_equal(error->code, THRUM_ECRASHED);
    assert_int_equal(error->signal, SIGSEGV);
    assert_true(error->pid > 0);
    assert_int_equal(number_and_unref(good), 49);
    thrum_future_unref(bad);
    executor_end(pool);
}

TEST(null_is_a_result)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, null_task, 1);
    void *value = &pool;

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &value), 0);
    assert_null(value);
    thrum_future_unref(future);
    executor_end(pool);
}

TEST(a_plain_pointer_is_neither_argument_nor_result)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = NULL;

    assert_int_equal(thrum_executor_submit(pool, square_task, pool, 0, &future),
                     THRUM_ENOTSHARED);
    future = send(pool, pointer_task, 1);
    assert_int_equal(failure_of(future)->code, THRUM_ENOTSHARED);
    thrum_future_unref(future);
    executor_end(pool);
}

static void *in_no_object;

TEST(a_function_that_is_in_no_object_is_refused)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = NULL;
    thrum_fn *fn = NULL;
    int n = 1;
    void *data = malloc(64);

    memcpy(&fn, &data, sizeof(fn));
    assert_int_equal(thrum_executor_submit(pool, fn, &n, sizeof(n), &future),
                     THRUM_ENOTSHARED);
    in_no_object = data;
    free(in_no_object);
    executor_end(pool);
}

/* ---- payloads of every size ---- */

struct span {
    size_t size;
    unsigned char bytes[];
};

static unsigned span_sum(const unsigned char *bytes, size_t size)
{
    unsigned sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + bytes[i];
    return sum;
}

static void *sum_task(void *arg)
{
    const struct span *span = arg;
    unsigned sum = span_sum(span->bytes, span->size);

    return thrum_return(&sum, sizeof(sum));
}

static void *fill_task(void *arg)
{
    size_t size = *(size_t *)arg;
    unsigned char *bytes = thrum_return_alloc(size);

    if (bytes == NULL)
        return NULL;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 7);
    return bytes;
}

static const size_t sizes[] = {0,     1,     63,    64,     65,     4096,
                               32704, 32768, 32769, 100000, 5000000};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

TEST(arguments_of_every_size_arrive)
{
    thrum_executor *pool = processes_of(2);

    for (unsigned i = 0; i < SIZES; i++) {
        struct span *span = malloc(sizeof(*span) + sizes[i]);
        thrum_future *future = NULL;
        void *sum = NULL;

        span->size = sizes[i];
        for (size_t k = 0; k < sizes[i]; k++)
            span->bytes[k] = (unsigned char)(k * 13 + i);
        assert_int_equal(thrum_executor_submit(pool, sum_task, span,
                                               sizeof(*span) + sizes[i],
                                               &future),
                         0);
        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &sum), 0);
        assert_int_equal(*(unsigned *)sum, span_sum(span->bytes, sizes[i]));
        thrum_future_unref(future);
        free(span);
    }
    executor_end(pool);
}

/* They can be written to: each has its own. */
TEST(results_of_every_size_arrive)
{
    thrum_executor *pool = processes_of(2);

    for (unsigned i = 0; i < SIZES; i++) {
        thrum_future *future = NULL;
        void *value = NULL;
        unsigned char *bytes;

        assert_int_equal(thrum_executor_submit(pool, fill_task, &sizes[i],
                                               sizeof(sizes[i]), &future),
                         0);
        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &value), 0);
        assert_non_null(value);
        assert_int_equal(thrum_future_result_size(future), sizes[i]);
        assert_int_equal((uintptr_t)value % _Alignof(max_align_t), 0);
        bytes = value;
        for (size_t k = 0; k < sizes[i]; k++)
            if (bytes[k] != (unsigned char)(k * 7))
                fail_msg("byte %zu of %zu", k, sizes[i]);
        memset(bytes, 1, sizes[i]);
        thrum_future_unref(future);
    }
    executor_end(pool);
}

/* More than fits into a worker's ring, in both directions at once. */
TEST(many_middling_payloads_pass_one_worker)
{
    enum {
        MANY = 200
    };
    thrum_executor *pool = processes_of(1);
    thrum_future *futures[MANY];
    size_t size = 30000;

    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(thrum_executor_submit(pool, fill_task, &size,
                                               sizeof(size), &futures[i]),
                         0);
    for (unsigned i = 0; i < MANY; i++) {
        void *value = NULL;

        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, &value),
                         0);
        assert_int_equal(((unsigned char *)value)[size - 1],
                         (unsigned char)((size - 1) * 7));
        thrum_future_unref(futures[i]);
    }
    executor_end(pool);
}

static void *give_up_task(void *arg)
{
    memset(thrum_return_alloc(1000000), 1, 1000000);
    memset(thrum_return_alloc(10), 1, 10);
    return square_task(arg);
}

TEST(storage_that_is_not_returned_is_let_go)
{
    thrum_executor *pool = processes_of(1);

    for (int i = 0; i < 20; i++)
        assert_int_equal(number_and_unref(send(pool, give_up_task, i)), i * i);
    executor_end(pool);
}

/* ---- what needs our memory ---- */

static void *then_step(thrum_future *done, void *arg)
{
    (void)done;
    return arg;
}

TEST(a_step_that_gets_a_future_is_refused)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, square_task, 3);
    thrum_future *step = NULL;

    assert_int_equal(thrum_future_then(future, pool, then_step, NULL, &step),
                     THRUM_ENOTSHARED);
    thrum_future_unref(future);
    executor_end(pool);
}

/* ---- options ---- */

TEST(F80_a_bad_option_is_refused_at_construction)
{
    static int huge[20000];
    thrum_process_pool_options good = THRUM_PROCESS_POOL_OPTIONS;
    thrum_process_pool_options options;
    thrum_executor *pool = NULL;

#define REFUSED(change)                                               \
 do {                                                                 \
  options = good;                                                     \
  change;                                                             \
  assert_int_equal(thrum_process_pool_new(&options, &pool), -EINVAL); \
 } while (0)
    REFUSED(options.size = 8);
    REFUSED(options.max_workers = -1);
    REFUSED(options.max_workers = 1025);
    REFUSED(options.idle_ns = -1);
    REFUSED(options.run_ns = -1);
    REFUSED(options.block_ns = -1);
    REFUSED(options.retries = -1);
    REFUSED(options.stats_every = -1);
    REFUSED(options.start = (thrum_process_start)7);
    REFUSED(options.queue_policy = (thrum_queue_policy)7);
    REFUSED(options.affinity_count = 1);
    REFUSED(options.initializer_arg_size = 4);
    REFUSED((options.initializer_arg = huge,
             options.initializer_arg_size = sizeof(huge)));
    REFUSED((options.environment = (const char *const[]){"nothing", NULL}));
#undef REFUSED
}

TEST(what_only_process_pools_can_is_refused_by_others)
{
    thrum_executor *threads = pool_of(1);
    int pids[1];

    assert_int_equal(thrum_process_pool_resize(threads, 2), -EINVAL);
    assert_int_equal(thrum_process_pool_resize(NULL, 2), -EINVAL);
    assert_int_equal(thrum_process_pool_kill_workers(threads, SIGTERM),
                     -EINVAL);
    assert_int_equal(thrum_process_pool_pids(threads, pids, 1), -EINVAL);
    executor_end(threads);
}

/* ---- map ---- */

static int map_squares(thrum_executor *pool, const thrum_map_options *options,
                       int n)
{
    thrum_iter *items = NULL;
    thrum_iter *results = NULL;
    int *numbers = calloc((size_t)n, sizeof(*numbers));
    void *value = NULL;
    int count = 0;

    for (int i = 0; i < n; i++)
        numbers[i] = i;
    assert_int_equal(
        thrum_iter_array(numbers, (size_t)n, sizeof(numbers[0]), &items), 0);
    assert_int_equal(
        thrum_executor_map(pool, square_task, items, options, &results), 0);
    while (thrum_iter_next(results, &value) == 0) {
        assert_int_equal(*(int *)value, count * count);
        assert_int_equal(thrum_iter_item_size(results), sizeof(int));
        count++;
    }
    thrum_iter_free(results);
    free(numbers);
    return count;
}

TEST(F56_map_gives_results_in_order)
{
    thrum_executor *pool = processes_of(2);

    assert_int_equal(map_squares(pool, NULL, 100), 100);
    executor_end(pool);
}

TEST(F60_map_in_chunks_gives_results_in_order)
{
    thrum_executor *pool = processes_of(2);
    thrum_map_options options = THRUM_MAP_OPTIONS;

    options.chunksize = 7;
    assert_int_equal(map_squares(pool, &options, 100), 100);
    options.chunksize = 1000;
    assert_int_equal(map_squares(pool, &options, 100), 100);
    executor_end(pool);
}

static void *odd_task(void *arg)
{
    int n = *(int *)arg;

    if (n % 4 == 1)
        return thrum_raise(THRUM_EUSER - n, "one of %d", n);
    if (n % 4 == 3)
        return arg;
    return n == 0 ? NULL : square_task(arg);
}

TEST(F60_each_item_of_a_chunk_has_its_own_outcome)
{
    thrum_executor *pool = processes_of(1);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    int numbers[] = {0, 1, 2, 3};
    thrum_iter *items = NULL;
    thrum_iter *results = NULL;
    void *value = NULL;

    options.chunksize = 4;
    assert_int_equal(thrum_iter_array(numbers, 4, sizeof(int), &items), 0);
    assert_int_equal(
        thrum_executor_map(pool, odd_task, items, &options, &results), 0);
    assert_int_equal(thrum_iter_next(results, &value), 0);
    assert_null(value);
    assert_int_equal(thrum_iter_next(results, &value), THRUM_EFAILED);
    assert_int_equal(thrum_iter_error(results)->code, THRUM_EUSER - 1);
    assert_string_equal(thrum_iter_error(results)->message, "one of 1");
    assert_int_equal(thrum_iter_next(results, &value), 0);
    assert_int_equal(*(int *)value, 4);
    assert_int_equal(thrum_iter_next(results, &value), THRUM_EFAILED);
    assert_int_equal(thrum_iter_error(results)->code, THRUM_ENOTSHARED);
    assert_int_equal(thrum_iter_next(results, &value), THRUM_ESTOP);
    thrum_iter_free(results);
    executor_end(pool);
}

/* ---- the rest ---- */

TEST(statistics_tell_what_was_done)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_stats stats = THRUM_STATS;
    thrum_executor *pool;
    int pids[4] = {0};

    options.max_workers = 1;
    options.stats_every = 1;
    pool = processes_with(&options);
    for (int i = 0; i < 3; i++)
        number_and_unref(send(pool, square_task, i));
    thrum_future_unref(send(pool, raise_task, -EIO));
    number_and_unref(send(pool, square_task, 1));
    assert_int_equal(thrum_executor_stats(pool, &stats), 0);
    assert_int_equal(stats.workers, 1);
    assert_int_equal(stats.done, 4);
    assert_int_equal(stats.failed, 1);
    assert_int_equal(stats.queued, 0);
    assert_true(stats.run.count >= 4);
    WAIT_UNTIL(thrum_process_pool_pids(pool, pids, 4) == 1);
    assert_int_equal(pids[0], number_and_unref(send(pool, pid_task, 0)));
    executor_end(pool);
}

static atomic_uint freed;

static void free_counted(void *arg)
{
    CHECK_INT(*(int *)arg, 6);
    atomic_fetch_add(&freed, 1);
}

TEST(F49_free_arg_runs_once_for_each_outcome)
{
    static thrum_fn *const fns[] = {square_task, raise_task, segv_task,
                                    exit_task};
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    thrum_executor *pool = processes_of(1);
    int six = 6;

    options.free_arg = free_counted;
    atomic_store(&freed, 0);
    for (unsigned i = 0; i < 4; i++) {
        const thrum_error *error = NULL;
        thrum_future *future = NULL;

        assert_int_equal(thrum_executor_submit_with(pool, fns[i], &six,
                                                    sizeof(six), &options,
                                                    &future),
                         0);
        assert_int_equal(thrum_future_exception(future, THRUM_FOREVER, &error),
                         0);
        assert_int_equal(atomic_load(&freed), i + 1);
        thrum_future_unref(future);
    }
    executor_end(pool);
}

static atomic_uint called;

static void count_call(thrum_future *future, void *arg)
{
    CHECK_INT(getpid(), *(pid_t *)arg);
    atomic_fetch_add(&called, 1);
}

TEST(F26_callbacks_run_in_the_process_that_added_them)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, square_task, 3);
    pid_t self = getpid();

    atomic_store(&called, 0);
    assert_int_equal(thrum_future_add_done_callback(future, count_call, &self),
                     0);
    assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
    assert_int_equal(atomic_load(&called), 1);
    thrum_future_unref(future);
    executor_end(pool);
}

static void exit_thread(thrum_future *future, void *arg)
{
    pthread_exit(NULL);
}

TEST(F23_a_callback_that_ends_the_pools_thread_ends_nothing_else)
{
    thrum_executor *pool = processes_of(1);

    for (int i = 0; i < 3; i++) {
        thrum_future *future = send(pool, square_task, i);

        assert_int_equal(
            thrum_future_add_done_callback(future, exit_thread, NULL), 0);
        thrum_future_unref(future);
        assert_int_equal(number_and_unref(send(pool, square_task, 9)), 81);
    }
    executor_end(pool);
}

static void submit_again(thrum_future *future, void *arg)
{
    thrum_executor *pool = arg;
    thrum_future *next = NULL;
    int n = 4;

    if (CHECK_INT(
            thrum_executor_submit(pool, square_task, &n, sizeof(n), &next), 0))
        thrum_future_unref(next);
    CHECK_INT(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
              -EDEADLK);
}

TEST(a_callback_may_submit_and_not_wait_for_the_end)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, square_task, 3);

    assert_int_equal(thrum_future_add_done_callback(future, submit_again, pool),
                     0);
    assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
    executor_end(pool);
}

static void *submit_inside_task(void *arg)
{
    thrum_executor *here = thrum_executor_current();
    thrum_future *future = NULL;
    int rc = here == NULL ? 1
                          : thrum_executor_submit(here, square_task, arg,
                                                  sizeof(int), &future);

    return thrum_return(&rc, sizeof(rc));
}

TEST(F97_a_task_cannot_submit_to_its_own_pool)
{
    thrum_executor *pool = processes_of(1);

    assert_int_equal(number_and_unref(send(pool, submit_inside_task, 1)),
                     -ENOTSUP);
    executor_end(pool);
}

static void *threads_inside_task(void *arg)
{
    thrum_executor *threads = NULL;
    thrum_future *future = NULL;
    void *value = NULL;
    int n = -1;

    if (thrum_thread_pool_new(NULL, &threads) != 0)
        return thrum_raise(-EIO, "no pool");
    if (thrum_executor_submit(threads, square_task, arg, sizeof(int),
                              &future) == 0 &&
        thrum_future_result(future, THRUM_FOREVER, &value) == 0)
        n = *(int *)value;
    thrum_future_unref(future);
    thrum_executor_shutdown(threads, THRUM_WAIT, THRUM_FOREVER);
    thrum_executor_unref(threads);
    return thrum_return(&n, sizeof(n));
}

TEST(a_task_may_have_a_thread_pool_of_its_own)
{
    thrum_executor *pool = processes_of(1);

    assert_int_equal(number_and_unref(send(pool, threads_inside_task, 8)), 64);
    executor_end(pool);
}

PROCESSES_MAIN("process_pool")
