/*
 * world.h: a world that stands still, so that an input does the same every time: the monotonic clock moves
 * when it is told to (and by a microsecond a look, so that nobody looks for ever), threads are not begun,
 * random numbers repeat, nothing is printed (unless LOUD is set, to look at one input).
 *
 * What it stands in front of is named to the linker (CMakeLists.txt: WORLD). Called by targets that run code
 * which touches the world.
 */
#ifndef ROOST_FUZZ_WORLD_H
#define ROOST_FUZZ_WORLD_H

#include <stdint.h>

/* Between the two it stands still; else everything is as ever. */
void world_begin(void);
void world_end(void);

void world_advance(int64_t us);

#endif
