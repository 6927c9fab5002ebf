/* SPDX-License-Identifier: MIT */
/*
 * cmd/timeline.c - a picture of runs: one HTML file, a bar per request.
 *
 * A panel per run, one below the other, all with the same time axis: so the
 * eye compares lengths. In a panel a lane per worker, in a lane a bar per
 * request; a bar tells its story when the mouse rests on it. The page needs
 * nothing but itself: no script, no font, no network.
 *
 *     inline   |################################################| 10.1 s
 *     threads  |###|                                              0.6 s
 */
#include "timeline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMELINE_LEFT  64   /* room for the lanes' names, px */
#define TIMELINE_WIDTH 1000 /* of the axis */
#define TIMELINE_RIGHT 76   /* room for the wall time */
#define TIMELINE_TICKS 8    /* about so many on the axis */

static const char timeline_style[] =
    ":root{--bg:#fbfbfa;--ink:#1d2329;--dim:#68727d;--line:#dfe3e7;"
    "--lane:#f0f2f4;--ok:#2a7de1;--ok2:#5b9ff0;--bad:#d1462f;--off:#9aa4ae}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181d;--ink:#e8ecf0;"
    "--dim:#97a3af;--line:#2c343d;--lane:#1c2229;--ok:#4a95f0;--ok2:#2f6fc0;"
    "--bad:#ef6b54;--off:#59636e}}\n"
    "body{background:var(--bg);color:var(--ink);margin:32px auto;"
    "max-width:1180px;padding:0 16px;"
    "font:15px/1.45 system-ui,-apple-system,'Segoe UI',sans-serif}\n"
    "h1{font-size:24px;line-height:1.25;margin:0 0 6px}\n"
    "h2{font-size:16px;margin:28px 0 6px}h2 b{font-size:20px}\n"
    "p{color:var(--dim);margin:0 0 12px}\n"
    "svg{display:block;width:100%;height:auto;overflow:visible}\n"
    "text{fill:var(--dim);font-size:11px}.wall{fill:var(--ink);"
    "font-size:13px;font-weight:600}\n"
    ".lane{fill:var(--lane)}.tick{stroke:var(--line)}"
    ".end{stroke:var(--ink);stroke-width:1.5}\n"
    ".ok{fill:var(--ok)}.ok.b{fill:var(--ok2)}.bad{fill:url(#failed)}"
    ".off{fill:var(--off)}\n"
    ".legend span{display:inline-block;margin-right:20px}\n"
    ".legend i{display:inline-block;width:14px;height:10px;margin-right:6px;"
    "border-radius:2px}\n"
    /* the pattern of the bars; HTML cannot use that of an SVG */
    ".hatch{background:repeating-linear-gradient(135deg,var(--bg) 0 1px,"
    "var(--bad) 1px 6px)}\n"
    "rect:hover{opacity:.7}\n";

static void timeline_escape(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
            fprintf(out, "&#%u;", c);
        else if (c < 0x20 || c >= 0x7f)
            fprintf(out, "&#xfffd;"); /* a URL has none of these */
        else
            fputc(c, out);
    }
}

static double timeline_seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

/* A time as a person says it. */
static void timeline_print_span(FILE *out, double seconds)
{
    if (seconds < 0.9995)
        fprintf(out, "%.*f ms", seconds < 0.00995 ? 1 : 0, seconds * 1000);
    else
        fprintf(out, "%.*f s", seconds < 100 ? 1 : 0, seconds);
}

/* ---- the axis ---- */

/* 1, 2 or 5 times a power of ten, for about TIMELINE_TICKS of them. */
static double timeline_step(double seconds)
{
    double step = pow(10, floor(log10(seconds / TIMELINE_TICKS)));

    while (seconds / step > TIMELINE_TICKS * 1.25)
        step *= seconds / step > TIMELINE_TICKS * 2.5 ? 5 : 2;
    return step;
}

static double timeline_x(double seconds, double longest)
{
    return TIMELINE_LEFT + seconds / longest * TIMELINE_WIDTH;
}

/* As many decimals as it takes to tell one step from the next. */
static int timeline_decimals(double step)
{
    int decimals = (int)-floor(log10(step) + 1e-9);

    return decimals > 0 ? decimals : 0;
}

/* All of an axis in the same unit. */
static void timeline_print_tick(FILE *out, double seconds, double step,
                                double longest)
{
    double unit = longest < 0.9995 ? 1e-3 : 1;

    fprintf(out, "%.*f %s", timeline_decimals(step / unit), seconds / unit,
            unit < 1 ? "ms" : "s");
}

static void timeline_axis(FILE *out, double longest, double height)
{
    double step = timeline_step(longest);

    for (int i = 0; i * step <= longest * 1.0001; i++) {
        double x = timeline_x(i * step, longest);

        fprintf(out,
                "<line class=\"tick\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" "
                "y2=\"%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
                "text-anchor=\"middle\">",
                x, x, height + 4, x, height + 17);
        timeline_print_tick(out, i * step, step, longest);
        fputs("</text>\n", out);
    }
}

/* ---- a panel ---- */

