/* offload.h: the end of a run's pool of threads. */
#ifndef CEDE_SRC_TASK_OFFLOAD_H
#define CEDE_SRC_TASK_OFFLOAD_H

#include "task/task.h"

/* How long a thread waits for work before it ends. A test shortens it, before the first thread. */
extern uint64_t cede__offload_idle_ns;

/* Joins all threads, which may wait for abandoned functions; no task may be left. The loop has to
 * be closed next, without another pass. Accepts NULL. */
void cede__pool_close(struct cede__pool *pool);

#endif
