/* broadcast.c: broadcast channels.
 *
 * Values are numbered as they are sent; number n lies in the ring at n modulo the capacity until it
 * is overwritten. A subscription knows the number of its next value. Tasks wait in a subscription
 * only when it has had all that was sent, so a value goes straight to the first of them. */
#include "base/alloc.h"
#include "sync/line.h"

#include <cede/broadcast.h>
#include <errno.h>
#include <string.h>

struct cede_broadcast {
    size_t value_size;
    size_t capacity;
    uint64_t sent;
    struct cede_list subscriptions;
    int listeners;
    uint32_t refs;
    bool closed;
    unsigned char values[];
};

struct cede_subscription {
    cede_broadcast *broadcast;
    struct cede_list siblings;
    struct cede_line waiting;
    uint64_t next;
    uint64_t missed;
};

int cede_broadcast_new(cede_broadcast **ret_broadcast, size_t value_size, size_t capacity) {
    cede_broadcast *broadcast;
    size_t size;

    if (value_size == 0 || capacity == 0)
        return -EINVAL;
    if (__builtin_mul_overflow(value_size, capacity, &size) ||
        __builtin_add_overflow(size, sizeof *broadcast, &size))
        return -ENOMEM;
    broadcast = cede__alloc(size);
    if (!broadcast)
        return -ENOMEM;
    *broadcast = (cede_broadcast){.value_size = value_size, .capacity = capacity, .refs = 1};
    cede__list_init(&broadcast->subscriptions);
    *ret_broadcast = broadcast;
    return 0;
}

cede_broadcast *cede_broadcast_ref(cede_broadcast *broadcast) {
    if (broadcast)
        broadcast->refs++;
    return broadcast;
}

cede_broadcast *cede_broadcast_unref(cede_broadcast *broadcast) {
    if (broadcast && --broadcast->refs == 0)
        cede__free(broadcast);
    return NULL;
}

static void *place(cede_broadcast *broadcast, uint64_t number) {
    return broadcast->values + number % broadcast->capacity * broadcast->value_size;
}

int cede_broadcast_send(cede_broadcast *broadcast, const void *value) {
    if (broadcast->closed)
        return -EPIPE;
    memcpy(place(broadcast, broadcast->sent++), value, broadcast->value_size);
    cede__list_for_each(pos, next, &broadcast->subscriptions) {
        cede_subscription *subscription =
            cede__container_of(pos, struct cede_subscription, siblings);
        struct cede_op *op = cede__line_pop(&subscription->waiting);

        if (op) {
            memcpy(op->data, value, broadcast->value_size);
            subscription->next = broadcast->sent;
            cede_op_complete(op, 0);
        }
    }
    return broadcast->listeners;
}

int cede_broadcast_close(cede_broadcast *broadcast) {
    if (broadcast->closed)
        return -EPIPE;
    broadcast->closed = true;
    cede__list_for_each(pos, next, &broadcast->subscriptions)
        cede__line_end(&cede__container_of(pos, struct cede_subscription, siblings)->waiting,
                       -EPIPE);
    return 0;
}

int cede_broadcast_subscribe(cede_broadcast *broadcast, cede_subscription **ret_subscription) {
    cede_subscription *subscription = cede__alloc(sizeof *subscription);

    if (!subscription)
        return -ENOMEM;
    subscription->broadcast = cede_broadcast_ref(broadcast);
    cede__list_append(&broadcast->subscriptions, &subscription->siblings);
    broadcast->listeners++;
    cede__line_init(&subscription->waiting);
    subscription->next = broadcast->sent;
    subscription->missed = 0;
    *ret_subscription = subscription;
    return 0;
}

int cede_broadcast_unsubscribe(cede_subscription *subscription) {
    if (!subscription)
        return 0;
    if (subscription->waiting.length > 0)
        return -EBUSY;
    cede__list_remove(&subscription->siblings);
    subscription->broadcast->listeners--;
    cede_broadcast_unref(subscription->broadcast);
    cede__free(subscription);
    return 0;
}

int cede_broadcast_recv_nowait(cede_subscription *subscription, void *ret_value) {
    cede_broadcast *broadcast = subscription->broadcast;
    uint64_t behind = broadcast->sent - subscription->next;

    if (behind == 0)
        return broadcast->closed ? -EPIPE : -EAGAIN;
    if (behind > broadcast->capacity) {
        subscription->missed = behind - broadcast->capacity;
        subscription->next += subscription->missed;
        return -EOVERFLOW;
    }
    memcpy(ret_value, place(broadcast, subscription->next++), broadcast->value_size);
    return 0;
}

static bool recv_start(struct cede_op *op) {
    cede_subscription *subscription = op->source;

    op->result = cede_broadcast_recv_nowait(subscription, op->data);
    if (op->result != -EAGAIN)
        return true;
    cede__line_append(&subscription->waiting, op);
    return false;
}

static int recv_cancel(struct cede_op *op) {
    cede__line_remove(&((cede_subscription *)op->source)->waiting, op);
    return 0;
}

static const struct cede_op_kind recv_kind = {"a value of a broadcast", recv_start, recv_cancel};

void cede_op_broadcast_recv(struct cede_op *op, cede_subscription *subscription, void *ret_value) {
    cede_op_init(op, &recv_kind, subscription);
    op->data = ret_value;
}

int cede_broadcast_recv(cede_subscription *subscription, void *ret_value) {
    struct cede_op op;

    cede_op_broadcast_recv(&op, subscription, ret_value);
    return cede_op_wait(&op);
}

uint64_t cede_broadcast_missed(const cede_subscription *subscription) {
    return subscription->missed;
}
