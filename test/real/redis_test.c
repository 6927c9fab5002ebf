/* SPDX-License-Identifier: MIT */
/*
 * test/real/redis_test.c - hiredis against a Redis server.
 *
 * Those that wait in BLPOP all do so at once, since the server says how many
 * clients are blocked before anything is pushed.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>

#include "clients.h"
#include "servers.h"

static redisContext *redis_open(void)
{
    int port = (int)strtol(server_variable("REDIS_PORT"), NULL, 10);
    redisContext *redis = redisConnect("127.0.0.1", port);

    if (CHECK(redis != NULL))
        if (!CHECK_INT(redis->err, 0))
            fprintf(stderr, "# %s\n", redis->errstr);
    return redis;
}

/* A command without arguments of its own, whose answer is of no interest. */
static void redis_do(redisContext *redis, const char *command)
{
    redisReply *reply = redisCommand(redis, command);

    if (!CHECK(reply != NULL && reply->type != REDIS_REPLY_ERROR))
        fprintf(stderr, "# %s: %s\n", command,
                reply != NULL ? reply->str : redis->errstr);
    freeReplyObject(reply);
}

/* The number after `name` in what INFO says of clients. */
static long redis_info(redisContext *redis, const char *name)
{
    redisReply *reply = redisCommand(redis, "INFO clients");
    const char *found = NULL;
    long value = -1;

    if (CHECK(reply != NULL && reply->str != NULL))
        found = strstr(reply->str, name);
    if (CHECK(found != NULL))
        value = strtol(found + strlen(name), NULL, 10);
    freeReplyObject(reply);
    return value;
}

struct pop {
    int number;
    char text[60];
};

static void *pop_one(void *arg)
{
    struct pop *pop = arg;
    redisContext *redis = redis_open();
    redisReply *reply = redisCommand(redis, "BLPOP list-%d 0", pop->number);

    if (CHECK(reply != NULL && reply->elements == 2))
        snprintf(pop->text, sizeof(pop->text), "%s=%s", reply->element[0]->str,
                 reply->element[1]->str);
    freeReplyObject(reply);
    redisFree(redis);
    return pop;
}

static void pop_watch(void *items, size_t n)
{
    struct pop *pops = items;
    redisContext *redis = redis_open();
    char command[60];

    CREW_AWAIT(redis_info(redis, "blocked_clients:") == (long)n);
    for (size_t i = 0; i < n; i++) {
        snprintf(command, sizeof(command), "RPUSH list-%d value-%d",
                 pops[i].number, pops[i].number * 3);
        redis_do(redis, command);
    }
    redisFree(redis);
}

TEST(all_are_blocked_in_the_server_at_once)
{
    struct pop pops[100];
    struct work work = {pop_one, pop_watch, sizeof(*pops), test_scale(100)};

    NEED_SERVER("redis");
    memset(pops, 0, sizeof(pops));
    for (int i = 0; i < 100; i++)
        pops[i].number = i;
    crew_compare(&work, pops);
    assert_string_equal(pops[1 % work.n].text,
                        work.n > 1 ? "list-1=value-3" : "list-0=value-0");
}

/* ---- pipelines ---- */

struct pipeline {
    int number;
    int commands;
    long long last; /* what the counter was at the end */
    size_t bytes;   /* of values that came back */
};

static void pipeline_write(redisContext *redis, const struct pipeline *pipeline,
                           const char *value)
{
    redisAppendCommand(redis, "SET value-%d %s", pipeline->number, value);
    redisAppendCommand(redis, "DEL counter-%d", pipeline->number);
    for (int i = 0; i < pipeline->commands; i++) {
        redisAppendCommand(redis, "GET value-%d", pipeline->number);
        redisAppendCommand(redis, "INCR counter-%d", pipeline->number);
    }
}

static void pipeline_read(redisContext *redis, struct pipeline *pipeline)
{
    for (int i = 0; i < 2 + 2 * pipeline->commands; i++) {
        void *any = NULL;
        redisReply *reply;

        if (!CHECK_INT(redisGetReply(redis, &any), REDIS_OK))
            return;
        reply = any;
        if (reply->type == REDIS_REPLY_INTEGER)
            pipeline->last = reply->integer;
        else if (reply->type == REDIS_REPLY_STRING)
            pipeline->bytes += reply->len;
        freeReplyObject(reply);
    }
}

