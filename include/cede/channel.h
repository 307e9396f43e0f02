/* cede/channel.h: channels, through which tasks of one thread pass values by copy.
 *
 *     cede_channel *lines;
 *     struct line line;
 *
 *     cede_channel_new(&lines, sizeof(struct line), 0);
 *     ...
 *     while (cede_channel_recv(lines, &line) == 0)    // in one task
 *         ...
 *     r = cede_channel_send(lines, &line);            // in another
 *
 * A channel has any number of senders and receivers; each value goes to one receiver, in the order
 * of the sends, and who has waited longest is served first. A channel of capacity 0 is a
 * rendezvous: the sender waits until its value was received, and the value is copied from the
 * sender's memory to the receiver's. Otherwise as many values as the capacity wait in the channel.
 *
 * Nothing is lost or doubled by a cancel: a call that returns -ECANCELED has not sent or received.
 */
#ifndef CEDE_CHANNEL_H
#define CEDE_CHANNEL_H

#include <cede/base.h>
#include <cede/op.h>

CEDE_BEGIN_DECLS

typedef struct cede_channel cede_channel;

/* Makes a channel for values of value_size bytes (at least 1), with one reference, which is the
 * caller's. All its memory is taken here. -EINVAL: value_size is 0; -ENOMEM. Never blocks. */
CEDE_PUBLIC int cede_channel_new(cede_channel **ret_channel, size_t value_size, size_t capacity);

/* References. Both accept NULL; unref returns NULL, and with the last reference the channel goes
 * and the values in it. Who waits at a channel holds a reference. */
CEDE_PUBLIC cede_channel *cede_channel_ref(cede_channel *channel);
CEDE_PUBLIC cede_channel *cede_channel_unref(cede_channel *channel);

/* Sends a copy of *value. Blocks until it was received (capacity 0) or there is room for it.
 * -EPIPE: the channel is closed, and the value was not sent; -ECANCELED; -EPERM: no task runs here.
 */
CEDE_PUBLIC int cede_channel_send(cede_channel *channel, const void *value);

/* Receives a value into *ret_value. Blocks until there is one. -EPIPE: the channel is closed and no
 * value is left; -ECANCELED; -EPERM: no task runs here. */
CEDE_PUBLIC int cede_channel_recv(cede_channel *channel, void *ret_value);

/* The same without blocking. -EAGAIN: there is no room and nobody who receives, or no value. May be
 * called from callbacks of the loop, too. */
CEDE_PUBLIC int cede_channel_send_nowait(cede_channel *channel, const void *value);
CEDE_PUBLIC int cede_channel_recv_nowait(cede_channel *channel, void *ret_value);

/* As operations; results as above. The value is read or written while the operation is awaited. A
 * set may hold both ends of one channel, which do not meet each other. */
CEDE_PUBLIC void cede_op_channel_send(struct cede_op *op, cede_channel *channel, const void *value);
CEDE_PUBLIC void cede_op_channel_recv(struct cede_op *op, cede_channel *channel, void *ret_value);

/* Says that nothing more will be sent. Receivers get what is in the channel, then -EPIPE; senders
 * that wait get -EPIPE. -EPIPE: it was closed before. Never blocks. */
CEDE_PUBLIC int cede_channel_close(cede_channel *channel);

struct cede_channel_stats {
    size_t length; /* values in the channel */
    size_t capacity;
    size_t senders; /* that wait */
    size_t receivers;
    bool closed;
};

/* What is going on in the channel now. Never blocks. */
CEDE_PUBLIC void cede_channel_stat(const cede_channel *channel,
                                   struct cede_channel_stats *ret_stats);

CEDE_END_DECLS

#endif
