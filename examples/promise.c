/* SPDX-License-Identifier: MIT */
/*
 * promise.c - futures for what happens outside of any pool.
 *
 * The event source here is a thread that reads answers from a pipe, as a
 * protocol's client would. Each question that goes out leaves a promise behind
 * in a table; the answer's number says which promise it settles. An answer
 * that never comes breaks its promise, so that nobody waits for ever.
 */
#include <pthread.h>
#include <unistd.h>

#include "check.h"

#define QUESTIONS 3

struct answer {
    int question;
    int value;
};

struct client {
    int fd; /* answers come from here */
    thrum_promise *open[QUESTIONS];
};

/* doc: settle */
static void *client_read(void *arg)
{
    struct client *client = arg;
    struct answer answer;

    while (read(client->fd, &answer, sizeof(answer)) == sizeof(answer)) {
        thrum_promise *promise = client->open[answer.question];

        client->open[answer.question] = NULL;
        thrum_promise_set_result_copy(promise, &answer.value,
                                      sizeof(answer.value));
        thrum_promise_free(promise);
    }
    for (int i = 0; i < QUESTIONS; i++) /* the peer hung up */
        thrum_promise_free(client->open[i]);
    return NULL;
}
/* doc: end */

static void answer(int fd, int question, int value)
{
    struct answer bytes = {question, value};

    if (write(fd, &bytes, sizeof(bytes)) != sizeof(bytes))
        perror("write");
}

static void show(thrum_future *future, int question)
{
    const thrum_error *error;
    void *value;

    if (thrum_future_result(future, THRUM_FOREVER, &value) == 0) {
        printf("question %d: %d\n", question, *(int *)value);
    } else {
        CHECK(thrum_future_exception(future, THRUM_NOW, &error));
        printf("question %d: %s\n", question, thrum_strerror(error->code));
    }
    thrum_future_unref(future);
}

int main(void)
{
    thrum_future *futures[QUESTIONS];
    struct client client;
    pthread_t reader;
    int ends[2];

    /* doc: ask */
    for (int i = 0; i < QUESTIONS; i++)
        CHECK(thrum_promise_new(&client.open[i], &futures[i]));
    /* doc: end */
    if (pipe(ends) != 0)
        return 1;
    client.fd = ends[0];
    if (pthread_create(&reader, NULL, client_read, &client) != 0)
        return 1;
    answer(ends[1], 2, 42); /* in any order */
    answer(ends[1], 0, 7);
    close(ends[1]); /* and none for question 1 */
    for (int i = 0; i < QUESTIONS; i++)
        show(futures[i], i);
    pthread_join(reader, NULL);
    close(ends[0]);
    return 0;
}