static int timeline_lanes(const struct fetch_report *report)
{
    int lanes = 1;

    for (size_t i = 0; i < report->count; i++)
        if (report->records[i].worker >= lanes)
            lanes = report->records[i].worker + 1;
    return lanes;
}

/* Few lanes are tall, hundreds are thin, and thousands share a screen or two. */
static double timeline_lane_height(int lanes)
{
    if (lanes <= 4)
        return 26;
    if (lanes > 1024)
        return 2048.0 / lanes;
    return lanes <= 64 ? 16 : lanes <= 256 ? 6 : 2;
}

static void timeline_bar(FILE *out, const struct fetch_record *record,
                         double longest, double lane_height, bool shade)
{
    double start = timeline_seconds(record->start_ns);
    double length = timeline_seconds(record->duration_ns);
    double x = timeline_x(start, longest);
    double width = length / longest * TIMELINE_WIDTH;
    double gap = lane_height > 4 ? 1.5 : 0;

    fprintf(out,
            "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
            "height=\"%.2f\" rx=\"%.1f\"><title>",
            record->cancelled ? "off"
            : !record->ok     ? "bad"
            : shade           ? "ok b"
                              : "ok",
            x, record->worker * lane_height + gap, width < 0.8 ? 0.8 : width,
            lane_height - 2 * gap, width > 6 && gap > 0 ? 2.0 : 0.0);
    timeline_escape(out, record->url);
    fputs("&#10;", out);
    if (record->cancelled)
        fputs("stopped", out);
    else if (record->ok)
        fprintf(out, "HTTP %ld, %llu bytes", record->status,
                (unsigned long long)record->bytes);
    else
        timeline_escape(out, record->error);
    fputs("&#10;from ", out);
    timeline_print_span(out, start);
    fputs(", took ", out);
    timeline_print_span(out, length);
    if (record->attempts > 1)
        fprintf(out, ", %d attempts", record->attempts);
    fputs("</title></rect>\n", out);
}

/* The bars; those of a lane in two shades by turns, for they touch. */
static void timeline_bars(FILE *out, const struct fetch_report *report,
                          double longest, int lanes)
{
    bool *shades = calloc((size_t)lanes, sizeof(*shades));
    double lane_height = timeline_lane_height(lanes);

    for (size_t i = 0; i < report->count; i++) {
        const struct fetch_record *record = &report->records[i];
        bool shade = shades != NULL && shades[record->worker];

        timeline_bar(out, record, longest, lane_height, shade);
        if (shades != NULL)
            shades[record->worker] = !shade;
    }
    free(shades);
}

static int timeline_names_every(double lane_height)
{
    if (lane_height < 2)
        return (int)(64 / lane_height);
    return lane_height > 10 ? 1 : lane_height > 4 ? 4 : 32;
}

static void timeline_lane(FILE *out, double y, double height)
{
    fprintf(out,
            "<rect class=\"lane\" x=\"%d\" y=\"%.1f\" width=\"%d\" "
            "height=\"%.1f\"/>\n",
            TIMELINE_LEFT, y + 0.5, TIMELINE_WIDTH, height - 1);
}

static void timeline_lane_names(FILE *out, int lanes, double lane_height)
{
    int every = timeline_names_every(lane_height);

    if (lane_height < 2) /* they cannot be told apart */
        timeline_lane(out, 0, lanes * lane_height);
    for (int i = 0; i < lanes; i++) {
        double y = i * lane_height;

        if (lane_height >= 2)
            timeline_lane(out, y, lane_height);
        if (i % every == 0)
            fprintf(out,
                    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s%d"
                    "</text>\n",
                    TIMELINE_LEFT - 8, y + lane_height / 2 + 4,
                    every == 1 ? "worker " : "", i + 1);
    }
}

static void timeline_wall(FILE *out, double wall, double longest, double height)
{
    double x = timeline_x(wall, longest);

    fprintf(out,
            "<line class=\"end\" x1=\"%.1f\" x2=\"%.1f\" y1=\"-4\" "
            "y2=\"%.1f\"/><text class=\"wall\" x=\"%.1f\" y=\"%.1f\">",
            x, x, height + 4, x + 7, height / 2 + 5);
    timeline_print_span(out, wall);
    fputs("</text>\n", out);
}

static void timeline_panel(FILE *out, const struct fetch_report *report,
                           double longest)
{
    int lanes = timeline_lanes(report);
    double lane_height = timeline_lane_height(lanes);
    double height = lanes * lane_height;
    double wall = timeline_seconds(report->wall_ns);

    fputs("<section>\n<h2><b>", out);
    timeline_escape(out, report->executor);
    fprintf(out, "</b> &#8211; %d worker%s, ", lanes, lanes == 1 ? "" : "s");
    timeline_print_span(out, wall);
    fprintf(out, ", %zu ok", report->ok);
    if (report->failed > 0)
        fprintf(out, ", %zu failed", report->failed);
    if (report->cancelled > 0)
        fprintf(out, ", %zu stopped", report->cancelled);
    fprintf(out,
            "</h2>\n<svg viewBox=\"0 -6 %d %.0f\" role=\"img\" "
            "aria-label=\"timeline of ",
            TIMELINE_LEFT + TIMELINE_WIDTH + TIMELINE_RIGHT, height + 30);
    timeline_escape(out, report->executor);
    fputs("\">\n", out);
    timeline_lane_names(out, lanes, lane_height);
    timeline_axis(out, longest, height);
    timeline_bars(out, report, longest, lanes);
    timeline_wall(out, wall, longest, height);
    fputs("</svg>\n</section>\n", out);
}

