/* task.h: calling a task on encoded arguments, and the names of tasks. Called by worker.c and crew.c. */
#ifndef ROOST_RUN_TASK_H
#define ROOST_RUN_TASK_H

#include "roost/pool.h"

/*
 * Calls task on the item at p (cells.h), which must stay until *result has been used. Returns what the task
 * returned; when that is not 0, *result is nil and roost_errmsg() says why.
 */
int roost__task_call(roost_task task, const uint8_t *p, bool star, roost_value *result);

enum { TASK_NAME_MAX = 128 };

/* The function's name from the program's symbol table, or its address when the program was stripped. */
void roost__task_name(roost_task task, char name[TASK_NAME_MAX]);

#endif
