/* log.c: see log.h. A line is one write, so that lines of threads do not mix. */
#include "shell/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, WORDS_MAX = 512, FIELD_MAX = 120 };

static _Atomic enum log_level threshold = LOG_LEVEL_INFO;
static atomic_bool as_json;

static const char *const names[] = {"error", "warn", "info", "debug"};

struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len; /* cut where it does not fit, with room for what closes it */
};

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, level);
}

void log_set_json(bool json)
{
    atomic_store(&as_json, json);
}

static void add(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *l, const char *format, ...)
{
    size_t room = sizeof(l->bytes) - 4 - l->len; /* "}, newline, NUL */
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->bytes + l->len, room, format, args);
    va_end(args);
    if (n > 0)
        l->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* A text, of which max bytes are enough to say; quoted: as a JSON string. */
static void add_text(struct line *l, const char *text, size_t max, bool quoted)
{
    add(l, quoted ? "\"" : "");
    for (size_t i = 0; i < max && *text != '\0'; i++, text++) {
        unsigned char c = (unsigned char)*text;
        if (quoted && (c == '"' || c == '\\'))
            add(l, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            quoted ? add(l, "\\u%04x", c) : add(l, "?");
        else
            add(l, "%c", c);
    }
    add(l, quoted ? "\"" : "");
}

static void begin(struct line *l, enum log_level level, bool json)
{
    char when[32];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
    l->len = 0;
    add(l, json ? "{\"time\": \"%s.%03ldZ\", \"level\": \"%s\", \"message\": " : "%s.%03ldZ %-5s ", when,
        now.tv_nsec / 1000000, names[level]);
}

static void end(struct line *l, bool json)
{
    if (json)
        l->bytes[l->len++] = '}';
    l->bytes[l->len++] = '\n';
    (void)!write(STDERR_FILENO, l->bytes, l->len); /* nowhere to report it */
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > atomic_load_explicit(&threshold, memory_order_relaxed))
        return;
    bool json = atomic_load(&as_json);
    struct line l;
    char words[WORDS_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    begin(&l, level, json);
    add_text(&l, words, WORDS_MAX, json);
    end(&l, json);
}

static bool bare(const char *text)
{
    return *text != '\0' && strpbrk(text, " \"=\\\n") == NULL;
}

void log_event(enum log_level level, const char *what, const struct log_field *fields, size_t n)
{
    if (level > atomic_load_explicit(&threshold, memory_order_relaxed))
        return;
    bool json = atomic_load(&as_json);
    struct line l;
    begin(&l, level, json);
    add_text(&l, what, FIELD_MAX, json);
    for (size_t i = 0; i < n; i++) {
        add(&l, json ? ", \"%s\": " : " %s=", fields[i].name);
        if (fields[i].text == NULL)
            add(&l, "%" PRId64, fields[i].number);
        else
            add_text(&l, fields[i].text, FIELD_MAX, json || !bare(fields[i].text));
    }
    end(&l, json);
}
