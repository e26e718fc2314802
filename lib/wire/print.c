/* print.c: a roost_value as one line of JSON; see roost_value_print() in roost/value.h. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "roost/value.h"

static void print_value(FILE *out, const roost_value *v);

static void print_string(FILE *out, const char *s, uint32_t n)
{
    fputc('"', out);
    for (uint32_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

/* RFC 4648. */
static void print_base64(FILE *out, const unsigned char *p, uint32_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fputs("\"base64:", out);
    for (uint32_t i = 0; i < n; i += 3) {
        uint32_t left = n - i;
        uint32_t word = (uint32_t)p[i] << 16;
        word |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        word |= left > 2 ? p[i + 2] : 0;
        fputc(digits[word >> 18], out);
        fputc(digits[word >> 12 & 63], out);
        fputc(left > 1 ? digits[word >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[word & 63] : '=', out);
    }
    fputc('"', out);
}

/* The shortest of 15 to 17 digits that reads back as the same double, and always recognisable as a float. */
static void print_float(FILE *out, double f)
{
    if (!isfinite(f)) {
        fputs(isnan(f) ? "\"NaN\"" : f > 0 ? "\"Infinity\"" : "\"-Infinity\"", out);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, f);
        if (strtod(text, NULL) == f)
            break;
    }
    fputs(text, out);
    if (strpbrk(text, ".e") == NULL)
        fputs(".0", out);
}

static void print_array(FILE *out, const roost_value *v)
{
    fputc('[', out);
    for (uint32_t i = 0; i < v->len; i++) {
        fputs(i > 0 ? ", " : "", out);
        print_value(out, &v->as.items[i]);
    }
    fputc(']', out);
}

/* JSON's keys are strings: another key is printed as a string of its own form. */
static void print_key(FILE *out, const roost_value *key)
{
    if (key->kind == ROOST_STR || key->kind == ROOST_BYTES || key->kind == ROOST_REF) {
        print_value(out, key);
        return;
    }
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    if (memory == NULL)
        return;
    print_value(memory, key);
    if (fclose(memory) == 0)
        print_string(out, text, (uint32_t)len);
    free(text);
}

static void print_map(FILE *out, const roost_value *v)
{
    fputc('{', out);
    for (uint32_t i = 0; i < v->len; i++) {
        fputs(i > 0 ? ", " : "", out);
        print_key(out, &v->as.pairs[i].key);
        fputs(": ", out);
        print_value(out, &v->as.pairs[i].value);
    }
    fputc('}', out);
}

static void print_value(FILE *out, const roost_value *v)
{
    switch (v->kind) {
    case ROOST_NIL:
        fputs("null", out);
        break;
    case ROOST_BOOL:
        fputs(v->as.b ? "true" : "false", out);
        break;
    case ROOST_INT:
        fprintf(out, "%" PRId64, v->as.i);
        break;
    case ROOST_UINT:
        fprintf(out, "%" PRIu64, v->as.u);
        break;
    case ROOST_FLOAT:
        print_float(out, v->as.f);
        break;
    case ROOST_STR:
        print_string(out, v->as.s, v->len);
        break;
    case ROOST_BYTES:
        print_base64(out, v->as.bytes, v->len);
        break;
    case ROOST_ARRAY:
        print_array(out, v);
        break;
    case ROOST_MAP:
        print_map(out, v);
        break;
    case ROOST_REF:
        fprintf(out, "\"<%s #%" PRIu64 ">\"", roost_type_name((roost_type)v->len), v->as.ref);
        break;
    }
}

int roost_value_print(FILE *out, roost_value v)
{
    print_value(out, &v);
    return ferror(out) ? roost__fail(ROOST_ESYS, "cannot print a value: the stream failed") : ROOST_OK;
}
