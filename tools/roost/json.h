/*
 * json.h: values as people type and read them: JSON, and for what JSON lacks:
 *   bytes       {"base64": "aGk="}
 *   references  {"ref": "name of an object"}, or {"ref": 7, "type": "queue"} (this is also how they are
 * printed)
 */
#ifndef ROOST_TOOLS_JSON_H
#define ROOST_TOOLS_JSON_H

#include "cli.h"

/* Memory of values made from text, or for printing: freed all at once, with the
 * references among them. */
struct arena {
    struct arena_block *blocks;
};

/* Never NULL: without memory the program ends. */
void *arena_alloc(struct arena *a, size_t size);
void arena_free(struct arena *a);

/* Frees a received value together with the arena. Returns the value, to be borrowed. */
roost_value arena_keep(struct arena *a, roost_value v);

/* A reference to the object of that name. Returns an exit status. */
int find_ref(struct cli *c, struct arena *a, const char *name, roost_value *ret);

enum json_result { JSON_OK, JSON_NO_JSON, JSON_BAD };

/*
 * Reads a whole text as JSON. JSON_NO_JSON: it is something else. JSON_BAD: it is JSON that no value can be
 * made of (a message was printed). *ret lives in the arena. Connects to look up a reference's name.
 */
enum json_result json_read(struct cli *c, struct arena *a, const char *text, roost_value *ret);

/* Prints a value on one line; with c->raw strings and bytes as they are. */
void json_print(const struct cli *c, roost_value v);

#endif
