/*
 * farm.h: the objects by which the farm's programs meet, and the rule that keeps its books.
 *
 * The queue counts unfinished tasks: one for each tile put, less one for each task_done. A tile's result is
 * stored by one transaction: *if there is none yet*, store it and say task_done. A tile that died with its
 * worker is put once more, and the put before is said to be done. So whoever joins the queue waits until
 * every tile has its result, whatever was done twice or by whom.
 */
#ifndef ROOST_RENDER_FARM_H
#define ROOST_RENDER_FARM_H

#define QUEUE_TILES  "tiles"   /* numbers of tiles to be rendered */
#define DICT_RESULTS "results" /* number of a tile: its pixels */
#define LIST_WORKERS "workers" /* [name, reference to a lock that the worker holds while it lives] */

#endif
