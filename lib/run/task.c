/* task.c: calling tasks; see task.h. */
#include "run/task.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "run/cells.h"

enum { FEW_ARGS = 16 };

int roost_task_fail(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return roost__fail(ROOST_ETASK, "%s", text);
}

static void free_values(roost_value *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        roost_value_free(&v[i]);
}

static int call(roost_task task, const roost_value *v, uint32_t n, roost_value *result)
{
    roost_value args = roost_array(v, n);
    roost__clear_error();
    *result = roost_nil();
    int rc = task(&args, result);
    if (rc == 0)
        return 0;
    roost_value_free(result);
    if (roost_errcode() == ROOST_OK)
        roost__fail(ROOST_ETASK, "returned %d", rc);
    return rc;
}

/* A scalar is used where it lies. */
static int call_flat(roost_task task, const roost_value *v, roost_value *result)
{
    int rc = call(task, v, 1, result);
    bool borrows_here = result->kind == ROOST_ARRAY || result->kind == ROOST_MAP;
    return rc == ROOST_OK && borrows_here ? roost__value_settle(*result, result) : rc;
}

static int call_star(roost_task task, const uint8_t *p, roost_value *result)
{
    roost_value head, few[FEW_ARGS];
    memcpy(&head, p, sizeof(head));
    roost_value *v = head.len <= FEW_ARGS ? few : malloc(head.len * sizeof(*v));
    few[0] = roost_nil(); /* there may be no arguments */
    if (v == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for %u arguments", head.len);
    int rc = ROOST_OK;
    uint32_t n = 0;
    p += sizeof(head);
    for (; n < head.len && rc == ROOST_OK; p = roost__cell_end(p)) {
        rc = roost__cell_borrow(p, &v[n]);
        n += rc == ROOST_OK;
    }
    if (rc == ROOST_OK)
        rc = call(task, v, n, result);
    if (rc == ROOST_OK && result->block == NULL && !is_scalar(result))
        rc = roost__value_settle(*result, result); /* it may borrow from an argument's block */
    free_values(v, n);
    if (v != few)
        free(v);
    return rc;
}

int roost__task_call(roost_task task, const uint8_t *p, bool star, roost_value *result)
{
    if (star)
        return call_star(task, p, result);
    if (is_scalar(cell_at(p)))
        return call_flat(task, cell_at(p), result);
    roost_value v;
    int rc = roost__cell_borrow(p, &v);
    if (rc == ROOST_OK)
        rc = call(task, &v, 1, result);
    bool borrows_here = result->kind == ROOST_ARRAY || result->kind == ROOST_MAP || v.block != NULL;
    if (rc == ROOST_OK && borrows_here)
        rc = roost__value_settle(*result, result);
    roost_value_free(&v);
    return rc;
}

/* ---- names ---- */

/* The name of the function at `address` (as the file counts) in a mapped ELF file, or NULL. */
static const char *find_symbol(const uint8_t *file, size_t len, uint64_t address)
{
    const ElfW(Ehdr) *head = (const void *)file;
    if (len < sizeof(*head) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_shoff + (uint64_t)head->e_shnum * sizeof(ElfW(Shdr)) > len)
        return NULL;
    const ElfW(Shdr) *sections = (const void *)(file + head->e_shoff);
    for (int i = 0; i < head->e_shnum; i++) {
        const ElfW(Shdr) *s = &sections[i];
        if (s->sh_type != SHT_SYMTAB || s->sh_link >= head->e_shnum || s->sh_offset + s->sh_size > len)
            continue;
        const ElfW(Shdr) *names = &sections[s->sh_link];
        const ElfW(Sym) *symbols = (const void *)(file + s->sh_offset);
        for (size_t k = 0; k < s->sh_size / sizeof(*symbols); k++)
            if (symbols[k].st_value == address && ELF64_ST_TYPE(symbols[k].st_info) == STT_FUNC &&
                symbols[k].st_name < names->sh_size && names->sh_offset + names->sh_size <= len)
                return (const char *)file + names->sh_offset + symbols[k].st_name;
    }
    return NULL;
}

static bool name_from_file(const char *path, uint64_t address, char name[TASK_NAME_MAX])
{
    struct stat st;
    bool found = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        size_t len = (size_t)st.st_size;
        void *file = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
        if (file != MAP_FAILED) {
            const char *symbol = find_symbol(file, len, address);
            found = symbol != NULL;
            if (found)
                snprintf(name, TASK_NAME_MAX, "%s", symbol);
            munmap(file, len);
        }
    }
    close(fd);
    return found;
}

void roost__task_name(roost_task task, char name[TASK_NAME_MAX])
{
    Dl_info info;
    struct link_map *map = NULL;
    void *address;
    memcpy(&address, &task, sizeof(address));
    if (dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) != 0) {
        if (info.dli_sname != NULL && info.dli_saddr == address) {
            snprintf(name, TASK_NAME_MAX, "%s", info.dli_sname);
            return;
        }
        const char *path = map->l_name[0] != '\0' ? map->l_name : "/proc/self/exe";
        if (name_from_file(path, (uint64_t)(uintptr_t)address - map->l_addr, name))
            return;
    }
    snprintf(name, TASK_NAME_MAX, "%p", address);
}
