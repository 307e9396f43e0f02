/* offload.c: a pool of threads for functions that block, one pool for each run.
 *
 * The operation on the waiting stack is all there is to a job. It is in one of these phases, which
 * change under the pool's lock:
 *
 *     QUEUED --a worker is free--> RUNNING --fn returned--> DONE --the loop's post--> completed
 *
 * A cancel takes a queued one out of the queue. From a running one it cuts the worker off, if that
 * is wanted, which then finds nobody to give its result to; else it comes too late, as it does for
 * one that is done, and the completion is awaited. So a worker looks at an operation only under the
 * lock, and not at all once it is cut off.
 *
 * A job that runs or is queued holds the loop. Workers tell the loop by one post, the pool's own,
 * so that nothing has to be allocated: `posted` says that it is on its way.
 *
 * A worker that ends stands in `ended` until the loop has joined its thread. Closing the pool
 * comes after the last task, so the queues are empty then; abandoned functions are waited for.
 */
#include "task/offload.h"

#include "base/alloc.h"

#include <cede/offload.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#define LANES (CEDE_OFFLOAD_NAMES + 1)

uint64_t cede__offload_idle_ns = 10 * CEDE_SECOND;

static const unsigned limits[LANES] = {
    [CEDE_OFFLOAD_USER] = 16, [CEDE_OFFLOAD_FILES] = 8, [CEDE_OFFLOAD_NAMES] = 4};

/* The threads and the queue of one class of work. */
struct lane {
    struct cede__pool *pool;
    pthread_cond_t wanted;
    struct cede_list queue;
    unsigned queued, threads, idle, limit;
};

struct cede__pool {
    struct cede__post post; /* first: it may outlive the rest, see cede__pool_close() */
    struct cede_loop *loop;
    pthread_mutex_t lock;
    struct lane lanes[LANES];
    struct cede_list done;
    struct cede_list workers, ended;
    bool posted, closing;
};

struct worker {
    struct cede_list link;
    struct lane *lane;
    struct cede_op *op; /* whose function runs; NULL: none, or it was abandoned */
    pthread_t thread;
};

enum phase { QUEUED, RUNNING, DONE };

/* In op->room; what it calls fn with is in op->source. */
struct job {
    cede_offload_fn fn;
    void (*release)(void *arg);
    struct cede__pool *pool;
    struct worker *worker;
    uint32_t class_of_work;
    int result;
    uint8_t phase;
    bool abandon;
};

_Static_assert(sizeof(struct job) <= sizeof(((struct cede_op *)0)->room), "a job fits");

static struct job *job_of(struct cede_op *op) {
    return (struct job *)op->room;
}

static void release(void (*fn)(void *arg), void *arg) {
    if (fn)
        fn(arg);
}

/* --- In the pool's threads ------------------------------------------------------------------- */

/* With the lock held. */
static void tell_loop(struct cede__pool *pool) {
    if (pool->posted || pool->closing)
        return;
    pool->posted = true;
    cede__post_push(pool->loop, &pool->post);
}

/* Waits for work; NULL: it is time to end. With the lock held. */
static struct cede_op *next_op(struct lane *lane) {
    struct cede__pool *pool = lane->pool;
    uint64_t until = pool->loop->kernel->now() + cede__offload_idle_ns;
    struct timespec ts = {(time_t)(until / CEDE_SECOND), (long)(until % CEDE_SECOND)};
    struct cede_op *op;
    int r = 0;

    lane->idle++;
    while (lane->queued == 0 && !pool->closing && r == 0)
        r = pthread_cond_timedwait(&lane->wanted, &pool->lock, &ts);
    lane->idle--;
    if (lane->queued == 0)
        return NULL;
    op = cede__list_first(&lane->queue, struct cede_op, link);
    cede__list_remove(&op->link);
    lane->queued--;
    return op;
}

/* Calls the function, without the lock. */
static void run_op(struct worker *worker, struct cede_op *op) {
    struct cede__pool *pool = worker->lane->pool;
    struct job *job = job_of(op), copy;
    void *arg = op->source;
    int result;

    job->phase = RUNNING;
    job->worker = worker;
    worker->op = op;
    copy = *job;
    pthread_mutex_unlock(&pool->lock);
    result = copy.fn(arg);
    release(copy.release, arg);
    pthread_mutex_lock(&pool->lock);
    if (!worker->op)
        return;
    worker->op = NULL;
    job->phase = DONE;
    job->result = result;
    cede__list_append(&pool->done, &op->link);
    tell_loop(pool);
}

