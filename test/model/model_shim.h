/* SPDX-License-Identifier: MIT */
/*
 * model_shim.h - the atomics of a model build; included by force, first.
 *
 * The files of src/ are compiled unchanged. Each `_explicit` operation becomes
 * a model point, where another thread may go on, and then the plain operation,
 * which nothing can interrupt. Stores and loads pass the store buffer of the
 * thread. atomic_init() is no point: nobody else can see the object yet.
 */
#ifndef MODEL_SHIM_H
#define MODEL_SHIM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The threads of a model are one for the C library. */
#define THRUMI_NEVER_ALONE

#include "sys/park.h"

/* Two steps of a spin loop show all that two hundred would. */
#undef THRUMI_SPIN_STEPS
#define THRUMI_SPIN_STEPS 2u

/* Threads of a model are not the system's: none is left early, and one that is
 * to be joined has done all that others can see. */
#undef pthread_cleanup_push
#undef pthread_cleanup_pop
#define pthread_cleanup_push(fn, arg)   ((void)(fn), (void)(arg))
#define pthread_cleanup_pop(execute)    ((void)(execute))
#define pthread_join(thread, ret)       model_has_ended(thread)
#define pthread_tryjoin_np(thread, ret) model_has_ended(thread)
#define pthread_detach(thread)          model_has_ended(thread)

static inline int model_has_ended(pthread_t thread)
{
    (void)thread;
    return 0;
}

void model_load(const volatile void *address, void *ret, size_t size,
                const char *what);
void model_store(volatile void *address, const void *value, size_t size,
                 memory_order order, const char *what);
/* A read-modify-write is these two; nothing comes between them. */
void model_rmw_read(volatile void *address, void *ret, size_t size,
                    const char *what);
void model_rmw_write(volatile void *address, const void *value, size_t size);
bool model_weak_fails(void);
void model_fence(memory_order order, const char *what);

#define MODEL_SHIM_TEXT_(line) #line
#define MODEL_SHIM_TEXT(line)  MODEL_SHIM_TEXT_(line)
#define MODEL_WHAT(op, text) \
 op " " text " " __FILE__ ":" MODEL_SHIM_TEXT(__LINE__)

/* The comma turns an atomic lvalue into a plain value. */
#define MODEL_VALUE_OF(address) __typeof__((void)0, *(address))

#undef atomic_init
#define atomic_init(address, value)                   \
 __extension__({                                      \
__auto_type model_at = (address);                         \
MODEL_VALUE_OF(model_at) model_new = (value);             \
                                                      \
model_rmw_write(model_at, &model_new, sizeof(model_new)); \
 })

#undef atomic_load_explicit
#define atomic_load_explicit(address, order)                                   \
 __extension__({                                                               \
__auto_type model_at = (address);                                                  \
MODEL_VALUE_OF(model_at) model_old;                                                \
                                                                               \
model_load(model_at, &model_old, sizeof(model_old), MODEL_WHAT("load", #address)); \
model_old;                                                                         \
 })

#undef atomic_store_explicit
#define atomic_store_explicit(address, value, order)    \
 __extension__({                                        \
__auto_type model_at = (address);                           \
MODEL_VALUE_OF(model_at) model_new = (value);               \
                                                        \
model_store(model_at, &model_new, sizeof(model_new), order, \
MODEL_WHAT("store", #address));                         \
 })

#define MODEL_RMW(op, text, address, value, change)                        \
 __extension__({                                                           \
__auto_type model_at = (address);                                              \
MODEL_VALUE_OF(model_at) model_arg = (value);                                  \
MODEL_VALUE_OF(model_at) model_old;                                            \
MODEL_VALUE_OF(model_at) model_new;                                            \
                                                                           \
model_rmw_read(model_at, &model_old, sizeof(model_old), MODEL_WHAT(op, text)); \
model_new = (change);                                                          \
model_rmw_write(model_at, &model_new, sizeof(model_new));                      \
model_old;                                                                     \
 })

#undef atomic_exchange_explicit
#define atomic_exchange_explicit(address, value, order) \
 MODEL_RMW("exchange", #address, address, value, model_arg)
#undef atomic_fetch_add_explicit
#define atomic_fetch_add_explicit(address, value, order) \
 MODEL_RMW("fetch_add", #address, address, value, model_old + model_arg)
#undef atomic_fetch_sub_explicit
#define atomic_fetch_sub_explicit(address, value, order) \
 MODEL_RMW("fetch_sub", #address, address, value, model_old - model_arg)
#undef atomic_fetch_or_explicit
#define atomic_fetch_or_explicit(address, value, order) \
 MODEL_RMW("fetch_or", #address, address, value, model_old | model_arg)
#undef atomic_fetch_and_explicit
#define atomic_fetch_and_explicit(address, value, order) \
 MODEL_RMW("fetch_and", #address, address, value, model_old &model_arg)
#undef atomic_fetch_xor_explicit
#define atomic_fetch_xor_explicit(address, value, order) \
 MODEL_RMW("fetch_xor", #address, address, value, model_old ^ model_arg)

#define MODEL_CAS(op, text, address, expected, value, weak)                \
 __extension__({                                                           \
__auto_type model_at = (address);                                              \
__auto_type model_expected = (expected);                                       \
MODEL_VALUE_OF(model_at) model_new = (value);                                  \
MODEL_VALUE_OF(model_at) model_old;                                            \
bool model_equal;                                                              \
                                                                           \
model_rmw_read(model_at, &model_old, sizeof(model_old), MODEL_WHAT(op, text)); \
model_equal = model_old == *model_expected && !((weak) && model_weak_fails()); \
if (model_equal)                                                               \
model_rmw_write(model_at, &model_new, sizeof(model_new));                     \
else                                                                           \
*model_expected = model_old;                                                  \
model_equal;                                                                   \
 })

#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(address, expected, value, \
                                                success, failure)         \
 MODEL_CAS("cas", #address, address, expected, value, false)
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_weak_explicit(address, expected, value, \
                                              success, failure)         \
 MODEL_CAS("cas", #address, address, expected, value, true)

#undef atomic_thread_fence
#define atomic_thread_fence(order) \
 model_fence(order, MODEL_WHAT("fence", #order))

#endif /* MODEL_SHIM_H */
