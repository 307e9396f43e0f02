/* backend_lend.h: buffers that are lent from a receive until its reader is done with the bytes, so
 * that who waits for data holds none. The last one given back is lent first: it is warm. */
#ifndef CEDE_SRC_BACKEND_LEND_H
#define CEDE_SRC_BACKEND_LEND_H

#include "loop/backend.h"

struct cede__lender {
    void *free; /* linked through their first words */
    unsigned count;
};

/* Receives what is there into a buffer of the lender's; io->buf is then that. Returns the number of
 * bytes; with 0 or -errno (-EAGAIN: nothing is there; -ENOMEM) nothing is lent. */
ssize_t cede__lend_recv(struct cede__lender *lender, struct cede__io *io);
void cede__lend_give_back(struct cede__lender *lender, void *buf);
void cede__lend_close(struct cede__lender *lender);

#endif
