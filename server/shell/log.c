/* log.c: see log.h. A line is one write, so that lines of threads do not mix. */
#include "shell/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level threshold = LOG_LEVEL_INFO;

static const char *const names[] = {"error", "warn", "info", "debug"};

void log_set_level(enum log_level level)
{
    threshold = level;
}

int log_level_by_name(const char *name)
{
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > threshold)
        return;
    char line[512], when[32];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
    int n = snprintf(line, sizeof(line), "%s.%03ldZ %-5s ", when, now.tv_nsec / 1000000, names[level]);
    va_list args;
    va_start(args, format);
    n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, args);
    va_end(args);
    size_t len = (size_t)n < sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2;
    line[len++] = '\n';
    (void)!write(STDERR_FILENO, line, len); /* nowhere to report it */
}
