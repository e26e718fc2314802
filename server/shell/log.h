/*
 * log.h: one line per fact to stderr, as words or as a JSON object. Any thread.
 */
#ifndef ROOST_SHELL_LOG_H
#define ROOST_SHELL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above the level are dropped; the options' order of words is this enum's. */
void log_set_level(enum log_level level);

/* Lines are JSON objects: time, level, message, and an event's fields. */
void log_set_json(bool json);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* A fact with fields, for programs that read logs: `audit method=server.delete session=4`. */
struct log_field {
    const char *name;
    const char *text; /* NULL: the number */
    int64_t number;
};

void log_event(enum log_level level, const char *what, const struct log_field *fields, size_t n);

#endif
