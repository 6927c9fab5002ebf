/* SPDX-License-Identifier: MIT */
/*
 * hooks_test.c - each hook of monkey/list.h, by its case.
 */
#include "monkey/headers.h"

#include "cases.h"

#define HOOK(families, name)          extern case_fn case_##name __attribute__((weak));
#define ALIAS(families, name, hooked) /* the same function */
#include "monkey/list.h"
#undef HOOK

static const struct {
    const char *name;
    case_fn *fn;
} cases[] = {
#define HOOK(families, name) {#name, case_##name},
#include "monkey/list.h"
#undef HOOK
};

TEST(P11_each_hook_has_a_case)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (!CHECK(cases[i].fn != NULL))
            fprintf(stderr, "# there is none for %s()\n", cases[i].name);
}

TEST(P7_each_hook_has_an_original)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (!CHECK(thrum_monkey_original(cases[i].name) != NULL))
            fprintf(stderr, "# there is none of %s()\n", cases[i].name);
}

#define HOOK(families, name)                                                   \
 static void name##_plain(void)                                                \
 {                                                                             \
  if (case_##name != NULL)                                                     \
   case_run_plain(case_##name);                                                \
 }                                                                             \
 static void name##_patched_outside(void)                                      \
 {                                                                             \
  if (case_##name != NULL)                                                     \
   case_run_outside(case_##name);                                              \
 }                                                                             \
 static void name##_patched_in_a_greenlet(void)                                \
 {                                                                             \
  if (case_##name != NULL)                                                     \
   case_run_in_greenlet(case_##name);                                          \
 }                                                                             \
 __attribute__((constructor(2000))) static void name##_register(void)          \
 {                                                                             \
  test_register(#name "_plain", name##_plain);                                 \
  test_register(#name "_patched_outside", name##_patched_outside);             \
  test_register(#name "_patched_in_a_greenlet", name##_patched_in_a_greenlet); \
 }
#include "monkey/list.h"

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("hooks", argc, argv);
}
