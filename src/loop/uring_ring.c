/* uring_ring.c: opening the ring, or finding out why it does not run here. */
#include "loop/uring.h"

#include <errno.h>

#define SQ_ENTRIES 512
#define CQ_ENTRIES 4096

/* Every operation that the backend uses, asked of the kernel one by one. */
static int check_opcodes(struct io_uring *ring, const char **ret_why) {
    static const int needed[] = {IORING_OP_RECV,        IORING_OP_SEND,     IORING_OP_ACCEPT,
                                 IORING_OP_CONNECT,     IORING_OP_POLL_ADD, IORING_OP_READ,
                                 IORING_OP_ASYNC_CANCEL};
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    int r = 0;

    if (!probe) {
        *ret_why = "the kernel does not tell its io_uring operations";
        return -ENOSYS;
    }
    for (size_t i = 0; i < sizeof needed / sizeof *needed && r == 0; i++) {
        if (!io_uring_opcode_supported(probe, needed[i])) {
            *ret_why = "the kernel's io_uring lacks an operation that is needed";
            r = -ENOSYS;
        }
    }
    io_uring_free_probe(probe);
    return r;
}

static const char *why_not(int error) {
    switch (error) {
    case -ENOSYS:
        return "the kernel has no io_uring";
    case -EPERM:
    case -EACCES:
        return "io_uring is not permitted here (sysctl kernel.io_uring_disabled, or seccomp)";
    case -EINVAL:
        return "io_uring here is older than Linux 6.1";
    case -ENOMEM:
        return "io_uring finds no memory (see ulimit -l)";
    case -EMFILE:
    case -ENFILE:
        return "too many open files";
    default:
        return "io_uring cannot be set up";
    }
}

int cede__uring_open_ring(struct io_uring *ring, const char **ret_why) {
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CLAMP,
        .cq_entries = CQ_ENTRIES,
    };
    int r = io_uring_queue_init_params(SQ_ENTRIES, ring, &params);

    if (r < 0) {
        *ret_why = why_not(r);
        return r;
    }
    r = check_opcodes(ring, ret_why);
    if (r == 0 && !(params.features & IORING_FEAT_EXT_ARG)) {
        *ret_why = "the kernel's io_uring cannot wait with a timeout";
        r = -ENOSYS;
    }
    if (r < 0)
        io_uring_queue_exit(ring);
    return r;
}
