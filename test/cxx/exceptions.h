/* SPDX-License-Identifier: MIT */
/*
 * test/cxx/exceptions.h - what exceptions.cc does, as functions of C.
 *
 * They return how many things were not as they should be.
 */
#ifndef TEST_EXCEPTIONS_H
#define TEST_EXCEPTIONS_H

#ifdef __cplusplus
extern "C" {
#endif

int cxx_catch_inside(void);
int cxx_switch_in_catch(void);
int cxx_switch_while_unwinding(void);
int cxx_destructors_on_cancel(void);
int cxx_destructors_on_unref(void);
/* Throws through the beginning of a greenlet. */
int cxx_throw_uncaught(void *arg);

#ifdef __cplusplus
}
#endif

#endif /* TEST_EXCEPTIONS_H */
