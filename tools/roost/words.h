/* words.h: a line of the prompt as words, quoted as in a shell. Called by prompt.c. */
#ifndef ROOST_TOOLS_WORDS_H
#define ROOST_TOOLS_WORDS_H

/*
 * Splits a line in place: words are separated by blanks; '…' is taken as it is; in "…" and outside of quotes
 * a backslash takes the next character as it is. At most max - 1 words, then NULL. Returns how many, or -1
 * when a quote is not closed or there are too many.
 */
int split_words(char *line, char **words, int max);

#endif
