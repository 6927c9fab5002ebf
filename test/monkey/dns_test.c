/* SPDX-License-Identifier: MIT */
/*
 * dns_test.c - names in greenlets: the answers are libc's own, and so are the
 * errors.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cases.h"
#include "names.h"

#define ROOM 1024

/* ---- getaddrinfo ---- */

static bool asked_here(void)
{
    return pthread_equal(names_thread(), pthread_self()) != 0;
}

static void *ask_for_numbers(void *arg)
{
    struct addrinfo hints = {.ai_flags = AI_CANONNAME,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    CHECK_INT(getaddrinfo("127.0.0.1", "80", &hints, &list), 0);
    CHECK(asked_here());
    CHECK_INT(list->ai_flags, AI_CANONNAME);
    CHECK_INT(strcmp(list->ai_canonname, "127.0.0.1"), 0);
    freeaddrinfo(list);
    CHECK_INT(getaddrinfo("::1", NULL, NULL, &list), 0);
    CHECK(asked_here());
    CHECK_INT(list->ai_flags, AI_V4MAPPED | AI_ADDRCONFIG);
    freeaddrinfo(list);
    CHECK(gethostbyname("127.0.0.1") != NULL);
    CHECK(asked_here());
    CHECK_INT(getaddrinfo("localhost", "80", &hints, &list), 0);
    CHECK(!asked_here());
    freeaddrinfo(list);
    return arg;
}

TEST(P19_numbers_are_answered_at_once_and_names_elsewhere)
{
    case_run_task(ask_for_numbers, NULL);
}

/* One question, and what libc says of it, patched or not. */
struct question {
    const char *host;
    const char *service;
    struct addrinfo hints;
    int code;
    unsigned count;
    unsigned flags; /* of the first answer */
};

static void ask(struct question *question, bool hinted)
{
    struct addrinfo *list = NULL;

    question->code = getaddrinfo(question->host, question->service,
                                 hinted ? &question->hints : NULL, &list);
    question->count = 0;
    question->flags = 0;
    if (question->code != 0)
        return;
    question->flags = (unsigned)list->ai_flags;
    for (struct addrinfo *one = list; one != NULL; one = one->ai_next)
        question->count++;
    freeaddrinfo(list);
}

static const struct question questions[] = {
    {"localhost", NULL, {.ai_socktype = SOCK_STREAM}, 0, 0, 0},
    {"localhost", "80", {.ai_family = AF_INET}, 0, 0, 0},
    {"127.0.0.1", "80", {.ai_family = AF_INET6}, 0, 0, 0},
    {"::1", "80", {.ai_family = AF_INET}, 0, 0, 0},
    {"localhost", "80", {.ai_flags = AI_NUMERICHOST}, 0, 0, 0},
    {"localhost", "no-such-service", {.ai_socktype = SOCK_STREAM}, 0, 0, 0},
    {"127.0.0.1", "no-such-service", {.ai_flags = AI_NUMERICSERV}, 0, 0, 0},
    {"localhost", "80", {.ai_flags = 1 << 30}, 0, 0, 0},
    {"localhost", "80", {.ai_family = 12345}, 0, 0, 0},
    {"localhost", "80", {.ai_socktype = 12345}, 0, 0, 0},
    {NULL, "80", {.ai_flags = AI_PASSIVE}, 0, 0, 0},
    {NULL, NULL, {.ai_flags = 0}, 0, 0, 0},
    {NULL, "80", {.ai_flags = AI_CANONNAME}, 0, 0, 0},
    {"127.0.0.1", "99999", {.ai_socktype = SOCK_STREAM}, 0, 0, 0},
    {"", "80", {.ai_socktype = SOCK_STREAM}, 0, 0, 0},
};

#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static void *ask_all(void *arg)
{
    struct question *all = arg;

    for (size_t i = 0; i < QUESTIONS; i++) {
        ask(&all[2 * i], true);
        ask(&all[2 * i + 1], false);
    }
    return NULL;
}

TEST(P19_answers_and_errors_are_those_of_libc)
{
    struct question plain[2 * QUESTIONS];
    struct question patched[2 * QUESTIONS];

    for (size_t i = 0; i < 2 * QUESTIONS; i++)
        plain[i] = patched[i] = questions[i / 2];
    join_thread(spawn_thread(ask_all, plain));
    case_run_task(ask_all, patched);
    for (size_t i = 0; i < 2 * QUESTIONS; i++) {
        CHECK_INT(patched[i].code, plain[i].code);
        CHECK_INT(patched[i].count, plain[i].count);
        CHECK_INT(patched[i].flags, plain[i].flags);
    }
}

/* ---- waits that are ended ---- */

/* Every call that may be left behind; each is told so. */
static void ask_in_vain(int error)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(0x7f090909)};
    struct addrinfo *list = NULL;
    struct passwd user;
    struct passwd *found = &user;
    unsigned char answer[ROOM];
    char text[ROOM];

    CHECK_INT(getaddrinfo("later.localhost", NULL, NULL, &list), EAI_SYSTEM);
    CHECK_INT(errno, error);
    CHECK_INT(getnameinfo((struct sockaddr *)&address, sizeof(address), text,
                          ROOM, NULL, 0, 0),
              EAI_SYSTEM);
    CHECK_INT(errno, error);
    CHECK(gethostbyname("later.localhost") == NULL);
    CHECK_INT(h_errno, NETDB_INTERNAL);
    CHECK_INT(errno, error);
    CHECK_INT(res_query("localhost", C_IN, T_A, answer, ROOM), -1);
    CHECK_INT(h_errno, NETDB_INTERNAL);
    CHECK_INT(errno, error);
    CHECK(getpwuid(NAMES_LATER) == NULL);
    CHECK_INT(errno, error);
    CHECK_INT(getpwnam_r("later.root", &user, text, ROOM, &found), error);
    CHECK(found == NULL);
}

static void *ask_until_killed(void *arg)
{
    ask_in_vain(ECANCELED);
    return arg;
}

TEST(P34_a_kill_ends_the_wait_and_leaves_the_call)
{
    thrum_future *future;

    names_close();
    case_patch();
    future = case_spawn(ask_until_killed, NULL);
    while (names_waiting() == 0)
        assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
    case_unpatch();
    (void)names_open(NULL);
    WAIT_UNTIL(names_waiting() == 0);
}

static void *ask_until_late(void *arg)
{
    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        ask_in_vain(ETIMEDOUT);
    }
    CHECK(thrum_expired(&limit));
    return arg;
}

TEST(P34_a_deadline_ends_the_wait_and_leaves_the_call)
{
    names_close();
    case_run_task(ask_until_late, NULL);
    (void)names_open(NULL);
    WAIT_UNTIL(names_waiting() == 0);
}

/* What works on the caller's struct is waited for, and the kill told later. */
static void *ask_with_a_state(void *arg)
{
    struct __res_state state = {.nscount = 0};
    unsigned char answer[ROOM];

    CHECK_INT(res_nquery(&state, "localhost", C_IN, T_A, answer, ROOM),
              sizeof(NAMES_ANSWER) - 1);
    CHECK_INT(thrum_pass(), -ECANCELED);
    return arg;
}

TEST(P34_a_struct_of_the_callers_is_not_left_behind)
{
    thrum_future *future;

    names_close();
    case_patch();
    future = case_spawn(ask_with_a_state, NULL);
    while (names_waiting() == 0)
        assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_NOW), -ETIMEDOUT);
    (void)names_open(NULL);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
    case_unpatch();
}

/* ---- storage ---- */

/* Two greenlets ask for different names; neither finds the other's. */
struct asker {
    const char *name;
    const char *number;
    const struct hostent *host;
};

static void *ask_and_keep(void *arg)
{
    struct asker *asker = arg;
    char text[INET_ADDRSTRLEN];

    asker->host = gethostbyname(asker->name);
    if (!CHECK(asker->host != NULL))
        return NULL;
    CHECK_INT(thrum_pass(), 0);
    CHECK(inet_ntop(AF_INET, asker->host->h_addr_list[0], text, sizeof(text)) !=
          NULL);
    CHECK_INT(strcmp(text, asker->number), 0);
    CHECK(gethostbyname(asker->name) == asker->host);
    return NULL;
}

TEST(P34_each_greenlet_has_storage_of_its_own)
{
    struct asker askers[2] = {{"localhost", "127.0.0.1", NULL},
                              {"127.1.2.3", "127.1.2.3", NULL}};
    thrum_future *first;

    case_patch();
    first = case_spawn(ask_and_keep, &askers[0]);
    case_await(case_spawn(ask_and_keep, &askers[1]));
    case_await(first);
    case_unpatch();
    assert_true(askers[0].host != askers[1].host);
}

static void *ask_with_little_room(void *arg)
{
    struct hostent host;
    struct hostent *host_found = &host;
    struct passwd user;
    struct passwd *user_found = &user;
    char buffer[ROOM];
    int code = 0;

    CHECK_INT(
        gethostbyname_r("localhost", &host, buffer, 1, &host_found, &code),
        ERANGE);
    CHECK(host_found == NULL);
    CHECK_INT(code, NETDB_INTERNAL);
    CHECK_INT(getpwnam_r("root", &user, buffer, 1, &user_found), ERANGE);
    CHECK(user_found == NULL);
    return arg;
}

TEST(P34_too_little_room_is_told)
{
    case_run_task(ask_with_little_room, NULL);
}

/* Is that text in the buffer? */
static bool is_inside(const char *text, const char *buffer, size_t room)
{
    return text >= buffer && text + strlen(text) < buffer + room;
}

/* How much room libc needs for root, by asking with ever more. */
static size_t room_for_root(char *buffer, size_t most)
{
    struct passwd user;
    struct passwd *found = NULL;
    size_t room = 0;

    while (room < most && found == NULL)
        (void)getpwnam_r("root", &user, buffer, ++room, &found);
    CHECK(found != NULL);
    CHECK(is_inside(user.pw_name, buffer, room));
    CHECK(is_inside(user.pw_passwd, buffer, room));
    CHECK(is_inside(user.pw_gecos, buffer, room));
    CHECK(is_inside(user.pw_dir, buffer, room));
    CHECK(is_inside(user.pw_shell, buffer, room));
    return room;
}

struct rooms {
    char buffer[ROOM + 3];
    size_t needed[3];
};

static void *find_rooms(void *arg)
{
    struct rooms *rooms = arg;

    for (size_t i = 0; i < 3; i++)
        rooms->needed[i] = room_for_root(rooms->buffer + i, ROOM);
    return NULL;
}

TEST(P34_as_much_room_is_enough_as_for_libc)
{
    static struct rooms plain;
    static struct rooms patched;

    join_thread(spawn_thread(find_rooms, &plain));
    case_run_task(find_rooms, &patched);
    for (size_t i = 0; i < 3; i++)
        CHECK_INT(patched.needed[i], plain.needed[i]);
}

/* ---- what is not there ---- */

static void *ask_for_nobody(void *arg)
{
    struct group group;
    struct group *found = &group;
    char buffer[ROOM];

    errno = 0;
    CHECK(getpwnam("nobody.at.all") == NULL);
    CHECK_INT(getgrnam_r("nobody.at.all", &group, buffer, ROOM, &found), 0);
    CHECK(found == NULL);
    CHECK(getservbyname("no-such-service", NULL) == NULL);
    h_errno = 0;
    CHECK(gethostbyname("") == NULL);
    CHECK(h_errno != 0);
    return arg;
}

TEST(P34_what_is_not_there_is_no_error)
{
    case_run_task(ask_for_nobody, NULL);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("monkey-dns", argc, argv);
}
