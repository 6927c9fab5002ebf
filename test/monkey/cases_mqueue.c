/* SPDX-License-Identifier: MIT */
/*
 * cases_mqueue.c - message queues of POSIX, of one message each.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

/* Where there are none, -1 and the cases check nothing. */
static mqd_t queue_open(void)
{
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 16};
    char name[40];
    mqd_t queue;

    snprintf(name, sizeof(name), "/thrum-test-%d", (int)getpid());
    queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
    if (queue >= 0)
        CHECK_INT(mq_unlink(name), 0);
    return queue;
}

static struct timespec far(void)
{
    struct timespec at = {0, 0};

    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += 60;
    return at;
}

static void *send_one(void *queue)
{
    CHECK_INT(mq_send(*(mqd_t *)queue, "hello", 5, 0), 0);
    return NULL;
}

static void *receive_one(void *queue)
{
    char text[16];

    CHECK_INT(mq_receive(*(mqd_t *)queue, text, sizeof(text), NULL), 5);
    return NULL;
}

static void receive_case(bool timed)
{
    struct timespec at = far(), past = {1, 0};
    mqd_t queue = queue_open();
    struct beside *sender;
    char text[16];

    if (queue < 0)
        return;
    CHECK_INT(mq_timedreceive(queue, text, sizeof(text), NULL, &past), -1);
    CHECK_INT(errno, ETIMEDOUT);
    sender = beside(send_one, &queue);
    CHECK_INT(timed ? mq_timedreceive(queue, text, sizeof(text), NULL, &at)
                    : mq_receive(queue, text, sizeof(text), NULL),
              5);
    CHECK(memcmp(text, "hello", 5) == 0);
    CHECK_INT(mq_receive(queue, text, 1, NULL), -1);
    CHECK_INT(errno, EMSGSIZE);
    beside_end(sender);
    CHECK_INT(mq_close(queue), 0);
}

static void send_case(bool timed)
{
    struct timespec at = far();
    mqd_t queue = queue_open();
    struct beside *receiver;

    if (queue < 0)
        return;
    (void)send_one(&queue);
    receiver = beside(receive_one, &queue);
    CHECK_INT(timed ? mq_timedsend(queue, "again", 5, 0, &at)
                    : mq_send(queue, "again", 5, 0),
              0);
    beside_end(receiver);
    (void)receive_one(&queue);
    CHECK_INT(mq_close(queue), 0);
}

CASE(mq_receive)
{
    receive_case(false);
}

CASE(mq_timedreceive)
{
    receive_case(true);
}

CASE(mq_send)
{
    send_case(false);
}

CASE(mq_timedsend)
{
    send_case(true);
}
