#ifndef FAREBOX_CSQLITE_H
#define FAREBOX_CSQLITE_H
#include <sqlite3.h>
#endif
