/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_calls.h - hooks of calls that only the disk keeps waiting.
 *
 * They have nothing to be waited for and end soon, so that each is made in
 * another thread, as it is (monkey/elsewhere.h). One line per hook:
 *
 *     FILE_CALL_2(rename, false, const char *, from, const char *, to)
 *
 * The condition, which may use the arguments, says when not even that is needed.
 */
#ifndef THRUMI_MONKEY_FILE_CALLS_H
#define THRUMI_MONKEY_FILE_CALLS_H

#include "monkey/elsewhere.h"
#include "monkey/hooks.h"

/* clang-format off */
#define FILE_CALL_1(name, at_once, A, a)                                   \
 struct name##_call { A a; int result; };                                  \
 static void name##_run(void *arg)                                         \
 {                                                                         \
  struct name##_call *call = arg;                                          \
  call->result = thrumi_original.name(call->a);                            \
 }                                                                         \
 int thrumi_hook_##name(A a)                                               \
 {                                                                         \
  struct name##_call call = {a, 0};                                        \
  if (thrumi_monkey_outside() || (at_once))                                \
   return thrumi_original.name(a);                                         \
  thrumi_elsewhere(name##_run, &call);                                     \
  return call.result;                                                      \
 }

#define FILE_CALL_2(name, at_once, A, a, B, b)                             \
 struct name##_call { A a; B b; int result; };                             \
 static void name##_run(void *arg)                                         \
 {                                                                         \
  struct name##_call *call = arg;                                          \
  call->result = thrumi_original.name(call->a, call->b);                   \
 }                                                                         \
 int thrumi_hook_##name(A a, B b)                                          \
 {                                                                         \
  struct name##_call call = {a, b, 0};                                     \
  if (thrumi_monkey_outside() || (at_once))                                \
   return thrumi_original.name(a, b);                                      \
  thrumi_elsewhere(name##_run, &call);                                     \
  return call.result;                                                      \
 }

#define FILE_CALL_3(name, at_once, A, a, B, b, C, c)                       \
 struct name##_call { A a; B b; C c; int result; };                        \
 static void name##_run(void *arg)                                         \
 {                                                                         \
  struct name##_call *call = arg;                                          \
  call->result = thrumi_original.name(call->a, call->b, call->c);          \
 }                                                                         \
 int thrumi_hook_##name(A a, B b, C c)                                     \
 {                                                                         \
  struct name##_call call = {a, b, c, 0};                                  \
  if (thrumi_monkey_outside() || (at_once))                                \
   return thrumi_original.name(a, b, c);                                   \
  thrumi_elsewhere(name##_run, &call);                                     \
  return call.result;                                                      \
 }

#define FILE_CALL_4(name, at_once, A, a, B, b, C, c, D, d)                 \
 struct name##_call { A a; B b; C c; D d; int result; };                   \
 static void name##_run(void *arg)                                         \
 {                                                                         \
  struct name##_call *call = arg;                                          \
  call->result = thrumi_original.name(call->a, call->b, call->c, call->d); \
 }                                                                         \
 int thrumi_hook_##name(A a, B b, C c, D d)                                \
 {                                                                         \
  struct name##_call call = {a, b, c, d, 0};                               \
  if (thrumi_monkey_outside() || (at_once))                                \
   return thrumi_original.name(a, b, c, d);                                \
  thrumi_elsewhere(name##_run, &call);                                     \
  return call.result;                                                      \
 }

#define FILE_CALL_5(name, at_once, A, a, B, b, C, c, D, d, E, e)           \
 struct name##_call { A a; B b; C c; D d; E e; int result; };              \
 static void name##_run(void *arg)                                         \
 {                                                                         \
  struct name##_call *call = arg;                                          \
  call->result = thrumi_original.name(call->a, call->b, call->c, call->d,  \
                                      call->e);                            \
 }                                                                         \
 int thrumi_hook_##name(A a, B b, C c, D d, E e)                           \
 {                                                                         \
  struct name##_call call = {a, b, c, d, e, 0};                            \
  if (thrumi_monkey_outside() || (at_once))                                \
   return thrumi_original.name(a, b, c, d, e);                             \
  thrumi_elsewhere(name##_run, &call);                                     \
  return call.result;                                                      \
 }
/* clang-format on */

#endif /* THRUMI_MONKEY_FILE_CALLS_H */
