#ifndef FAREBOX_CSQLITE_H
#define FAREBOX_CSQLITE_H
#include <sqlite3.h>

/* sqlite3_config is variadic, which Swift cannot call. Statistics nobody reads take a lock at every allocation.
   Good only before the first connection of the process; SQLITE_MISUSE, and nothing changed, after it. */
static inline int farebox_sqlite3_omit_memory_statistics(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}
#endif
