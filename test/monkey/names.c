/* SPDX-License-Identifier: MIT */
/*
 * names.c - see names.h.
 */
#include "names.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <resolv.h>
#include <stdbool.h>
#include <string.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    /* guarded by lock: */
    bool closed;
    unsigned waiting;
    pthread_t thread;
} names = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .opened = PTHREAD_COND_INITIALIZER};

void names_close(void)
{
    pthread_mutex_lock(&names.lock);
    names.closed = true;
    pthread_mutex_unlock(&names.lock);
}

void *names_open(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&names.lock);
    names.closed = false;
    pthread_cond_broadcast(&names.opened);
    pthread_mutex_unlock(&names.lock);
    return NULL;
}

unsigned names_waiting(void)
{
    unsigned waiting;

    pthread_mutex_lock(&names.lock);
    waiting = names.waiting;
    pthread_mutex_unlock(&names.lock);
    return waiting;
}

pthread_t names_thread(void)
{
    pthread_t thread;

    pthread_mutex_lock(&names.lock);
    thread = names.thread;
    pthread_mutex_unlock(&names.lock);
    return thread;
}

static void names_call(bool later)
{
    pthread_mutex_lock(&names.lock);
    names.thread = pthread_self();
    if (later) {
        names.waiting++;
        while (names.closed)
            pthread_cond_wait(&names.opened, &names.lock);
        names.waiting--;
    }
    pthread_mutex_unlock(&names.lock);
}

/* ---- what is asked, of libc, after a while ---- */

static const char *names_text(const char *name)
{
    bool later = name != NULL && strncmp(name, "later.", 6) == 0;

    names_call(later);
    return later ? name + 6 : name;
}

static unsigned names_number(unsigned number)
{
    bool later = number >= NAMES_LATER && number < 2 * NAMES_LATER;

    names_call(later);
    return later ? number - NAMES_LATER : number;
}

static in_addr_t names_address(in_addr_t address)
{
    bool later = address == htonl(0x7f090909);

    names_call(later);
    return later ? htonl(INADDR_LOOPBACK) : address;
}

/* Of a service. */
static int names_port(int port)
{
    names_call(true);
    return port;
}

/* The function of libc, or what is between: a sanitizer's. */
#define NEXT(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

int getaddrinfo(const char *host, const char *service,
                const struct addrinfo *hints, struct addrinfo **ret)
{
    if (hints == NULL || (hints->ai_flags & AI_NUMERICHOST) == 0)
        host = names_text(host);
    else
        names_call(false);
    return NEXT(getaddrinfo)(host, service, hints, ret);
}

int getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                socklen_t host_room, char *service, socklen_t service_room,
                int flags)
{
    struct sockaddr_in copy;

    if (length == sizeof(copy)) {
        memcpy(&copy, address, sizeof(copy));
        copy.sin_addr.s_addr = names_address(copy.sin_addr.s_addr);
        address = (const struct sockaddr *)&copy;
    }
    return NEXT(getnameinfo)(address, length, host, host_room, service,
                             service_room, flags);
}

struct hostent *gethostbyname(const char *name)
{
    name = names_text(name);
    return NEXT(gethostbyname)(name);
}

struct hostent *gethostbyname2(const char *name, int family)
{
    name = names_text(name);
    return NEXT(gethostbyname2)(name, family);
}

int gethostbyname_r(const char *name, struct hostent *into, char *buffer,
                    size_t room, struct hostent **ret, int *host_error)
{
    name = names_text(name);
    return NEXT(gethostbyname_r)(name, into, buffer, room, ret, host_error);
}

int gethostbyname2_r(const char *name, int family, struct hostent *into,
                     char *buffer, size_t room, struct hostent **ret,
                     int *host_error)
{
    name = names_text(name);
    return NEXT(gethostbyname2_r)(name, family, into, buffer, room, ret,
                                  host_error);
}

struct hostent *gethostbyaddr(const void *address, socklen_t length, int family)
{
    in_addr_t number;

