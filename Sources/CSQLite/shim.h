#ifndef FAREBOX_CSQLITE_H
#define FAREBOX_CSQLITE_H
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/* sqlite3_config is variadic, which Swift cannot call. Statistics nobody reads take a lock at every allocation.
   Good only before the first connection of the process; SQLITE_MISUSE, and nothing changed, after it. */
static inline int farebox_sqlite3_omit_memory_statistics(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* The running checksum of a write-ahead log (SQLite's file format, 4.2) over `words` 32-bit words, an even number. */
static inline void farebox_sqlite3_log_checksum(
    const uint32_t *data, size_t words, int bigEndian, uint32_t *first, uint32_t *second) {
    uint32_t one = *first, two = *second;
    for (size_t at = 0; at < words; at += 2) {
        uint32_t left = bigEndian ? __builtin_bswap32(data[at]) : data[at];
        uint32_t right = bigEndian ? __builtin_bswap32(data[at + 1]) : data[at + 1];
        one += left + two;
        two += right + one;
    }
    *first = one;
    *second = two;
}
#endif
