/* SPDX-License-Identifier: MIT */
/*
 * test/unit/cpus_test.c - the CPUs that a process may use (rule F51), told by
 * files of our own under a directory that stands before /proc and /sys.
 */
#include "sys/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "thrum_test.h"

static char root[] = "/tmp/thrum-cpus-XXXXXX";

static void root_make(void)
{
    memcpy(root + strlen(root) - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(root));
}

static void root_remove(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", root);
    assert_int_equal(system(command), 0);
}

/* Writes a file, and makes the directories above it. */
static void root_write(const char *path, const char *text)
{
    char name[512];
    FILE *file;

    snprintf(name, sizeof(name), "%s%s", root, path);
    for (char *at = name + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        mkdir(name, 0700);
        *at = '/';
    }
    file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

#define MOUNT_V2 \
 "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
#define MOUNT_V1                                                        \
 "32 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup " \
 "rw,cpu,cpuacct\n"
#define MOUNT_OTHER                                                \
 "22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"         \
 "31 25 0:27 / /sys/fs/cgroup/cpuset rw shared:8 - cgroup cgroup " \
 "rw,cpuset\n"

TEST(F51_no_files_mean_no_quota)
{
    root_make();
    assert_int_equal(thrumi_cpus_quota(root), 0);
    assert_true(thrumi_cpus_usable(root) >= 1);
    root_remove();
}

static int quota_v2(const char *group, const char *parent)
{
    int quota;

    root_make();
    root_write("/proc/self/mountinfo", MOUNT_OTHER MOUNT_V2);
    root_write("/proc/self/cgroup", "0::/a/b\n");
    if (group != NULL)
        root_write("/sys/fs/cgroup/a/b/cpu.max", group);
    if (parent != NULL)
        root_write("/sys/fs/cgroup/a/cpu.max", parent);
    quota = thrumi_cpus_quota(root);
    root_remove();
    return quota;
}

TEST(F51_version_2_is_rounded_up)
{
    assert_int_equal(quota_v2("200000 100000\n", NULL), 2);
    assert_int_equal(quota_v2("200001 100000\n", NULL), 3);
    assert_int_equal(quota_v2("50000 100000\n", NULL), 1);
    assert_int_equal(quota_v2("1000 1000000\n", NULL), 1);
    assert_int_equal(quota_v2("max 100000\n", NULL), 0);
}

TEST(F51_version_2_takes_the_least_of_the_ancestors)
{
    assert_int_equal(quota_v2("400000 100000\n", "150000 100000\n"), 2);
    assert_int_equal(quota_v2("100000 100000\n", "800000 100000\n"), 1);
    assert_int_equal(quota_v2("max 100000\n", "300000 100000\n"), 3);
    assert_int_equal(quota_v2(NULL, "300000 100000\n"), 3);
    assert_int_equal(quota_v2("max 100000\n", "max 100000\n"), 0);
}

TEST(F51_version_2_nonsense_is_no_quota)
{
    static const char *const nonsense[] = {
        "", "\n", "x y\n", "100000\n", "100000 0\n", "-1 100000\n", "0 0\n"};

    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
        assert_int_equal(quota_v2(nonsense[i], NULL), 0);
}

/* In a container the mount shows the own group as its root. */
TEST(F51_version_2_in_a_container)
{
    root_make();
    root_write(
        "/proc/self/mountinfo",
        "30 23 0:26 /docker/f00 /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    root_write("/proc/self/cgroup", "0::/docker/f00/inner\n");
    root_write("/sys/fs/cgroup/cpu.max", "250000 100000\n");
    root_write("/sys/fs/cgroup/inner/cpu.max", "max 100000\n");
    assert_int_equal(thrumi_cpus_quota(root), 3);
    root_remove();
}

TEST(F51_the_root_group_of_version_2)
{
    root_make();
    root_write("/proc/self/mountinfo", MOUNT_V2);
    root_write("/proc/self/cgroup", "0::/\n");
    root_write("/sys/fs/cgroup/cpu.max", "700000 100000\n");
    assert_int_equal(thrumi_cpus_quota(root), 7);
    root_remove();
}

static int quota_v1(const char *quota, const char *period, const char *above)
{
    const char *group = "/sys/fs/cgroup/cpu,cpuacct/a/b";
    char path[256];
    int cpus;

    root_make();
    root_write("/proc/self/mountinfo", MOUNT_OTHER MOUNT_V1);
    root_write("/proc/self/cgroup",
               "9:cpuset:/other\n4:cpu,cpuacct:/a/b\n1:name=systemd:/c\n");
    snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", group);
    root_write(path, quota);
    snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", group);
    root_write(path, period);
    if (above != NULL) {
        root_write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", above);
        root_write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us",
                   "100000\n");
    }
    cpus = thrumi_cpus_quota(root);
    root_remove();
    return cpus;
}

TEST(F51_version_1)
{
    assert_int_equal(quota_v1("250000\n", "100000\n", NULL), 3);
    assert_int_equal(quota_v1("-1\n", "100000\n", NULL), 0);
    assert_int_equal(quota_v1("-1\n", "100000\n", "400000\n"), 4);
    assert_int_equal(quota_v1("800000\n", "100000\n", "150000\n"), 2);
    assert_int_equal(quota_v1("100000\n", "0\n", NULL), 0);
    assert_int_equal(quota_v1("what\n", "100000\n", NULL), 0);
}

TEST(F51_both_versions_at_once_take_the_least)
{
    root_make();
    root_write("/proc/self/mountinfo", MOUNT_V1
               "30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    root_write("/proc/self/cgroup", "4:cpu,cpuacct:/a\n0::/u\n");
    root_write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "500000\n");
    root_write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
    root_write("/sys/fs/cgroup/unified/u/cpu.max", "max 100000\n");
    assert_int_equal(thrumi_cpus_quota(root), 5);
    root_write("/sys/fs/cgroup/unified/u/cpu.max", "200000 100000\n");
    assert_int_equal(thrumi_cpus_quota(root), 2);
    root_remove();
}

TEST(F51_lines_that_make_no_sense_are_passed_over)
{
    root_make();
    root_write("/proc/self/mountinfo",
               "\nnonsense\n - \n1 2 3 - cgroup2\n" MOUNT_V2);
    root_write("/proc/self/cgroup", "\nx\n::\n7:cpu\n0::/a\n");
    root_write("/sys/fs/cgroup/a/cpu.max", "100000 100000\n");
    assert_int_equal(thrumi_cpus_quota(root), 1);
    assert_int_equal(thrumi_cpus_usable(root), 1);
    root_remove();
}

TEST(F51_the_affinity_counts_too)
{
    cpu_set_t saved;
    cpu_set_t one;
    int cpu = 0;

    root_make();
    assert_int_equal(sched_getaffinity(0, sizeof(saved), &saved), 0);
    while (!CPU_ISSET((size_t)cpu, &saved))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(thrumi_cpus_usable(root), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(saved), &saved), 0);
    assert_int_equal(thrumi_cpus_usable(root), CPU_COUNT(&saved));
    root_remove();
}

TEST(F51_the_systems_own_files_can_be_read)
{
    assert_true(thrumi_cpus_quota("") >= 0);
    assert_true(thrumi_cpus_usable("") >= 1);
}

TEST(without_memory_there_is_a_number_all_the_same)
{
    FOR_EACH_FAILURE(n)
    {
        assert_in_range(thrumi_cpus_usable(""), 1, 1 << 16);
    }
}

TEST_MAIN("cpus")
