/*
 * pingpong.h: the floor of shared memory: what two processes need to exchange 48 bytes through it with the
 * policy of looking and sleeping that roost has, and nothing else done. Slots of struct row.
 */
#ifndef ROOST_BENCH_PINGPONG_H
#define ROOST_BENCH_PINGPONG_H

int bench_pingpong_begin(void);
double bench_pingpong(int n);
void bench_pingpong_end(void);

#endif
