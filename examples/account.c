/* SPDX-License-Identifier: MIT */
/*
 * account.c - a lock, and a condition to wait for.
 *
 * Some take out what others bring. Who finds too little waits until there is
 * more; those who wait are tasks of a pool here, and could be greenlets.
 */
#include "check.h"

/* doc: account */
struct account {
    thrum_lock lock;
    thrum_condition more;
    int balance; /* guarded by lock */
};

static struct account account = {THRUM_LOCK_INIT, THRUM_CONDITION_INIT, 0};
/* doc: end */

/* doc: withdraw */
static int withdraw(int amount, thrum_time deadline)
{
    int rc = thrum_lock_acquire(&account.lock, deadline);

    if (rc != 0)
        return rc;
    while (rc == 0 && account.balance < amount)
        rc = thrum_condition_wait(&account.more, &account.lock, deadline);
    if (rc == 0)
        account.balance -= amount;
    thrum_lock_release(&account.lock);
    return rc;
}
/* doc: end */

/* doc: deposit */
static int deposit(int amount)
{
    int rc = thrum_lock_acquire(&account.lock, THRUM_FOREVER);

    if (rc != 0)
        return rc;
    account.balance += amount;
    thrum_condition_notify_all(&account.more);
    thrum_lock_release(&account.lock);
    return 0;
}
/* doc: end */

static void *spend(void *amount)
{
    CHECK(withdraw(*(int *)amount, THRUM_FOREVER));
    return NULL;
}

int main(void)
{
    int amounts[] = {70, 30};
    thrum_executor *pool;

    printf("too early: %s\n", thrum_strerror(withdraw(1, thrum_in_ms(10))));
    CHECK(thrum_thread_pool_new(NULL, &pool));
    for (int i = 0; i < 2; i++)
        CHECK(thrum_executor_submit(pool, spend, &amounts[i], 0, NULL));
    for (int i = 0; i < 5; i++)
        CHECK(deposit(25));
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    printf("left: %d\n", account.balance);
    return 0;
}