/* ---- the page ---- */

static double timeline_longest(const struct fetch_report *reports, size_t n)
{
    double longest = 1e-3;

    for (size_t i = 0; i < n; i++)
        if (timeline_seconds(reports[i].wall_ns) > longest)
            longest = timeline_seconds(reports[i].wall_ns);
    return longest;
}

static const struct fetch_report *
timeline_fastest(const struct fetch_report *reports, size_t n)
{
    const struct fetch_report *fastest = &reports[0];

    for (size_t i = 1; i < n; i++)
        if (reports[i].wall_ns < fastest->wall_ns)
            fastest = &reports[i];
    return fastest;
}

/* "100 requests: 10.1 s with inline, 0.7 s with threads (14x)" */
static void timeline_headline(FILE *out, const struct fetch_report *reports,
                              size_t n)
{
    const struct fetch_report *first = &reports[0];
    const struct fetch_report *fastest = timeline_fastest(reports, n);

    fprintf(out, "%zu request%s: ", first->count, first->count == 1 ? "" : "s");
    timeline_print_span(out, timeline_seconds(first->wall_ns));
    fputs(" with ", out);
    timeline_escape(out, first->executor);
    if (fastest != first) {
        fputs(", ", out);
        timeline_print_span(out, timeline_seconds(fastest->wall_ns));
        fputs(" with ", out);
        timeline_escape(out, fastest->executor);
        fprintf(out, " &#8211; %.1f times as fast",
                (double)first->wall_ns / (double)fastest->wall_ns);
    }
}

static void timeline_page(FILE *out, const struct fetch_report *reports,
                          size_t n)
{
    double longest = timeline_longest(reports, n);

    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
            "charset=\"utf-8\">\n<title>thrum fetch: timeline</title>\n"
            "<style>\n%s</style></head><body>\n<h1>",
            timeline_style);
    timeline_headline(out, reports, n);
    fputs("</h1>\n<p>Each bar is one request, each lane one worker; time runs "
          "to the right, on the same scale in every panel. Rest the mouse on "
          "a bar to see what it was.</p>\n"
          "<p class=\"legend\"><span><i style=\"background:var(--ok)\"></i>"
          "answered (two shades, to tell neighbours apart)</span>"
          "<span><i class=\"hatch\"></i>failed</span>"
          "<span><i style=\"background:var(--off)\"></i>stopped</span></p>\n"
          "<svg width=\"0\" height=\"0\" style=\"position:absolute\" "
          "aria-hidden=\"true\"><defs><pattern id=\"failed\" width=\"6\" "
          "height=\"6\" patternUnits=\"userSpaceOnUse\" "
          "patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" "
          "fill=\"var(--bad)\"/><line x1=\"0\" x2=\"0\" y1=\"0\" y2=\"6\" "
          "stroke=\"var(--bg)\" stroke-width=\"2\"/></pattern></defs></svg>\n",
          out);
    for (size_t i = 0; i < n; i++)
        timeline_panel(out, &reports[i], longest);
    fputs("</body></html>\n", out);
}

static int timeline_write_to(const char *path,
                             const struct fetch_report *reports, size_t n)
{
    FILE *out = fopen(path, "we");
    int rc = 0;

    if (out == NULL)
        return -errno;
    timeline_page(out, reports, n);
    if (fflush(out) != 0 || ferror(out))
        rc = errno != 0 ? -errno : -EIO;
    if (fclose(out) != 0 && rc == 0)
        rc = -errno;
    return rc;
}

/* Writes under another name first: a page is whole or not there. */
static int timeline_replace(const char *path,
                            const struct fetch_report *reports, size_t n)
{
    char *temporary;
    int rc;

    if (asprintf(&temporary, "%s.%ld.part", path, (long)getpid()) < 0)
        return -ENOMEM;
    rc = timeline_write_to(temporary, reports, n);
    if (rc == 0 && rename(temporary, path) != 0)
        rc = -errno;
    if (rc != 0)
        unlink(temporary);
    free(temporary);
    return rc;
}

static bool timeline_can_draw(const struct fetch_report *reports, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (reports[i].records == NULL && reports[i].count > 0)
            return false;
    return true;
}

int timeline_write(const char *path, const struct fetch_report *reports,
                   size_t n)
{
    struct stat about;

    if (n == 0)
        return -EINVAL;
    if (!timeline_can_draw(reports, n))
        return -ENOMEM;
    /* A pipe or a device is written to; root could replace even /dev/null. */
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return timeline_write_to(path, reports, n);
    return timeline_replace(path, reports, n);
}
