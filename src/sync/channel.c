/* channel.c: channels.
 *
 * While receivers wait, the channel is empty; while senders wait, it is full (with capacity 0, it
 * is always both). So a sender looks for a receiver first and then for room; a receiver takes the
 * oldest value, and then the value of the sender that has waited longest moves into the room that
 * this made. Nobody who comes later finds that room, which is what keeps the order.
 *
 * What passes between two tasks is copied once, by the second of them to come, which then wakes the
 * first. An operation whose value was passed on is complete, and no cancel can undo that. */
#include "base/alloc.h"
#include "sync/line.h"
#include "task/task.h"

#include <cede/channel.h>
#include <errno.h>
#include <string.h>

struct cede_channel {
    size_t value_size;
    size_t capacity;
    size_t head; /* where the oldest value is */
    size_t length;
    struct cede_line senders;
    struct cede_line receivers;
    uint32_t refs;
    bool closed;
    unsigned char values[];
};

int cede_channel_new(cede_channel **ret_channel, size_t value_size, size_t capacity) {
    cede_channel *channel;
    size_t size;

    if (value_size == 0)
        return -EINVAL;
    if (__builtin_mul_overflow(value_size, capacity, &size) ||
        __builtin_add_overflow(size, sizeof *channel, &size))
        return -ENOMEM;
    channel = cede__alloc(size);
    if (!channel)
        return -ENOMEM;
    memset(channel, 0, sizeof *channel);
    channel->value_size = value_size;
    channel->capacity = capacity;
    channel->refs = 1;
    cede__line_init(&channel->senders);
    cede__line_init(&channel->receivers);
    *ret_channel = channel;
    return 0;
}

cede_channel *cede_channel_ref(cede_channel *channel) {
    if (channel)
        channel->refs++;
    return channel;
}

cede_channel *cede_channel_unref(cede_channel *channel) {
    if (!channel || --channel->refs > 0)
        return NULL;
    if (channel->senders.length > 0 || channel->receivers.length > 0)
        cede__panic("cede_channel_unref: the last reference is gone, and a task waits");
    cede__free(channel);
    return NULL;
}

static inline void copy(const cede_channel *channel, void *to, const void *from) {
    if (channel->value_size == sizeof(void *))
        memcpy(to, from, sizeof(void *)); /* what most channels carry, without a call */
    else
        memcpy(to, from, channel->value_size);
}

static void append(cede_channel *channel, const void *value) {
    size_t place = channel->head + channel->length;

    if (place >= channel->capacity)
        place -= channel->capacity;
    copy(channel, channel->values + place * channel->value_size, value);
    channel->length++;
}

static void take(cede_channel *channel, void *ret_value) {
    copy(channel, ret_value, channel->values + channel->head * channel->value_size);
    if (++channel->head == channel->capacity)
        channel->head = 0;
    channel->length--;
}

/* Sends without waiting, or returns -EAGAIN. own: the operation that does this, or NULL. */
static int try_send(cede_channel *channel, const void *value, const struct cede_op *own) {
    struct cede_op *receiver;

    if (channel->closed)
        return -EPIPE;
    receiver = cede__line_pop_other(&channel->receivers, own);
    if (receiver) {
        copy(channel, receiver->data, value);
        cede_op_complete(receiver, 0);
        return 0;
    }
    if (channel->length == channel->capacity)
        return -EAGAIN;
    append(channel, value);
    return 0;
}

static int try_recv(cede_channel *channel, void *ret_value, const struct cede_op *own) {
    struct cede_op *sender;
    bool buffered = channel->length > 0;

    if (buffered)
        take(channel, ret_value);
    sender = cede__line_pop_other(&channel->senders, own);
    if (!sender)
        return buffered ? 0 : channel->closed ? -EPIPE : -EAGAIN;
    if (buffered)
        append(channel, sender->data);
    else
        copy(channel, ret_value, sender->data);
    cede_op_complete(sender, 0);
    return 0;
}

int cede_channel_send_nowait(cede_channel *channel, const void *value) {
    return try_send(channel, value, NULL);
}

int cede_channel_recv_nowait(cede_channel *channel, void *ret_value) {
    return try_recv(channel, ret_value, NULL);
}

static bool send_start(struct cede_op *op) {
    cede_channel *channel = op->source;

    op->result = try_send(channel, op->data, op);
    if (op->result != -EAGAIN)
        return true;
    cede__line_append(&channel->senders, op);
    return false;
}

static int send_cancel(struct cede_op *op) {
    cede__line_remove(&((cede_channel *)op->source)->senders, op);
    return 0;
}

static bool recv_start(struct cede_op *op) {
    cede_channel *channel = op->source;

    op->result = try_recv(channel, op->data, op);
    if (op->result != -EAGAIN)
        return true;
    cede__line_append(&channel->receivers, op);
    return false;
}

static int recv_cancel(struct cede_op *op) {
    cede__line_remove(&((cede_channel *)op->source)->receivers, op);
    return 0;
}

static const struct cede_op_kind send_kind = {"room in a channel", send_start, send_cancel};
static const struct cede_op_kind recv_kind = {"a value of a channel", recv_start, recv_cancel};

void cede_op_channel_send(struct cede_op *op, cede_channel *channel, const void *value) {
    cede_op_init(op, &send_kind, channel);
    op->data = (void *)value; /* only read */
}

void cede_op_channel_recv(struct cede_op *op, cede_channel *channel, void *ret_value) {
    cede_op_init(op, &recv_kind, channel);
    op->data = ret_value;
}

/* Both calls do what awaiting the operation does; what need not wait is spared the operation. */
int cede_channel_send(cede_channel *channel, const void *value) {
    struct cede_task *task;
    struct cede_op op;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    r = try_send(channel, value, NULL);
    if (r != -EAGAIN) {
        cede__charge(task);
        return r;
    }
    cede_op_channel_send(&op, channel, value);
    return cede_op_wait(&op);
}

int cede_channel_recv(cede_channel *channel, void *ret_value) {
    struct cede_task *task;
    struct cede_op op;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    r = try_recv(channel, ret_value, NULL);
    if (r != -EAGAIN) {
        cede__charge(task);
        return r;
    }
    cede_op_channel_recv(&op, channel, ret_value);
    return cede_op_wait(&op);
}

int cede_channel_close(cede_channel *channel) {
    if (channel->closed)
        return -EPIPE;
    channel->closed = true;
    cede__line_end(&channel->senders, -EPIPE);
    cede__line_end(&channel->receivers, -EPIPE);
    return 0;
}

void cede_channel_stat(const cede_channel *channel, struct cede_channel_stats *ret_stats) {
    *ret_stats = (struct cede_channel_stats){
        .length = channel->length,
        .capacity = channel->capacity,
        .senders = channel->senders.length,
        .receivers = channel->receivers.length,
        .closed = channel->closed,
    };
}
