/* SPDX-License-Identifier: MIT */
/*
 * test/real/curl_test.c - libcurl's easy interface against nginx.
 *
 * nginx passes requests for /gather on to a thread of the test, which answers
 * none before it has them all: so they are all in flight at once. A request for
 * /late is not answered in the time that a test has.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clients.h"
#include "servers.h"

/* What came back. */
struct body {
    size_t n;
    unsigned digest;
    char text[64]; /* how it begins */
};

static size_t body_take(char *data, size_t size, size_t n, void *arg)
{
    struct body *body = arg;

    for (size_t i = 0; i < size * n; i++, body->n++) {
        if (body->n < sizeof(body->text) - 1)
            body->text[body->n] = data[i];
        body->digest = body->digest * 31 + (unsigned char)data[i];
    }
    return size * n;
}

static CURL *curl_open(void)
{
    CURL *curl = curl_easy_init();

    if (!CHECK(curl != NULL))
        abort();
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CAINFO,
                     server_variable("NGINX_CERTIFICATE"));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take);
    return curl;
}

/* What a variable of the server names, and the path there. */
static CURLcode curl_get(CURL *curl, const char *variable, const char *path,
                         struct body *body)
{
    char url[200];

    snprintf(url, sizeof(url), "%s%s", server_variable(variable), path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    return curl_easy_perform(curl);
}

static bool curl_good(CURLcode rc)
{
    if (!CHECK_INT(rc, CURLE_OK))
        fprintf(stderr, "# %s\n", curl_easy_strerror(rc));
    return rc == CURLE_OK;
}

/* ---- the thread behind nginx ---- */

struct gather {
    int listener;
    struct sockaddr_un here;
    size_t n; /* how many are to come */
    int fds[CREW_MOST];
    atomic_size_t come;
    atomic_bool done;
    struct test_thread *thread;
};

static void gather_answer(int fd)
{
    const char *answer = "HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\ngathered";
    char request[4096];
    size_t n = 0;
    ssize_t more = 1;

    while (more > 0 && (n < 4 || memcmp(request + n - 4, "\r\n\r\n", 4) != 0)) {
        more = read(fd, request + n, sizeof(request) - n);
        n += more > 0 ? (size_t)more : 0;
    }
    CHECK_INT(write(fd, answer, strlen(answer)), (long)strlen(answer));
    close(fd);
}

static void gather_accept(struct gather *gather)
{
    for (size_t i = 0; i < gather->n; i++) {
        gather->fds[i] = accept4(gather->listener, NULL, NULL, SOCK_CLOEXEC);
        if (!CHECK(gather->fds[i] >= 0))
            abort();
        atomic_fetch_add(&gather->come, 1);
    }
}

static void *gather_answer_all(void *arg)
{
    struct gather *gather = arg;

    gather_accept(gather);
    for (size_t i = 0; i < gather->n; i++)
        gather_answer(gather->fds[i]);
    atomic_store(&gather->done, true);
    return NULL;
}

/* Answers nobody, and waits until they have gone. */
static void *gather_outlast_all(void *arg)
{
    struct gather *gather = arg;
    char request[4096];

    gather_accept(gather);
    for (size_t i = 0; i < gather->n; i++) {
        while (read(gather->fds[i], request, sizeof(request)) > 0)
            ;
        close(gather->fds[i]);
    }
    atomic_store(&gather->done, true);
    return NULL;
}

static void gather_begin(struct gather *gather, size_t n, thrum_fn *fn)
{
    memset(gather, 0, sizeof(*gather));
    gather->n = n;
    gather->here.sun_family = AF_UNIX;
    snprintf(gather->here.sun_path, sizeof(gather->here.sun_path), "%s",
             server_variable("NGINX_GATHER"));
    gather->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(gather->listener, (struct sockaddr *)&gather->here,
                          sizeof(gather->here)),
                     0);
    assert_int_equal(listen(gather->listener, CREW_MOST), 0);
    gather->thread = spawn_thread(fn, gather);
}

static void gather_end(struct gather *gather)
{
    CREW_AWAIT(atomic_load(&gather->done));
    join_thread(gather->thread);
    close(gather->listener);
    unlink(gather->here.sun_path);
}

static void *gather_get(void *arg)
{
    struct body *body = arg;
    CURL *curl = curl_open();

    curl_good(curl_get(curl, "NGINX_HTTP", "/gather", body));
    curl_easy_cleanup(curl);
    return body;
}

/* The thread listens before any of the crew begins. */
static void gather_work(bool green, struct body *items, size_t n)
{
    struct gather gather;
    struct crew crew;

    gather_begin(&gather, n, gather_answer_all);
    if (green)
        crew_greenlets(&crew, n);
    else
        crew_threads(&crew, n);
    crew_work(&crew, gather_get, items, sizeof(*items), NULL);
    gather_end(&gather);
}

