/* SPDX-License-Identifier: MIT */
/*
 * test/real/suite_host.c - runs test programs as functions, all at once.
 *
 *     suite_host threads|greenlets OBJECT PORT [OBJECT PORT]...
 *
 * Each object is hiredis' test program (suite.h), and has the Redis server on
 * PORT to itself. On greenlets of one thread with every blocking call patched,
 * or on threads with none, which is what that is compared with. What becomes of
 * each test is printed, in fields parted by tabs:
 *
 *     test PROGRAM passed|failed|ended ANSWERS SWITCHES NAME
 *     says PROGRAM TEXT
 *     ends PROGRAM STATUS
 *
 * with how often its server answered while the test ran, and how often greenlets
 * of the thread went on meanwhile. As nothing else runs while a greenlet does
 * not wait, none did if it has not; and if it has, it is one of them.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "clients.h"
#include "relay.h"
#include "suite.h"
#include "support.h"

#define HOST_THREADS 100
#define HOST_MOST    8

struct host {
    struct suite suite;
    struct relay relay;
    suite_main_fn *main;
    int number;
    bool green;
    /* the test that runs: */
    enum {
        HOST_IDLE,
        HOST_NAMES,
        HOST_TESTS
    } state;
    char name[200];
    unsigned long answers;
    unsigned long switches;
    char path[100];
};

static unsigned long host_switches(const struct host *host)
{
    thrum_hub_counts counts = THRUM_HUB_COUNTS;

    if (!host->green)
        return 0;
    CHECK_INT(thrum_hub_stats(&counts), 0);
    return (unsigned long)counts.switches;
}

static void host_begin(struct host *host, const char *name)
{
    snprintf(host->name, sizeof(host->name), "%s", name);
    host->state = HOST_TESTS;
    host->answers = atomic_load(&host->relay.answers);
    host->switches = host_switches(host);
}

static void host_end(struct host *host, const char *how)
{
    unsigned long switches = host_switches(host) - host->switches;
    unsigned long answers = atomic_load(&host->relay.answers) - host->answers;

    if (host->state != HOST_TESTS)
        return;
    host->state = HOST_IDLE;
    host->name[strcspn(host->name, "\n")] = '\0';
    printf("test\t%d\t%s\t%lu\t%lu\t%s\n", host->number, how, answers, switches,
           host->name);
}

static void host_quote(const struct host *host, const char *text)
{
    text += strspn(text, "\n\t");
    printf("says\t%d\t%.*s\n", host->number, (int)strcspn(text, "\n"), text);
}

/* By its format, what hiredis' program prints: a number, the name of a test, how
 * it ended or, indented, what it has measured, and other things. */
static void host_said(struct suite *suite, const char *format, const char *text)
{
    struct host *host = (struct host *)suite;

    if (strcmp(format, "#%02d ") == 0) {
        host_end(host, "ended");
        host->state = HOST_NAMES;
    } else if (host->state == HOST_NAMES) {
        host_begin(host, text);
    } else if (strcmp(format, "\033[0;32mPASSED\033[0;0m\n") == 0) {
        host_end(host, "passed");
    } else if (strcmp(format, "\033[0;31mFAILED\033[0;0m\n") == 0) {
        host_end(host, "failed");
    } else {
        if (format[0] != '\t')
            host_end(host, "ended");
        host_quote(host, text);
    }
}

/* One of them measures, too; on greenlets, for there is nothing to be compared.
 * What it has in memory is too much for sanitizers. */
static bool host_measures(const struct host *host)
{
    return host->number == 0 && host->green && !TEST_ASAN && !TEST_TSAN;
}

static void *host_run(void *arg)
{
    struct host *host = arg;
    char port[16];
    const char *argv[] = {"hiredis-test",      "-p", port, "-s", host->path,
                          "--skip-throughput", NULL};
    int argc = host_measures(host) ? 5 : 6;
    int status;

    snprintf(port, sizeof(port), "%d", host->relay.port);
    status = host->main(&host->suite, argc, argv);
    host_end(host, "ended");
    printf("ends\t%d\t%d\n", host->number, status);
    return NULL;
}

/* After everything was patched, so that loading has to patch what it loads. */
static void host_load(struct host *host, const char *object)
{
    void *handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);

    if (handle != NULL)
        host->main = (suite_main_fn *)dlsym(handle, "suite_main");
    if (host->main == NULL) {
        fprintf(stderr, "# %s\n", dlerror());
        abort();
    }
}

static void host_open(struct host *host, thrum_executor *executor,
                      char **object_and_port)
{
    host->suite.said = host_said;
    host->relay.executor = executor;
    host->relay.server_port = (int)strtol(object_and_port[1], NULL, 10);
    snprintf(host->path, sizeof(host->path), "%s.sock", object_and_port[0]);
    host_load(host, object_and_port[0]);
    relay_start(&host->relay, host->path);
}

static void host_run_all(struct crew *crew, struct host *hosts, char **args)
{
    for (size_t i = 0; i < crew->n; i++) {
        hosts[i].number = (int)i;
        hosts[i].green = strcmp(crew->name, "greenlets") == 0;
        host_open(&hosts[i], crew->executor, args + 2 * i);
    }
    crew_begin(crew, host_run, hosts, sizeof(*hosts));
    CHECK_INT(thrum_join_all(crew->futures, crew->n, THRUM_FOREVER), 0);
    for (size_t i = 0; i < crew->n; i++)
        relay_stop(&hosts[i].relay);
    crew_end(crew);
}

int client_main(int argc, char **argv);

int client_main(int argc, char **argv)
{
    static struct host hosts[HOST_MOST];
    const char *limit = getenv("THRUM_TEST_TIMEOUT");
    size_t n = (size_t)(argc - 2) / 2;
    struct crew crew;

    if (argc < 4 || n > HOST_MOST)
        return 2;
    if (!engine_prepare())
        return 77;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (limit != NULL)
        watchdog_start("suite", (unsigned)strtoul(limit, NULL, 10));
    if (strcmp(argv[1], "greenlets") == 0)
        crew_greenlets(&crew, n);
    else
        crew_threads(&crew, HOST_THREADS);
    crew.n = n;
    host_run_all(&crew, hosts, argv + 2);
    return test_checks_failed() == 0 ? 0 : 1;
}
