#include "loop/backend_lend.h"

#include "base/alloc.h"

#include <errno.h>

#define BUFFER_SIZE ((size_t)16384)
/* So many stay for the next readers. */
#define KEPT 16

static void *take(struct cede__lender *lender) {
    void *buf = lender->free;

    if (!buf)
        return cede__alloc(BUFFER_SIZE);
    lender->free = *(void **)buf;
    lender->count--;
    return buf;
}

ssize_t cede__lend_recv(struct cede__lender *lender, struct cede__io *io) {
    void *buf = take(lender);
    ssize_t n;

    if (!buf)
        return -ENOMEM;
    io->len = BUFFER_SIZE;
    n = recv(io->fd, buf, io->len, io->flags | MSG_DONTWAIT);
    if (n > 0) {
        io->buf = buf;
        return n;
    }
    n = n < 0 ? -errno : 0;
    cede__lend_give_back(lender, buf);
    return n;
}

void cede__lend_give_back(struct cede__lender *lender, void *buf) {
    if (lender->count >= KEPT) {
        cede__free(buf);
        return;
    }
    *(void **)buf = lender->free;
    lender->free = buf;
    lender->count++;
}

void cede__lend_close(struct cede__lender *lender) {
    while (lender->free) {
        void *buf = lender->free;

        lender->free = *(void **)buf;
        cede__free(buf);
    }
    lender->count = 0;
}
