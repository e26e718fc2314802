/* key.c: roost key: an identity, its key, and a rule, for a server's keys file. No server is asked. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli.h"
#include "wire/proof.h"

enum { LINES_MAX = 2048 };

/* Appends to a file that is its owner's alone; `how` says whether it may be there already. */
static int put(const char *path, int how, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | how, 0600);
    struct stat st;
    if (fd < 0)
        return roost__fail_sys(path);
    int rc = ROOST_OK;
    if (fstat(fd, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        rc = roost__fail(ROOST_EINVAL, "%s: others than its owner may use it (chmod 600)", path);
    else if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd) != 0)
        rc = roost__fail_sys(path);
    close(fd);
    return rc;
}

static bool is_word(const char *text)
{
    return *text != '\0' && strpbrk(text, " \t\r\n#") == NULL;
}

/* keys file, identity, key file, rights, pattern */
static int add_identity(const char *const words[5])
{
    uint8_t key[PROOF_KEY_LEN];
    char digits[2 * PROOF_KEY_LEN + 1], lines[LINES_MAX], own[2 * PROOF_KEY_LEN + 2];
    randombytes_buf(key, sizeof(key));
    sodium_bin2hex(digits, sizeof(digits), key, sizeof(key));
    int n = snprintf(lines, sizeof(lines), "key %s %s\nallow %s %s %s\n", words[1], digits, words[1],
                     words[3], words[4]);
    snprintf(own, sizeof(own), "%s\n", digits);
    int rc =
        n < LINES_MAX ? put(words[2], O_EXCL, own) : roost__fail(ROOST_EINVAL, "the pattern is too long");
    if (rc == ROOST_OK && (rc = put(words[0], 0, lines)) != ROOST_OK)
        unlink(words[2]); /* a key that no server knows */
    sodium_memzero(key, sizeof(key));
    sodium_memzero(lines, sizeof(lines));
    return rc;
}

int cli_key(struct cli *c, int n, char **words)
{
    const char *all[5] = {[3] = "read,write,admin", [4] = "*"};
    (void)c;
    if (n != 3 && n != 5)
        return cli_usage("usage: roost key KEYS-FILE IDENTITY KEY-FILE [RIGHTS PATTERN]");
    for (int i = 0; i < n; i++)
        all[i] = words[i];
    if (!roost__identity_ok(slice_str(all[1])) || !is_word(all[1]) || !is_word(all[3]) || !is_word(all[4]))
        return cli_usage("key: an identity, rights and a pattern are words without blanks or #");
    if (add_identity(all) != 0)
        return cli_fail();
    printf("%s: %s, %s on %s\n%s: the key, for %s alone\n", all[0], all[1], all[3], all[4], all[2], all[1]);
    return STATUS_DONE;
}