static void *work(void *arg) {
    struct worker *worker = arg;
    struct lane *lane = worker->lane;
    struct cede__pool *pool = lane->pool;
    struct cede_op *op;

    pthread_mutex_lock(&pool->lock);
    while ((op = next_op(lane)))
        run_op(worker, op);
    lane->threads--;
    if (!pool->closing) {
        cede__list_remove(&worker->link);
        cede__list_append(&pool->ended, &worker->link);
        tell_loop(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* --- In the loop's thread -------------------------------------------------------------------- */

static void join_all(struct cede_list *workers) {
    while (!cede__list_empty(workers)) {
        struct worker *worker = cede__list_first(workers, struct worker, link);

        cede__list_remove(&worker->link);
        CEDE_ASSERT(pthread_join(worker->thread, NULL) == 0);
        cede__free(worker);
    }
}

/* The pool's post. */
static void collect(void *arg) {
    struct cede__pool *pool = arg;
    struct cede_list done, ended;

    cede__list_init(&done);
    cede__list_init(&ended);
    pthread_mutex_lock(&pool->lock);
    pool->posted = false;
    cede__list_splice(&done, &pool->done);
    cede__list_splice(&ended, &pool->ended);
    pthread_mutex_unlock(&pool->lock);
    while (!cede__list_empty(&done)) {
        struct cede_op *op = cede__list_first(&done, struct cede_op, link);

        cede__list_remove(&op->link);
        cede_loop_release(pool->loop);
        cede_op_complete(op, job_of(op)->result);
    }
    join_all(&ended);
}

/* Signals are for the program's own threads; a fault is reported where it happens. */
static int create_thread(struct worker *worker) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    sigset_t blocked, before;
    int error;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    error = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

/* With the lock held, for which the new thread has to wait: so its id is there before it ends. */
static int add_worker(struct lane *lane) {
    struct worker *worker = cede__alloc_zero(sizeof *worker);
    int r;

    if (!worker)
        return -ENOMEM;
    worker->lane = lane;
    r = create_thread(worker);
    if (r < 0) {
        cede__free(worker);
        return r;
    }
    cede__list_append(&lane->pool->workers, &worker->link);
    lane->threads++;
    return 0;
}

static void init_lanes(struct cede__pool *pool) {
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    for (size_t i = 0; i < LANES; i++) {
        pool->lanes[i].pool = pool;
        pool->lanes[i].limit = limits[i];
        cede__list_init(&pool->lanes[i].queue);
        pthread_cond_init(&pool->lanes[i].wanted, &attr);
    }
    pthread_condattr_destroy(&attr);
}

static struct cede__pool *pool_of(struct cede__tasks *tasks) {
    struct cede__pool *pool = tasks->pool;

    if (pool)
        return pool;
    pool = cede__alloc_zero(sizeof *pool);
    if (!pool)
        return NULL;
    pool->post = (struct cede__post){.fn = collect, .arg = pool, .lasting = true};
    pool->loop = tasks->loop;
    pthread_mutex_init(&pool->lock, NULL);
    init_lanes(pool);
    cede__list_init(&pool->done);
    cede__list_init(&pool->workers);
    cede__list_init(&pool->ended);
    tasks->pool = pool;
    return pool;
}

/* A thread may be on its way to what is queued already, so idle ones are counted against all that
 * is queued. Without a thread more the job waits for one that there is. */
static int enqueue(struct lane *lane, struct cede_op *op) {
    int r = 0;

    pthread_mutex_lock(&lane->pool->lock);
    if (lane->queued >= lane->idle && lane->threads < lane->limit)
        r = add_worker(lane);
    if (lane->threads > 0) {
        job_of(op)->phase = QUEUED;
        cede__list_append(&lane->queue, &op->link);
        lane->queued++;
        pthread_cond_signal(&lane->wanted);
        r = 0;
    }
    pthread_mutex_unlock(&lane->pool->lock);
    return r;
}

static int submit(struct cede_op *op) {
    struct job *job = job_of(op);

    if (!job->fn || job->class_of_work >= LANES)
        return -EINVAL;
    job->pool = pool_of(op->task->home);
    return job->pool ? enqueue(&job->pool->lanes[job->class_of_work], op) : -ENOMEM;
}

static bool start(struct cede_op *op) {
    op->result = submit(op);
    if (op->result < 0) {
        release(job_of(op)->release, op->source);
        return true;
    }
    cede_loop_hold(job_of(op)->pool->loop);
    return false;
}

static int withdraw(struct cede_op *op) {
    struct job *job = job_of(op);

    if (job->phase == QUEUED) {
        cede__list_remove(&op->link);
        job->pool->lanes[job->class_of_work].queued--;
        return 0;
    }
    if (job->phase == DONE || !job->abandon)
        return -EINPROGRESS;
    job->worker->op = NULL;
    return 0;
}

static int cancel(struct cede_op *op) {
    struct job *job = job_of(op);
    bool queued;
    int r;

    pthread_mutex_lock(&job->pool->lock);
    queued = job->phase == QUEUED;
    r = withdraw(op);
    pthread_mutex_unlock(&job->pool->lock);
    if (r == 0)
        cede_loop_release(job->pool->loop);
    if (queued)
        release(job->release, op->source);
    return r;
}

static const struct cede_op_kind offload_kind = {"a function in a thread", start, cancel};

void cede_op_offload(struct cede_op *op, cede_offload_fn fn, void *arg,
                     const struct cede_offload_options *options) {
    struct job *job = job_of(op);

    cede_op_init(op, &offload_kind, arg);
    *job = (struct job){.fn = fn};
    if (options) {
        job->class_of_work = options->class_of_work;
        job->abandon = options->abandon;
        job->release = options->release;
    }
}

int cede_offload_with(cede_offload_fn fn, void *arg, const struct cede_offload_options *options) {
    struct cede_op op;
    int r;

    cede_op_offload(&op, fn, arg, options);
    r = cede_op_wait(&op);
    if (!op.task) /* it was refused before it was started */
        release(job_of(&op)->release, arg);
    return r;
}

int cede_offload(cede_offload_fn fn, void *arg) {
    return cede_offload_with(fn, arg, NULL);
}

/* A post of workers that ended may still be on its way. It then owns the memory, and is freed like
 * any other post, by the loop's close at the latest. */
void cede__pool_close(struct cede__pool *pool) {
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    for (size_t i = 0; i < LANES; i++)
        pthread_cond_broadcast(&pool->lanes[i].wanted);
    pthread_mutex_unlock(&pool->lock);
    join_all(&pool->workers);
    join_all(&pool->ended);
    for (size_t i = 0; i < LANES; i++)
        pthread_cond_destroy(&pool->lanes[i].wanted);
    pthread_mutex_destroy(&pool->lock);
    pool->post.lasting = false;
    if (!pool->posted)
        cede__free(pool);
}
