/* cede/broadcast.h: values that go to everybody who listens, by copy, among tasks of one thread.
 *
 * A broadcast channel brings every value to every subscription, from when it began. It keeps the
 * last values, as many as its capacity; sending never waits, so who is slower than that misses the
 * oldest, and is told so.
 *
 *     cede_broadcast_subscribe(news, &subscription);
 *     while ((r = cede_broadcast_recv(subscription, &item)) != -EPIPE) {
 *         if (r == -EOVERFLOW)
 *             printf("missed %" PRIu64 "\n", cede_broadcast_missed(subscription));
 *         ...
 *
 * A watch channel has one value, the latest; who looks at it can wait for the next change, and sees
 * the newest value rather than each.
 *
 *     uint64_t version = 0;
 *
 *     while (cede_watch_wait(config, &version, &value) == 0)
 *         ...
 *
 * A receive that returns -ECANCELED has taken nothing.
 */
#ifndef CEDE_BROADCAST_H
#define CEDE_BROADCAST_H

#include <cede/base.h>
#include <cede/op.h>

CEDE_BEGIN_DECLS

typedef struct cede_broadcast cede_broadcast;
typedef struct cede_subscription cede_subscription;

/* Makes a broadcast channel for values of value_size bytes, of which it keeps the last `capacity`
 * (both at least 1), with one reference, which is the caller's. -EINVAL; -ENOMEM. Never blocks. */
CEDE_PUBLIC int cede_broadcast_new(cede_broadcast **ret_broadcast, size_t value_size,
                                   size_t capacity);

/* References, of which each subscription holds one. Both accept NULL; unref returns NULL. */
CEDE_PUBLIC cede_broadcast *cede_broadcast_ref(cede_broadcast *broadcast);
CEDE_PUBLIC cede_broadcast *cede_broadcast_unref(cede_broadcast *broadcast);

/* Sends a copy of *value to all subscriptions, and returns how many these are. -EPIPE: the channel
 * is closed. Never blocks; takes time in proportion to the subscriptions. */
CEDE_PUBLIC int cede_broadcast_send(cede_broadcast *broadcast, const void *value);

/* Says that nothing more will be sent. -EPIPE: it was closed before. Never blocks. */
CEDE_PUBLIC int cede_broadcast_close(cede_broadcast *broadcast);

/* Begins a subscription to all that is sent from now on. -ENOMEM. Never blocks. */
CEDE_PUBLIC int cede_broadcast_subscribe(cede_broadcast *broadcast,
                                         cede_subscription **ret_subscription);

/* Ends a subscription and frees it; accepts NULL. -EBUSY: a task waits in it, and it goes on. Never
 * blocks. */
CEDE_PUBLIC int cede_broadcast_unsubscribe(cede_subscription *subscription);

/* Receives the subscription's next value. Blocks until there is one; of several tasks that wait in
 * one subscription, each value goes to one. -EOVERFLOW: the next values were missed
 * (cede_broadcast_missed() of them), and the call after this one gets the oldest that is left;
 * -EPIPE: the channel is closed and nothing is left; -ECANCELED; -EPERM: no task runs here. */
CEDE_PUBLIC int cede_broadcast_recv(cede_subscription *subscription, void *ret_value);

/* The same without blocking. -EAGAIN: there is none. */
CEDE_PUBLIC int cede_broadcast_recv_nowait(cede_subscription *subscription, void *ret_value);

/* As an operation; results as above. */
CEDE_PUBLIC void cede_op_broadcast_recv(struct cede_op *op, cede_subscription *subscription,
                                        void *ret_value);

/* How many values the last -EOVERFLOW stood for; 0 before the first. Never blocks. */
CEDE_PUBLIC uint64_t cede_broadcast_missed(const cede_subscription *subscription);

typedef struct cede_watch cede_watch;

/* Makes a watch channel with a first value of value_size bytes (at least 1), whose version is 1,
 * and with one reference, which is the caller's. -EINVAL; -ENOMEM. Never blocks. */
CEDE_PUBLIC int cede_watch_new(cede_watch **ret_watch, size_t value_size, const void *value);

/* References. Both accept NULL; unref returns NULL. Who waits at a channel holds a reference. */
CEDE_PUBLIC cede_watch *cede_watch_ref(cede_watch *watch);
CEDE_PUBLIC cede_watch *cede_watch_unref(cede_watch *watch);

/* Sets the value, whose version is then one higher, also when it is the same. -EPIPE: the channel
 * is closed. Never blocks; takes time in proportion to the tasks that wait. */
CEDE_PUBLIC int cede_watch_set(cede_watch *watch, const void *value);

/* Says that the value will not change any more. -EPIPE: it was closed before. Never blocks. */
CEDE_PUBLIC int cede_watch_close(cede_watch *watch);

/* Copies the value, also of a closed channel, and returns its version. Never blocks. */
CEDE_PUBLIC uint64_t cede_watch_get(const cede_watch *watch, void *ret_value);

/* Waits until the value is newer than *version (0: than none), then copies it and sets *version.
 * -EPIPE: the channel is closed and nothing is newer; -ECANCELED; -EPERM: no task runs here. */
CEDE_PUBLIC int cede_watch_wait(cede_watch *watch, uint64_t *version, void *ret_value);

/* As an operation; results as above. *version is read and written while it is awaited. */
CEDE_PUBLIC void cede_op_watch(struct cede_op *op, cede_watch *watch, uint64_t *version,
                               void *ret_value);

CEDE_END_DECLS

#endif
