/*
 * hosts.h: a host of its own for each node of a cluster: a network namespace with one link to the other nodes
 * and one to the clients, and a small disk. Clients and the test are where the process is.
 */
#ifndef ROOST_TESTS_PROOF_HOSTS_H
#define ROOST_TESTS_PROOF_HOSTS_H

#include <stdbool.h>

enum link { TO_PEERS = 1, TO_CLIENTS = 2 };

/* Makes the hosts 1 to n, and lets cluster_make() put the nodes there; false: not permitted, or a program is
 * missing. Once a process, which has one thread. */
bool hosts_make(int n);
void hosts_end(void);

/* After cluster_make(), and before cluster_end(): the disks of nodes 1 to n. */
void hosts_mount(int n);
void hosts_unmount(int n);

/* Cuts links (a set) of a host: no packet goes either way, and nobody is told. Or joins them again. */
void hosts_cut(int id, int links, bool cut);

/* Fills a disk but for so many bytes. Or makes room again. */
void hosts_fill(int id, long long left);
void hosts_make_room(int id);

#endif