    memcpy(&number, address, sizeof(number));
    number = names_address(number);
    return NEXT(gethostbyaddr)(&number, length, family);
}

int gethostbyaddr_r(const void *address, socklen_t length, int family,
                    struct hostent *into, char *buffer, size_t room,
                    struct hostent **ret, int *host_error)
{
    in_addr_t number;

    memcpy(&number, address, sizeof(number));
    number = names_address(number);
    return NEXT(gethostbyaddr_r)(&number, length, family, into, buffer, room,
                                 ret, host_error);
}

/* ---- services, users, groups ---- */

#define BY_NAME(type, name)                                            \
 type *name(const char *text)                                          \
 {                                                                     \
  text = names_text(text);                                             \
  return NEXT(name)(text);                                             \
 }                                                                     \
 int name##_r(const char *text, type *into, char *buffer, size_t room, \
              type **ret)                                              \
 {                                                                     \
  text = names_text(text);                                             \
  return NEXT(name##_r)(text, into, buffer, room, ret);                \
 }

#define BY_NUMBER(type, name)                                         \
 type *name(unsigned number)                                          \
 {                                                                    \
  number = names_number(number);                                      \
  return NEXT(name)(number);                                          \
 }                                                                    \
 int name##_r(unsigned number, type *into, char *buffer, size_t room, \
              type **ret)                                             \
 {                                                                    \
  number = names_number(number);                                      \
  return NEXT(name##_r)(number, into, buffer, room, ret);             \
 }

BY_NAME(struct passwd, getpwnam)
BY_NAME(struct group, getgrnam)
BY_NUMBER(struct passwd, getpwuid)
BY_NUMBER(struct group, getgrgid)

struct servent *getservbyname(const char *name, const char *protocol)
{
    name = names_text(name);
    return NEXT(getservbyname)(name, protocol);
}

int getservbyname_r(const char *name, const char *protocol,
                    struct servent *into, char *buffer, size_t room,
                    struct servent **ret)
{
    name = names_text(name);
    return NEXT(getservbyname_r)(name, protocol, into, buffer, room, ret);
}

struct servent *getservbyport(int port, const char *protocol)
{
    port = names_port(port);
    return NEXT(getservbyport)(port, protocol);
}

int getservbyport_r(int port, const char *protocol, struct servent *into,
                    char *buffer, size_t room, struct servent **ret)
{
    port = names_port(port);
    return NEXT(getservbyport_r)(port, protocol, into, buffer, room, ret);
}

/* ---- the resolver ---- */

static int names_answer(unsigned char *answer, int room)
{
    const int length = (int)sizeof(NAMES_ANSWER) - 1;

    names_call(true);
    memcpy(answer, NAMES_ANSWER, (size_t)(room < length ? room : length));
    h_errno = NO_DATA;
    return length;
}

int res_query(const char *name, int class, int type, unsigned char *answer,
              int room)
{
    return names_answer(answer, room);
}

int res_search(const char *name, int class, int type, unsigned char *answer,
               int room)
{
    return names_answer(answer, room);
}

int res_querydomain(const char *name, const char *domain, int class, int type,
                    unsigned char *answer, int room)
{
    return names_answer(answer, room);
}

int res_send(const unsigned char *message, int length, unsigned char *answer,
             int room)
{
    return names_answer(answer, room);
}

int res_nquery(res_state state, const char *name, int class, int type,
               unsigned char *answer, int room)
{
    return names_answer(answer, room);
}

int res_nsearch(res_state state, const char *name, int class, int type,
                unsigned char *answer, int room)
{
    return names_answer(answer, room);
}

int res_nquerydomain(res_state state, const char *name, const char *domain,
                     int class, int type, unsigned char *answer, int room)
{
    return names_answer(answer, room);
}

int res_nsend(res_state state, const unsigned char *message, int length,
              unsigned char *answer, int room)
{
    return names_answer(answer, room);
}
