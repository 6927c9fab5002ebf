/* SPDX-License-Identifier: MIT */
/*
 * sys/cpus.c - how many CPUs this process may use.
 *
 * Two limits count: the affinity mask, which already has the cpuset of the
 * control groups in it, and the CPU quota, which nothing but the control group
 * files tells. A quota holds for a group and all below it, so the least of the
 * group and its ancestors is the one (rule F51).
 *
 *     /proc/self/cgroup        which group:      4:cpu,cpuacct:/a/b   (v1)
 *                                                0::/a/b              (v2)
 *     /proc/self/mountinfo     where it lies:    ... /root /mount ... - cgroup2
 *     <mount>/a/b/cpu.max                        "quota period" or "max period"
 *     <mount>/a/b/cpu.cfs_quota_us, .cfs_period_us                    (v1)
 */
#include "sys/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fault.h"

#define CPUS_LINE 4096

/* One hierarchy: where it is mounted, and our group in it. */
struct cpus_group {
    bool v2;
    bool mounted;
    char mount[CPUS_LINE];
    char root[CPUS_LINE]; /* the group that is seen at the mount */
    char path[CPUS_LINE]; /* ours, from the hierarchy's root */
};

static FILE *cpus_open(const char *root, const char *directory,
                       const char *name)
{
    size_t size = strlen(root) + strlen(directory) + strlen(name) + 2;
    char *path = thrumi_alloc(size);
    FILE *file = NULL;

    if (path == NULL)
        return NULL;
    snprintf(path, size, "%s%s/%s", root, directory, name);
    if (!thrumi_fault("fopen"))
        file = fopen(path, "re");
    thrumi_free(path);
    return file;
}

/* Is `word` one of the comma-separated words? */
static bool cpus_has_word(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = words; at != NULL; at = strchr(at, ',')) {
        if (*at == ',')
            at++;
        if (strncmp(at, word, length) == 0 &&
            (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* "hierarchy:controllers:path"; version 2 has hierarchy 0, no controllers. */
static void cpus_read_group_line(char *line, struct cpus_group *v1,
                                 struct cpus_group *v2)
{
    char *controllers = strchr(line, ':');
    char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');

    if (path == NULL)
        return;
    *controllers++ = '\0';
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    if (strcmp(line, "0") == 0 && *controllers == '\0')
        snprintf(v2->path, sizeof(v2->path), "%s", path);
    else if (cpus_has_word(controllers, "cpu"))
        snprintf(v1->path, sizeof(v1->path), "%s", path);
}

/* "id parent major:minor root mount options... - type source superoptions" */
static void cpus_read_mount_line(char *line, struct cpus_group *v1,
                                 struct cpus_group *v2)
{
    char root[CPUS_LINE];
    char mount[CPUS_LINE];
    char type[64];
    char options[CPUS_LINE];
    char *dash = strstr(line, " - ");
    struct cpus_group *group = NULL;

    if (dash == NULL ||
        sscanf(line, "%*s %*s %*s %4095s %4095s", root, mount) != 2 ||
        sscanf(dash, " - %63s %*s %4095s", type, options) != 2)
        return;
    if (strcmp(type, "cgroup2") == 0)
        group = v2;
    else if (strcmp(type, "cgroup") == 0 && cpus_has_word(options, "cpu"))
        group = v1;
    if (group == NULL || group->mounted)
        return;
    group->mounted = true;
    memcpy(group->root, root, sizeof(root));
    memcpy(group->mount, mount, sizeof(mount));
}

static void cpus_read_lines(const char *root, const char *name,
                            void (*read_line)(char *, struct cpus_group *,
                                              struct cpus_group *),
                            struct cpus_group groups[2])
{
    FILE *file = cpus_open(root, "/proc/self", name);
    char *line = NULL;
    size_t size = 0;

    if (file == NULL)
        return;
    while (getline(&line, &size, file) >= 0)
        read_line(line, &groups[0], &groups[1]);
    free(line);
    fclose(file);
}

/* Reads up to two numbers; how many there were. */
static int cpus_read_numbers(const char *root, const char *directory,
                             const char *name, long long ret[2])
{
    FILE *file = cpus_open(root, directory, name);
    int n;

    if (file == NULL)
        return 0;
    n = fscanf(file, "%lld %lld", &ret[0], &ret[1]);
    fclose(file);
    return n; /* "max" is no number: no limit */
}

/* The quota of one group as a number of CPUs; 0 for none. */
static double cpus_read_quota(const char *root, const char *directory, bool v2)
{
    long long n[2] = {0, 0};
    long long period[2];

    if (v2) {
        if (cpus_read_numbers(root, directory, "cpu.max", n) != 2)
            return 0;
    } else {
        if (cpus_read_numbers(root, directory, "cpu.cfs_quota_us", n) < 1 ||
            cpus_read_numbers(root, directory, "cpu.cfs_period_us", period) < 1)
            return 0;
        n[1] = period[0];
    }
    return n[0] > 0 && n[1] > 0 ? (double)n[0] / (double)n[1] : 0;
}

/* The least quota of the group and its ancestors, up to the mount. */
static double cpus_group_quota(const char *root, struct cpus_group *group)
{
    char directory[CPUS_LINE * 2];
    const char *path = group->path;
    size_t mount_length = strlen(group->mount);
    size_t root_length = strlen(group->root);
    double least = 0;

    if (!group->mounted || path[0] != '/')
        return 0;
    /* in a container the mount shows our own group as its root */
    if (root_length > 1 && strncmp(path, group->root, root_length) == 0)
        path += root_length;
    snprintf(directory, sizeof(directory), "%s%s", group->mount, path);
    for (;;) {
        double quota = cpus_read_quota(root, directory, group->v2);
        char *slash = strrchr(directory, '/');

        if (quota > 0 && (least <= 0 || quota < least))
            least = quota;
        if (strlen(directory) <= mount_length || slash == NULL)
            return least;
        *slash = '\0';
    }
}

int thrumi_cpus_quota(const char *root)
{
    struct cpus_group *groups = thrumi_alloc_zero(2 * sizeof(*groups));
    double least = 0;

    if (groups == NULL)
        return 0;
    groups[1].v2 = true;
    cpus_read_lines(root, "cgroup", cpus_read_group_line, groups);
    cpus_read_lines(root, "mountinfo", cpus_read_mount_line, groups);
    for (size_t i = 0; i < 2; i++) {
        double quota = cpus_group_quota(root, &groups[i]);

        if (quota > 0 && (least <= 0 || quota < least))
            least = quota;
    }
    thrumi_free(groups);
    if (least <= 0 || least >= INT_MAX)
        return 0;
    return (int)least + (least > (double)(int)least);
}

/* A mask of fixed size is too small on machines of more than 1024 CPUs. */
static int cpus_affinity(void)
{
    int count = 0;

    for (size_t cpus = CPU_SETSIZE; count == 0 && cpus <= 1u << 16; cpus *= 2) {
        size_t size = CPU_ALLOC_SIZE(cpus);
        cpu_set_t *set = thrumi_alloc(size);

        if (set == NULL)
            break;
        if (!thrumi_fault("sched_getaffinity") &&
            sched_getaffinity(0, size, set) == 0)
            count = CPU_COUNT_S(size, set);
        thrumi_free(set);
    }
    if (count == 0)
        count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count;
}

int thrumi_cpus_usable(const char *root)
{
    int cpus = cpus_affinity();
    int quota = thrumi_cpus_quota(root);

    return quota > 0 && quota < cpus ? quota : cpus;
}
