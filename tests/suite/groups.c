/* groups.c: all groups of cases, in the order in which they run: the last looks whether every row was called.
 */
#include "tests/suite/suite.h"

suite_group *const suite_groups[] = {suite_containers,  suite_nested,    suite_expiry,       suite_queues,
                                     suite_numbers,     suite_waitables, suite_deadlocks,    suite_locks,
                                     suite_keyed_locks, suite_cancel,    suite_transactions, suite_pages,
                                     suite_server};
const size_t suite_group_count = sizeof(suite_groups) / sizeof(suite_groups[0]);
