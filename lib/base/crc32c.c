/* crc32c.c: eight bytes at a time by eight tables, made by the first who asks; see crc32c.h. */
#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>

enum { TABLES = 8 };

static uint32_t tables[TABLES][256];

static void make_tables(void)
{
    const uint32_t polynomial = 0x82f63b78; /* reflected */
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
        tables[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < TABLES; k++)
            tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 0xff];
}

static uint32_t eight_bytes(uint32_t crc, const uint8_t *p)
{
    crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return tables[7][crc & 0xff] ^ tables[6][crc >> 8 & 0xff] ^ tables[5][crc >> 16 & 0xff] ^
           tables[4][crc >> 24] ^ tables[3][p[4]] ^ tables[2][p[5]] ^ tables[1][p[6]] ^ tables[0][p[7]];
}

uint32_t roost__crc32c(uint32_t crc, const void *data, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const uint8_t *p = data;
    pthread_once(&once, make_tables);
    crc = ~crc;
    for (; n >= TABLES; n -= TABLES, p += TABLES)
        crc = eight_bytes(crc, p);
    for (; n > 0; n--)
        crc = crc >> 8 ^ tables[0][(crc ^ *p++) & 0xff];
    return ~crc;
}
