/* iter.h: what the pool and the executor need of iterators (iter.c). */
#ifndef ROOST_RUN_ITER_H
#define ROOST_RUN_ITER_H

#include "roost/pool.h"

/* After this moment the iterator gives ROOST_ETIMEDOUT. */
void roost__iter_set_deadline(roost_iter *it, int64_t deadline);

/* Has the calling thread an iterator with input left, so that a join would wait for itself? */
bool roost__iter_blocks_join(roost_pool *p);

#endif
