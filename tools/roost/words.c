/* words.c: see words.h. */
#include "words.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies one word down to *to, without its quotes; moves *from behind it. False when a quote is not closed.
 */
static bool take_word(char **from, char **to)
{
    char quote = '\0', *p = *from, *out = *to;
    for (; *p != '\0' && (quote != '\0' || !blank(*p)); p++) {
        if (*p == quote)
            quote = '\0';
        else if (quote == '\0' && (*p == '\'' || *p == '"'))
            quote = *p;
        else if (*p == '\\' && quote != '\'' && p[1] != '\0')
            *out++ = *++p;
        else
            *out++ = *p;
    }
    *from = p;
    *to = out;
    return quote == '\0';
}

int split_words(char *line, char **words, int max)
{
    int n = 0;
    char *from = line, *to = line;
    for (;;) {
        while (blank(*from))
            from++;
        if (*from == '\0')
            break;
        if (n == max - 1)
            return -1;
        words[n++] = to;
        if (!take_word(&from, &to))
            return -1;
        bool end = *from == '\0';
        *to++ = '\0'; /* a word is never longer than its text: this is the blank behind it at the latest */
        if (end)
            break;
        from++;
    }
    words[n] = NULL;
    return n;
}
