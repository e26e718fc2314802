/*
 * log.h: one line per fact to stderr: time, level, words. Any thread.
 */
#ifndef ROOST_SHELL_LOG_H
#define ROOST_SHELL_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above the level are dropped. Call before threads start. */
void log_set_level(enum log_level level);

/* The level of a name ("error", "warn", "info", "debug"), or -1. */
int log_level_by_name(const char *name);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
