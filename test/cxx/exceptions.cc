/* SPDX-License-Identifier: MIT */
/*
 * test/cxx/exceptions.cc - greenlets that throw, catch, and are cancelled.
 */
#include "exceptions.h"

#include <cerrno>
#include <cstdint>
#include <exception>
#include <string>

#include <thrum.h>

namespace
{

int failures;

void check(bool holds)
{
    failures += !holds;
}

int yield_up(void *value)
{
    return thrum_greenlet_switch(
        thrum_greenlet_parent(thrum_greenlet_current()), value, nullptr);
}

thrum_greenlet *greenlet_of(thrum_fn *fn)
{
    thrum_greenlet *greenlet = nullptr;

    check(thrum_greenlet_new(fn, nullptr, nullptr, &greenlet) == 0);
    return greenlet;
}

void *go_on(thrum_greenlet *greenlet, void *value)
{
    void *back = nullptr;

    check(thrum_greenlet_switch(greenlet, value, &back) == 0);
    return back;
}

/* Throws its argument and catches it, some frames up. */
void throw_below(int depth, const std::string &what)
{
    std::string mine = what + "!";

    if (depth == 0)
        throw what;
    throw_below(depth - 1, what);
    check(mine.empty()); /* not reached */
}

void *catch_inside(void *arg)
{
    auto what = static_cast<const char *>(arg);

    try {
        throw_below(10, what);
    } catch (const std::string &caught) {
        check(caught == what);
        return arg;
    }
    return nullptr;
}

/* Stands still in its handler while others throw, and throws on. */
void *rethrow_later(void *arg)
{
    auto what = static_cast<const char *>(arg);

    try {
        try {
            throw_below(3, what);
        } catch (const std::string &) {
            check(yield_up(nullptr) == 0);
            check(std::current_exception() != nullptr);
            throw;
        }
    } catch (const std::string &caught) {
        check(caught == what);
        check(yield_up(nullptr) == 0);
        check(caught == what);
    }
    check(std::current_exception() == nullptr);
    return arg;
}

/* Switches away while the exception is on its way. */
struct Switcher {
    ~Switcher()
    {
        check(std::uncaught_exceptions() == 1);
        check(yield_up(nullptr) == 0);
        check(std::uncaught_exceptions() == 1);
    }
};

void *unwind_slowly(void *arg)
{
    auto what = static_cast<const char *>(arg);

    try {
        Switcher switcher;
        throw_below(2, what);
    } catch (const std::string &caught) {
        check(caught == what);
    }
    check(std::uncaught_exceptions() == 0);
    return arg;
}

struct Counter {
    int *count;
    explicit Counter(int *to) : count(to) { }
    ~Counter() { ++*count; }
};

void *hold_counters(void *arg)
{
    auto count = static_cast<int *>(arg);
    Counter first(count);

    for (;;) {
        Counter second(count);

        if (yield_up(nullptr) == -ECANCELED)
            return nullptr;
    }
}

void *throw_out(void *)
{
    throw std::string("out of a greenlet");
}

int result()
{
    int found = failures;

    failures = 0;
    return found;
}

/* Two of the same, in turns, until both have returned their names. */
int take_turns(thrum_fn *fn)
{
    static char names[2][8] = {"first", "second"};
    thrum_greenlet *both[] = {greenlet_of(fn), greenlet_of(fn)};
    void *back[2] = {nullptr, nullptr};

    for (int round = 0; round < 10; round++)
        for (int i = 0; i < 2; i++)
            if (!thrum_greenlet_dead(both[i])) {
                back[i] = go_on(both[i], names[i]);
                check(std::current_exception() == nullptr);
                check(std::uncaught_exceptions() == 0);
            }
    for (int i = 0; i < 2; i++) {
        check(back[i] == names[i]);
        check(thrum_greenlet_dead(both[i]));
        thrum_greenlet_unref(both[i]);
    }
    return result();
}

} // namespace

int cxx_catch_inside(void)
{
    return take_turns(catch_inside);
}

int cxx_switch_in_catch(void)
{
    /* the main greenlet handles one of its own meanwhile */
    try {
        throw std::string("main");
    } catch (const std::string &caught) {
        thrum_greenlet *greenlet = greenlet_of(rethrow_later);
        static char name[] = "greenlet";

        go_on(greenlet, name);
        check(caught == "main");
        go_on(greenlet, nullptr);
        check(go_on(greenlet, nullptr) == name);
        check(std::current_exception() != nullptr);
        thrum_greenlet_unref(greenlet);
    }
    return take_turns(rethrow_later);
}

int cxx_switch_while_unwinding(void)
{
    return take_turns(unwind_slowly);
}

int cxx_destructors_on_cancel(void)
{
    thrum_greenlet *greenlet = greenlet_of(hold_counters);
    int count = 0;

    go_on(greenlet, &count);
    go_on(greenlet, nullptr);
    check(count == 1);
    check(thrum_greenlet_throw(greenlet, -ECANCELED, nullptr) == 0);
    check(count == 3);
    thrum_greenlet_unref(greenlet);
    return result();
}

int cxx_destructors_on_unref(void)
{
    thrum_greenlet *greenlet = greenlet_of(hold_counters);
    int count = 0;

    go_on(greenlet, &count);
    thrum_greenlet_unref(greenlet);
    check(count == 2);
    return result();
}

int cxx_throw_uncaught(void *)
{
    go_on(greenlet_of(throw_out), nullptr);
    return 0;
}