/* So much at once that neither side's buffers hold it. */
static void *pipeline_run(void *arg)
{
    struct pipeline *pipeline = arg;
    redisContext *redis = redis_open();
    char value[2001];

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    pipeline_write(redis, pipeline, value);
    pipeline_read(redis, pipeline);
    redisFree(redis);
    return pipeline;
}

TEST(pipelines_are_answered_in_full)
{
    struct pipeline pipelines[10];
    struct work work = {pipeline_run, NULL, sizeof(*pipelines), 10};
    int commands = (int)test_scale(2000);

    NEED_SERVER("redis");
    memset(pipelines, 0, sizeof(pipelines));
    for (int i = 0; i < 10; i++) {
        pipelines[i].number = i;
        pipelines[i].commands = commands;
    }
    crew_compare(&work, pipelines);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(pipelines[i].last, commands);
        assert_int_equal(pipelines[i].bytes, 2000 * commands);
    }
}

/* ---- publish and subscribe ---- */

#define NEWS 20

struct reader {
    int number;
    char last[32];
    int count;
};

/* Reads up to the message that says it is the last. */
static void *reader_run(void *arg)
{
    struct reader *reader = arg;
    redisContext *redis = redis_open();
    bool more = true;

    redis_do(redis, "SUBSCRIBE news");
    while (more) {
        void *any = NULL;
        redisReply *reply;

        if (!CHECK_INT(redisGetReply(redis, &any), REDIS_OK))
            break;
        reply = any;
        snprintf(reader->last, sizeof(reader->last), "%s",
                 reply->element[2]->str);
        more = strcmp(reader->last, "end") != 0;
        reader->count++;
        freeReplyObject(reply);
    }
    redisFree(redis);
    return reader;
}

static long reader_subscribed(redisContext *redis)
{
    redisReply *reply = redisCommand(redis, "PUBSUB NUMSUB news");
    long n = -1;

    if (CHECK(reply != NULL && reply->elements == 2))
        n = (long)reply->element[1]->integer;
    freeReplyObject(reply);
    return n;
}

static void reader_watch(void *items, size_t n)
{
    redisContext *redis = redis_open();

    CREW_AWAIT(reader_subscribed(redis) == (long)n);
    for (int i = 0; i < NEWS; i++)
        redis_do(redis, "PUBLISH news something");
    redis_do(redis, "PUBLISH news end");
    redisFree(redis);
}

TEST(all_subscribers_get_all_messages)
{
    struct reader readers[30];
    struct work work = {reader_run, reader_watch, sizeof(*readers), 30};

    NEED_SERVER("redis");
    memset(readers, 0, sizeof(readers));
    crew_compare(&work, readers);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(readers[i].count, NEWS + 1);
        assert_string_equal(readers[i].last, "end");
    }
}

/* ---- ended from outside ---- */

static void *pop_for_ever(void *arg)
{
    redisContext *redis = redis_open();
    redisReply *reply = redisCommand(redis, "BLPOP never 0");

    CHECK(reply == NULL);
    CHECK_INT(redis->err, REDIS_ERR_IO);
    redisFree(redis);
    return NULL;
}

TEST(a_killed_one_can_free_its_connection)
{
    thrum_future *future;
    redisContext *redis;

    NEED_SERVER("redis");
    redis = redis_open();
    future = spawn_large(pop_for_ever, NULL);
    CREW_AWAIT(redis_info(redis, "blocked_clients:") == 1);
    spawn_kill(future);
    /* it is closed in earnest, for the server has seen it */
    CREW_AWAIT(redis_info(redis, "connected_clients:") == 1);
    redisFree(redis);
}

static void *pop_with_patience(void *arg)
{
    redisContext *redis = redis_open();

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(50)) {
        redisReply *reply = redisCommand(redis, "BLPOP never 0");

        CHECK(reply == NULL);
        CHECK_INT(redis->err, REDIS_ERR_IO);
        CHECK(strcmp(redis->errstr, strerror(ETIMEDOUT)) == 0);
    }
    CHECK(thrum_expired(&limit));
    CHECK_INT(redisReconnect(redis), REDIS_OK);
    redis_do(redis, "PING");
    redisFree(redis);
    return arg;
}

TEST(a_connection_can_be_used_again_after_a_deadline)
{
    int something = 0;

    NEED_SERVER("redis");
    spawn_join(spawn_large(pop_with_patience, &something));
}

CLIENT_MAIN("real/redis")