TEST(all_requests_are_in_flight_at_once)
{
    struct body items[2][100];
    size_t n = test_scale(100);

    NEED_SERVER("nginx");
    memset(items, 0, sizeof(items));
    gather_work(false, items[0], n);
    gather_work(true, items[1], n);
    assert_memory_equal(items[0], items[1], sizeof(items[0]));
    assert_string_equal(items[1][0].text, "gathered");
}

/* ---- each protocol ---- */

struct page {
    const char *variable;
    long wanted; /* CURL_HTTP_VERSION_... */
    long version;
    struct body protocol;
    struct body large;
};

static void *page_get(void *arg)
{
    struct page *page = arg;
    CURL *curl = curl_open();

    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, page->wanted);
    curl_good(curl_get(curl, page->variable, "/protocol/x", &page->protocol));
    curl_easy_getinfo(curl, CURLINFO_HTTP_VERSION, &page->version);
    curl_good(curl_get(curl, page->variable, "/large", &page->large));
    curl_easy_cleanup(curl);
    return page;
}

static void page_compare(const char *variable, long version, const char *text)
{
    struct page items[10];
    struct work work = {page_get, NULL, sizeof(*items), test_scale(10)};

    memset(items, 0, sizeof(items));
    for (int i = 0; i < 10; i++) {
        items[i].variable = variable;
        items[i].wanted = version;
    }
    crew_compare(&work, items);
    assert_int_equal(items[0].version, version);
    assert_string_equal(items[0].protocol.text, text);
    assert_int_equal(items[0].large.n, 1 << 20);
}

TEST(pages_come_by_http_1)
{
    NEED_SERVER("nginx");
    page_compare("NGINX_HTTP", CURL_HTTP_VERSION_1_1,
                 "/protocol/x by HTTP/1.1");
}

TEST(pages_come_by_https)
{
    NEED_SERVER("nginx");
    page_compare("NGINX_HTTPS", CURL_HTTP_VERSION_1_1,
                 "/protocol/x by HTTP/1.1");
}

TEST(pages_come_by_http_2)
{
    NEED_SERVER("nginx");
    page_compare("NGINX_HTTPS", CURL_HTTP_VERSION_2_0,
                 "/protocol/x by HTTP/2.0");
}

/* ---- there and back ---- */

#define POST_SIZE ((size_t)600 * 1000)

struct post {
    int number;
    struct body back;
};

static void *post_run(void *arg)
{
    struct post *post = arg;
    CURL *curl = curl_open();
    char *data = malloc(POST_SIZE);

    if (!CHECK(data != NULL))
        abort();
    for (size_t i = 0; i < POST_SIZE; i++)
        data[i] = (char)('a' + (i * (size_t)(post->number + 1)) % 26);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)POST_SIZE);
    curl_good(curl_get(curl, "NGINX_HTTP", "/back", &post->back));
    curl_easy_cleanup(curl);
    free(data);
    return post;
}

TEST(what_is_sent_comes_back)
{
    struct post items[10];
    struct work work = {post_run, NULL, sizeof(*items), 10};

    NEED_SERVER("nginx");
    memset(items, 0, sizeof(items));
    for (int i = 0; i < 10; i++)
        items[i].number = i;
    crew_compare(&work, items);
    for (int i = 0; i < 10; i++)
        assert_int_equal(items[i].back.n, POST_SIZE);
    assert_memory_equal(items[1].back.text, "acegik", 6);
}

/* ---- ended from outside ---- */

static void *get_for_ever(void *arg)
{
    struct body body = {0, 0, ""};
    CURL *curl = curl_open();

    CHECK(curl_get(curl, "NGINX_HTTP", "/gather", &body) != CURLE_OK);
    CHECK_INT((long)body.n, 0);
    curl_easy_cleanup(curl);
    return NULL;
}

TEST(a_killed_one_can_clean_up)
{
    struct gather gather;
    thrum_future *future;

    NEED_SERVER("nginx");
    gather_begin(&gather, 1, gather_outlast_all);
    future = spawn_large(get_for_ever, NULL);
    CREW_AWAIT(atomic_load(&gather.come) == 1);
    spawn_kill(future);
    /* nginx has seen the connection close, and closes its own */
    gather_end(&gather);
}

static void *get_with_patience(void *arg)
{
    struct body body = {0, 0, ""};
    const char *variable = arg;
    CURL *curl = curl_open();

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(50))
        CHECK(curl_get(curl, variable, "/late", &body) != CURLE_OK);
    CHECK(thrum_expired(&limit));
    CHECK_INT((long)body.n, 0);
    curl_good(curl_get(curl, variable, "/protocol/y", &body));
    CHECK(strncmp(body.text, "/protocol/y by", 14) == 0);
    curl_easy_cleanup(curl);
    return arg;
}

TEST(a_handle_can_be_used_again_after_a_deadline)
{
    char http[] = "NGINX_HTTP";
    char https[] = "NGINX_HTTPS";

    NEED_SERVER("nginx");
    spawn_join(spawn_large(get_with_patience, http));
    spawn_join(spawn_large(get_with_patience, https));
}

CLIENT_MAIN("real/curl")
