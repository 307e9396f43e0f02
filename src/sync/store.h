/* store.h: what a queue keeps its items in: a ring, used from one end or from both, or a heap. */
#ifndef CEDE_SRC_STORE_H
#define CEDE_SRC_STORE_H

#include <cede/queue.h>

struct cede__ranked;

struct cede__store {
    enum cede_queue_order order;
    int (*compare)(const void *a, const void *b);
    union {
        void **ring;
        struct cede__ranked *heap;
    };
    size_t head; /* of the ring: where the oldest is */
    size_t length;
    size_t room;
    uint64_t pushed; /* how many ever were: tells the heap which of equal items is older */
};

/* Makes room for that many items in all; 0 or -ENOMEM. */
int cede__store_reserve(struct cede__store *store, size_t room);

/* Adds an item, for which there is room. */
void cede__store_push(struct cede__store *store, void *item);

/* Takes the next item out of a store that has one. */
void *cede__store_pop(struct cede__store *store);

void cede__store_free(struct cede__store *store);

#endif
