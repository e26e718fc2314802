/* goals.h: what ratio a row is to reach, where one was set. */
#ifndef ROOST_BENCH_GOALS_H
#define ROOST_BENCH_GOALS_H

/* Theirs divided by ours; 0: no goal. Against a floor it is below 1: 0.4 allows two and a half times the
 * floor. */
double bench_goal(const char *row);

#endif
