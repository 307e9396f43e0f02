/* uring_request.c: how requests come to the kernel.
 *
 * A request names its fd by number, and the kernel looks the number up when the request is
 * submitted. So an fd with a request that is prepared but not submitted must not be closed:
 * cede__uring_flush() submits first (the slot's `batch` says whether it has to), and what the
 * kernel does not take even then loses its fd.
 */
#include "loop/uring.h"

/* What a failing call (out of memory, say) leaves behind is submitted again by the next one. */
void cede__uring_submitted(struct cede__backend *backend) {
    if (io_uring_sq_ready(&backend->ring) == 0)
        backend->batch++;
}

/* Lets the kernel also finish what it can: that frees what a new request may need. The completions
 * stay in their ring for the next poll. */
static void submit_now(struct cede__backend *backend) {
    io_uring_submit_and_get_events(&backend->ring);
    cede__uring_submitted(backend);
}

struct io_uring_sqe *cede__uring_prepare(struct cede__backend *backend,
                                         struct cede__uring_slot *slot) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&backend->ring);

    while (!sqe) {
        submit_now(backend);
        sqe = io_uring_get_sqe(&backend->ring);
        if (!sqe)
            cede__kernel_linux.yield();
    }
    if (slot)
        slot->batch = backend->batch;
    return sqe;
}

void cede__uring_cancel(struct cede__backend *backend, uint64_t user_data) {
    struct io_uring_sqe *sqe = cede__uring_prepare(backend, NULL);

    io_uring_prep_cancel64(sqe, user_data, 0);
    io_uring_sqe_set_data64(sqe, URING_TAG_CANCEL);
}

/* Whatever has that number by the time when the kernel takes these requests, it is not their fd. */
static void blind_requests(struct cede__backend *backend, int fd) {
    struct io_uring_sq *sq = &backend->ring.sq;

    for (unsigned i = io_uring_smp_load_acquire(sq->khead); i != sq->sqe_tail; i++) {
        struct io_uring_sqe *sqe = &sq->sqes[i & sq->ring_mask];

        if (sqe->fd == fd)
            sqe->fd = -1;
    }
}

void cede__uring_flush(struct cede__backend *backend, const struct cede__uring_slot *slot, int fd,
                       bool now) {
    if (now || slot->batch == backend->batch)
        submit_now(backend);
    if (slot->batch == backend->batch)
        blind_requests(backend, fd);
}
