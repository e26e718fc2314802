/*
 * crc32c.h: the checksum CRC-32C (Castagnoli; RFC 3720, B.4): finds any burst of up to 32 wrong bits.
 *
 * Against accidents only: whoever can write the bytes can write the sum. Called by what is kept in files: the
 * saved state and the log.
 */
#ifndef ROOST_BASE_CRC32C_H
#define ROOST_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what `crc` is the sum of (0: of nothing), followed by n bytes. */
uint32_t roost__crc32c(uint32_t crc, const void *data, size_t n);

#endif
