/* SPDX-License-Identifier: MIT */
/*
 * url_list.c - one URL a line.
 *
 * Blank lines and lines that begin with # are passed over; blanks around a URL
 * are cut off, those of Windows' line ends too, and the mark that some editors
 * put at the start of a file. (A # further on belongs to the URL.)
 *
 * Nothing in a line can stop the list: a line that is too long, or that has a
 * NUL in it, becomes a text that is no URL, and fails alone where it is
 * fetched.
 *
 * What is no file, a pipe or a terminal, is waited for in Thrum: where greenlets
 * of this thread fetch, they go on meanwhile, and Ctrl-C ends it.
 */
#include "url_list.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thrum/net.h>

#include "interrupt.h"

static const char url_list_cut_mark[] = " ... (line too long)";

void url_list_init(struct url_list *list)
{
    memset(list, 0, sizeof(*list));
}

void url_list_set_arguments(struct url_list *list, char *const *arguments,
                            size_t count)
{
    list->arguments = arguments;
    list->argument_count = count;
}

int url_list_read(struct url_list *list, FILE *stream)
{
    list->line = malloc(URL_LIST_LINE_MAX + sizeof(url_list_cut_mark));
    if (list->line == NULL)
        return -ENOMEM;
    list->stream = stream;
    list->lines = 0;
    return 0;
}

/* ---- what is waited for ---- */

static ssize_t url_list_await(void *cookie, char *into, size_t n)
{
    int fd = (int)(intptr_t)cookie;
    struct pollfd fds[2] = {{fd, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
    int rc = thrum_poll(fds, 2, THRUM_FOREVER);

    if (rc >= 0 && fds[1].revents == 0)
        return read(fd, into, n);
    errno = rc < 0 ? -rc : EINTR;
    return -1;
}

static int url_list_hang_up(void *cookie)
{
    int fd = (int)(intptr_t)cookie;

    return fd == STDIN_FILENO ? 0 : close(fd);
}

/* ---- opening ---- */

/* A stream that has the descriptor; NULL and errno. */
static FILE *url_list_stream(int fd)
{
    static const cookie_io_functions_t awaited = {.read = url_list_await,
                                                  .close = url_list_hang_up};
    struct stat about;

    if (fstat(fd, &about) < 0)
        return NULL;
    /* A folder opens, and fails only when it is read. */
    if (S_ISDIR(about.st_mode)) {
        errno = EISDIR;
        return NULL;
    }
    if (!S_ISREG(about.st_mode))
        return fopencookie((void *)(intptr_t)fd, "r", awaited);
    return fd == STDIN_FILENO ? stdin : fdopen(fd, "r");
}

int url_list_open(struct url_list *list, const char *path)
{
    bool is_standard_input = strcmp(path, "-") == 0;
    int fd =
        is_standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    FILE *stream;
    int rc;

    if (fd < 0)
        return -errno;
    stream = url_list_stream(fd);
    rc = stream != NULL ? url_list_read(list, stream) : -errno;
    if (rc < 0 && stream != NULL && stream != stdin)
        fclose(stream);
    else if (rc < 0 && !is_standard_input)
        close(fd);
    return rc;
}

/* Reads up to the end of the line; false at the end of the stream. */
static bool url_list_read_line(struct url_list *list)
{
    size_t length = 0;
    int byte = getc(list->stream);

    if (byte == EOF)
        return false;
    for (; byte != EOF && byte != '\n'; byte = getc(list->stream)) {
        if (length < URL_LIST_LINE_MAX)
            list->line[length] = byte == '\0' ? ' ' : (char)byte;
        length++;
    }
    list->lines++;
    if (length > URL_LIST_LINE_MAX)
        memcpy(list->line + URL_LIST_LINE_MAX, url_list_cut_mark,
               sizeof(url_list_cut_mark));
    else
        list->line[length] = '\0';
    return true;
}

static char *url_list_trim(char *text)
{
    size_t length;

    while (isspace((unsigned char)*text))
        text++;
    length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

static const char *url_list_next_line(struct url_list *list)
{
    while (url_list_read_line(list)) {
        char *text = list->line;

        if (list->lines == 1 && strncmp(text, "\xEF\xBB\xBF", 3) == 0)
            text += 3;
        text = url_list_trim(text);
        if (*text != '\0' && *text != '#')
            return text;
    }
    return NULL;
}

const char *url_list_next(struct url_list *list, int *ret_error)
{
    const char *url = NULL;

    *ret_error = 0;
    if (list->next_argument < list->argument_count)
        return list->arguments[list->next_argument++];
    if (list->stream == NULL)
        return NULL;
    errno = 0;
    url = url_list_next_line(list);
    if (url == NULL && ferror(list->stream))
        *ret_error = errno != 0 ? -errno : -EIO;
    return url;
}

size_t url_list_count(struct url_list *list)
{
    struct stat about;
    size_t count = list->argument_count;

    if (list->stream == NULL)
        return count;
    if (fileno(list->stream) < 0 || fstat(fileno(list->stream), &about) < 0 ||
        !S_ISREG(about.st_mode) || ftello(list->stream) != 0)
        return 0;
    while (url_list_next_line(list) != NULL)
        count++;
    rewind(list->stream);
    list->lines = 0;
    return count;
}

void url_list_close(struct url_list *list)
{
    if (list->stream != NULL && list->stream != stdin)
        fclose(list->stream);
    free(list->line);
    url_list_init(list);
}
