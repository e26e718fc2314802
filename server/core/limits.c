/* limits.c: the table of limits as data: its defaults, its answer, its look-up. */
#include <string.h>

#include "core/memory.h"

const struct core_limits core_limits_standard = {
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help) .name = standard,
#include "core/limits.def"
#undef ROOST_LIMIT
};

static const struct {
    const char *name;
    size_t offset;
} rows[] = {
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help) {#name, offsetof(struct core_limits, name)},
#include "core/limits.def"
#undef ROOST_LIMIT
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static int64_t value_of(const struct core *core, size_t i)
{
    return *(const int64_t *)(const void *)((const char *)&core->limits + rows[i].offset);
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
        roost__put_int(out, value_of(core, i));
    }
}

int64_t limit_named(const struct core *core, const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return value_of(core, i);
    return 0;
}
