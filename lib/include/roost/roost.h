/*
 * roost/roost.h: all of roost.
 */
#ifndef ROOST_ROOST_H
#define ROOST_ROOST_H

#include "roost/barrier.h"
#include "roost/call.h"
#include "roost/condition.h"
#include "roost/dict.h"
#include "roost/error.h"
#include "roost/event.h"
#include "roost/executor.h"
#include "roost/future.h"
#include "roost/list.h"
#include "roost/local/array.h"
#include "roost/local/barrier.h"
#include "roost/local/condition.h"
#include "roost/local/event.h"
#include "roost/local/lock.h"
#include "roost/local/pipe.h"
#include "roost/local/queue.h"
#include "roost/local/semaphore.h"
#include "roost/local/value.h"
#include "roost/lock.h"
#include "roost/manager.h"
#include "roost/namespace.h"
#include "roost/object.h"
#include "roost/pool.h"
#include "roost/process.h"
#include "roost/profile.h"
#include "roost/progress.h"
#include "roost/queue.h"
#include "roost/semaphore.h"
#include "roost/server.h"
#include "roost/set.h"
#include "roost/shared_array.h"
#include "roost/shared_value.h"
#include "roost/split.h"
#include "roost/thread.h"
#include "roost/value.h"

#endif
