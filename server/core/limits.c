/* limits.c: the table of limits as data: its defaults, its answer, its look-up. */
#include <string.h>

#include "core/memory.h"
#include "core/save.h"

const struct core_limits core_limits_standard = {
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help) .name = standard,
#include "core/limits.def"
#undef ROOST_LIMIT
};

const struct core_limits core_limits_widest = {
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help) .name = max,
#include "core/limits.def"
#undef ROOST_LIMIT
};

static const struct {
    const char *name;
    size_t offset;
    int64_t min, max;
    bool of_shell;
} rows[] = {
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help) \
    {#name, offsetof(struct core_limits, name), min, max, false},
#define ROOST_SHELL_LIMIT(name, kind, standard, min, max, unit, help) \
    {#name, offsetof(struct core_limits, name), min, max, true},
#include "core/limits.def"
#undef ROOST_LIMIT
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static int64_t row_of(const struct core_limits *limits, size_t i)
{
    return *(const int64_t *)(const void *)((const char *)limits + rows[i].offset);
}

static int64_t value_of(const struct core *core, size_t i)
{
    return row_of(&core->limits, i);
}

void core_tell_limits(struct core *core, const struct core_limits *of_shell)
{
    core->told = of_shell;
}

void core_set_limits(struct core *core, const struct core_limits *limits)
{
    core->limits = *limits;
}

const struct core_limits *core_limits(const struct core *core)
{
    return &core->limits;
}

void core_put_limits(const struct core *core, struct buf *out)
{
    roost__put_map(out, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        roost__put_cstr(out, rows[i].name);
        roost__put_int(out, row_of(core->told != NULL && rows[i].of_shell ? core->told : &core->limits, i));
    }
}

int64_t limit_named(const struct core *core, const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return value_of(core, i);
    return 0;
}

/* ---- saving: the whole table, by name ---- */

void save_limits(const struct core *core, struct buf *out)
{
    save_uint(out, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        save_bytes(out, slice_str(rows[i].name));
        save_int(out, value_of(core, i));
    }
}

/* An older version had not all of them: what it does not say is as standard. */
void load_limits(struct loader *l)
{
    size_t n = load_count(l), row = 0;
    l->limits = core_limits_standard;
    if (n != ROWS && l->version == SAVE_VERSION)
        load_bad(l, "limits of another version");
    for (; n > 0 && load_good(l); n--, row++) {
        struct slice name = load_bytes(l, NAME_BYTES_MAX);
        int64_t value = load_int(l);
        while (row < ROWS && !slice_equal(name, slice_str(rows[row].name)))
            row++;
        if (row == ROWS || value < rows[row].min || value > rows[row].max) {
            load_bad(l, "a limit is none, or beyond its bounds");
            return;
        }
        *(int64_t *)(void *)((char *)&l->limits + rows[row].offset) = value;
    }
}
