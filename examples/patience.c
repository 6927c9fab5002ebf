/* SPDX-License-Identifier: MIT */
/*
 * patience.c - a greenlet that is killed, one that has a deadline, one that must
 * not be left half done.
 */
#include <errno.h>

#include "check.h"

/* doc: kill */
/* Does its work until somebody ends it. */
static void *heartbeat(void *arg)
{
    int *beats = arg;

    while (thrum_sleep(thrum_in_ms(1)) == 0)
        ++*beats;
    printf("the heart was stopped\n");
    return NULL;
}

static void stop_the_heart(void)
{
    int beats = 0;
    thrum_future *heart;

    CHECK(thrum_spawn(heartbeat, &beats, 0, &heart));
    while (beats < 3)
        CHECK(thrum_pass());
    CHECK(thrum_future_kill(heart, THRUM_FOREVER));
    printf("cancelled: %d\n", thrum_future_cancelled(heart));
    thrum_future_unref(heart);
}
/* doc: end */

/* doc: deadline */
/* Knows nothing of deadlines. */
static int ask(thrum_queue *answers, void **ret)
{
    return thrum_queue_get(answers, THRUM_FOREVER, ret);
}

static void ask_for_a_while(thrum_queue *answers)
{
    void *answer;
    int rc = 0;

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(5)) {
        rc = ask(answers, &answer);
    }
    printf("%s, by the block's deadline: %d\n", thrum_strerror(rc),
           thrum_expired(&limit));
}
/* doc: end */

/* doc: shield */
static void *transfer(void *arg)
{
    int *balance = arg;

    THRUM_SHIELD
    {
        balance[0] -= 10;
        CHECK(thrum_sleep(thrum_in_ms(1))); /* a kill comes here */
        balance[1] += 10;
    }
    return thrum_sleep(THRUM_FOREVER) == -ECANCELED ? NULL : arg;
}
/* doc: end */

static void transfer_and_kill(void)
{
    int balance[2] = {10, 0};
    thrum_future *future;

    CHECK(thrum_spawn(transfer, balance, 0, &future));
    CHECK(thrum_pass());
    CHECK(thrum_future_kill(future, THRUM_FOREVER));
    printf("balances: %d %d\n", balance[0], balance[1]);
    thrum_future_unref(future);
}

int main(void)
{
    thrum_queue *answers;

    stop_the_heart();
    CHECK(thrum_queue_new(NULL, &answers));
    ask_for_a_while(answers);
    thrum_queue_free(answers);
    transfer_and_kill();
    return 0;
}
