/* backend_common.h: what the backends that run on the kernel have in common. */
#ifndef CEDE_SRC_BACKEND_COMMON_H
#define CEDE_SRC_BACKEND_COMMON_H

#include "loop/backend.h"

/* A poll that is to wait longer returns after this time: at the far end of the clock's range, where
 * the kernel computes the time to wake at, some versions overflow. */
#define CEDE__WAIT_MAX (24 * 3600 * CEDE_SECOND)

/* What submit() returns for an operation that has ended at once. */
static inline bool cede__io_finish(struct cede__io *io, int result) {
    io->result = result;
    return true;
}

/* How long a poll until then may wait: 0, CEDE_FOREVER, or a time up to CEDE__WAIT_MAX. */
static inline uint64_t cede__time_until(uint64_t until) {
    uint64_t now;

    if (until == 0 || until == CEDE_FOREVER)
        return until;
    now = cede__kernel_linux.now();
    if (until <= now)
        return 0;
    return until - now < CEDE__WAIT_MAX ? until - now : CEDE__WAIT_MAX;
}

/* accept() and connect() have no flag that keeps them from blocking the loop's thread, so the fd
 * gets it. io_uring could do without; but a program is to find its fd the same whatever runs.
 * *known, the slot's, says that it is done. Of an fd that nobody watches that is not known: it may
 * be closed without a word, and its number be that of a blocking one. 0, or -EBADF. */
static inline int cede__io_unblock(const struct cede__io *io, bool watched, bool *known) {
    int r;

    if ((io->code != CEDE__IO_ACCEPT && io->code != CEDE__IO_CONNECT) || *known)
        return 0;
    r = cede__kernel_linux.set_nonblocking(io->fd);
    *known = r == 0 && watched;
    return r;
}

#endif
