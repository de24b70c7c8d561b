// The parts of Linux that Swift's Glibc module does not carry, and macros it cannot import.
#ifndef FAREBOX_CLINUX_H
#define FAREBOX_CLINUX_H

// No _GNU_SOURCE here: the structures must be those that Swift's own Glibc module sees.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

int farebox_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

// SIOCOUTQ: bytes in the send queue that the peer has not acknowledged; -1 on error.
int farebox_unacknowledged_bytes(int descriptor);

// TCP_INFO: 1 while neither side has finished, 0 in every other state, -1 on error.
int farebox_tcp_is_established(int descriptor);

// Pins the calling thread to one processor; 0 or an errno.
int farebox_pin_thread(int processor);


// Names the calling thread, at most 15 bytes, as top and ps show it; 0 or an errno.
int farebox_name_thread(const char *name);

#endif
