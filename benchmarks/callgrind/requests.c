/* What a program that runs under callgrind asks of it. Without valgrind each is a few instructions that do nothing. */

#include <valgrind/callgrind.h>

void start(void) { CALLGRIND_START_INSTRUMENTATION; }

/* Whether there is anyone to ask. */
int listens(void) { return RUNNING_ON_VALGRIND != 0; }

/* Counts since the last dump, into a file of their own that bears this name. */
void dump(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }
