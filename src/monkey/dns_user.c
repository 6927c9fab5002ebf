/* SPDX-License-Identifier: MIT */
/*
 * monkey/dns_user.c - services, users and groups, which a server of the network
 * may have to be asked for.
 *
 * As in dns_host.c: what libc returns as its own storage is the greenlet's, and
 * a wait that is ended is told as any error that libc has, by its number or
 * errno.
 */
#include "monkey/dns_entry.h"
#include "monkey/hooks.h"

static const struct thrumi_entry_shape user_service_shape = {
    sizeof(struct servent),
    {offsetof(struct servent, s_name), offsetof(struct servent, s_proto)},
    {offsetof(struct servent, s_aliases)},
    2,
    1,
};

static const struct thrumi_entry_shape user_shape = {
    sizeof(struct passwd),
    {offsetof(struct passwd, pw_name), offsetof(struct passwd, pw_passwd),
     offsetof(struct passwd, pw_gecos), offsetof(struct passwd, pw_dir),
     offsetof(struct passwd, pw_shell)},
    {0},
    5,
    0,
};

static const struct thrumi_entry_shape user_group_shape = {
    sizeof(struct group),
    {offsetof(struct group, gr_name), offsetof(struct group, gr_passwd)},
    {offsetof(struct group, gr_mem)},
    2,
    1,
};

/* ---- what runs elsewhere: the original, in the terms of a job ---- */

#define USER_RUN(noun, type, member, original, ...)                   \
 static void user_run_##noun(struct thrumi_job *arg)                  \
 {                                                                    \
  struct thrumi_entry_job *job = (struct thrumi_entry_job *)arg;      \
  type *found = NULL;                                                 \
                                                                      \
  job->rc = thrumi_original.original(__VA_ARGS__, &job->entry.member, \
                                     job->buffer, job->room, &found); \
  job->found = found;                                                 \
 }

USER_RUN(service, struct servent, service, getservbyname_r, job->question.name,
         job->question.protocol)
USER_RUN(port, struct servent, service, getservbyport_r,
         (int)job->question.number, job->question.protocol)
USER_RUN(name, struct passwd, user, getpwnam_r, job->question.name)
USER_RUN(uid, struct passwd, user, getpwuid_r, (uid_t)job->question.number)
USER_RUN(group, struct group, group, getgrnam_r, job->question.name)
USER_RUN(gid, struct group, group, getgrgid_r, (gid_t)job->question.number)

/* ---- hooks of both kinds ----
 *
 * Those of one question differ in nothing but what is asked: its parameters, the
 * names of these, and where they go in the question. */

#define USER_UNPACK(...) __VA_ARGS__

#define USER_HOOKS(noun, type, its_shape, name, parameters, arguments, ...)   \
 int thrumi_hook_##name##_r(USER_UNPACK parameters, type *into, char *buffer, \
                            size_t room, type **ret)                          \
 {                                                                            \
  struct thrumi_entry_ask ask = {.shape = &(its_shape),                       \
                                 .run = user_run_##noun,                      \
                                 .question = {__VA_ARGS__},                   \
                                 .into = into,                                \
                                 .buffer = buffer,                            \
                                 .room = room};                               \
  void *found;                                                                \
  int rc;                                                                     \
                                                                              \
  if (thrumi_monkey_outside())                                                \
   return thrumi_original.name##_r(USER_UNPACK arguments, into, buffer, room, \
                                   ret);                                      \
  rc = thrumi_entry_ask(&ask, &found);                                        \
  *ret = found;                                                               \
  return rc;                                                                  \
 }                                                                            \
                                                                              \
 static thrum_local user_of_##noun = THRUM_LOCAL_INIT(thrumi_entry_free_own); \
                                                                              \
 type *thrumi_hook_##name(USER_UNPACK parameters)                             \
 {                                                                            \
  struct thrumi_entry_ask ask = {.shape = &(its_shape),                       \
                                 .run = user_run_##noun,                      \
                                 .question = {__VA_ARGS__}};                  \
                                                                              \
  if (thrumi_monkey_outside())                                                \
   return thrumi_original.name arguments;                                     \
  return thrumi_entry_ask_own(&ask, &user_of_##noun);                         \
 }

USER_HOOKS(service, struct servent, user_service_shape, getservbyname,
           (const char *name, const char *protocol), (name, protocol),
           .name = name, .protocol = protocol)
USER_HOOKS(port, struct servent, user_service_shape, getservbyport,
           (int port, const char *protocol), (port, protocol), .number = port,
           .protocol = protocol)
USER_HOOKS(name, struct passwd, user_shape, getpwnam, (const char *name),
           (name), .name = name)
USER_HOOKS(uid, struct passwd, user_shape, getpwuid, (uid_t uid), (uid),
           .number = uid)
USER_HOOKS(group, struct group, user_group_shape, getgrnam, (const char *name),
           (name), .name = name)
USER_HOOKS(gid, struct group, user_group_shape, getgrgid, (gid_t gid), (gid),
           .number = gid)
