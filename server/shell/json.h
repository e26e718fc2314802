/*
 * json.h: checked MessagePack as JSON, for the dashboard and the log.
 */
#ifndef ROOST_SHELL_JSON_H
#define ROOST_SHELL_JSON_H

#include "base/buf.h"

/*
 * Appends a checked value: bytes as a string of hexadecimal digits, a reference as "#id", a key that is no
 * string as its JSON in a string, NaN and infinities as null. A string is cut behind max bytes.
 */
void json_put(struct buf *out, struct slice value, size_t max);

/* Appends a string with its quotes. Bytes that are no UTF-8 do not come here. */
void json_put_text(struct buf *out, struct slice text);

#endif
