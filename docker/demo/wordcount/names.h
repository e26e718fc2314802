/*
 * names.h: the objects by which the word count's programs meet.
 */
#ifndef ROOST_WORDCOUNT_NAMES_H
#define ROOST_WORDCOUNT_NAMES_H

#define QUEUE_JOBS   "jobs"
#define DICT_RESULTS "results"
#define DICT_WORKERS "workers"

#endif
