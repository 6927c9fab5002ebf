/* SPDX-License-Identifier: MIT */
/*
 * pool/peer_tbb_group.cpp - oneTBB's task_group.
 *
 * Whoever waits runs tasks itself: two threads, not three. oneTBB has no
 * futures: a slot for the value, and waiting is waiting for the group.
 */
#include <atomic>
#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_group.h>

#include "pool/harness.h"

namespace
{

struct call {
    std::atomic<bool> done;
    long value;
};

tbb::task_group *group;

void group_start(int workers)
{
    static tbb::global_control control(
        tbb::global_control::max_allowed_parallelism, workers);
    group = new tbb::task_group;
}

void group_submit(bench_task *fn, void *arg)
{
    group->run([fn, arg] { fn(arg); });
}

void group_wait_all()
{
    group->wait();
}

void *group_async(long x)
{
    auto *result = new call();
    group->run([result, x] {
        result->value = bench_work(x);
        result->done.store(true, std::memory_order_release);
    });
    return result;
}

long group_get(void *future)
{
    auto *result = static_cast<call *>(future);
    if (!result->done.load(std::memory_order_acquire))
        group->wait();
    long value = result->value;
    delete result;
    return value;
}

long group_fib(int n)
{
    if (n < 2)
        return n;
    long a, b;
    tbb::task_group both;
    both.run([n, &a] { a = group_fib(n - 1); });
    b = group_fib(n - 2);
    both.wait();
    return a + b;
}

uint64_t group_parfor(size_t n)
{
    std::atomic<uint64_t> sum{0};

    tbb::parallel_for(tbb::blocked_range<size_t>(0, n),
                      [&](const tbb::blocked_range<size_t> &range) {
                          sum += bench_range(range.begin(), range.end());
                      });
    return sum;
}

struct bench_peer group_peer()
{
    struct bench_peer peer = {};
    peer.start = group_start;
    peer.submit = group_submit;
    peer.wait_all = group_wait_all;
    peer.async = group_async;
    peer.get = group_get;
    peer.fib = group_fib;
    peer.parfor = group_parfor;
    return peer;
}

} // namespace

extern const struct bench_peer bench_peer = group_peer();
