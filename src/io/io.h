/* io.h: operations of the seam, awaited by a task. */
#ifndef CEDE_SRC_IO_H
#define CEDE_SRC_IO_H

#include "task/task.h"

/* An operation and the wait for it, on the waiting task's stack. */
struct cede__io_wait {
    struct cede__io io;
    struct cede_waiter waiter;
};

/* Runs the operation, which the caller has filled in but for `done`, and waits for its result.
 * `what` is what the task then waits for. Returns the result, or -ECANCELED, -EPERM. */
int cede__io_run(struct cede__io_wait *wait, const char *what);

/* Announces an fd to the loop (see backend.h); on failure the fd is closed. Returns fd or -errno.
 */
int cede__io_adopt(int fd);

/* Ends all that goes on with the fd and closes it. */
int cede__io_close(int fd);

#endif
