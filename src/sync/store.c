#include "sync/store.h"

#include "base/alloc.h"

#include <errno.h>
#include <string.h>

struct cede__ranked {
    void *item;
    uint64_t number;
};

/* A ring that goes around the end of its old memory is continued in the new memory; what was at the
 * start follows there, since the room at least doubles or the ring is empty. */
static void unwrap(struct cede__store *store, size_t old_room) {
    size_t wrapped;

    if (store->head + store->length <= old_room)
        return;
    wrapped = store->head + store->length - old_room;
    memcpy(store->ring + old_room, store->ring, wrapped * sizeof *store->ring);
}

int cede__store_reserve(struct cede__store *store, size_t room) {
    bool heap = store->order == CEDE_QUEUE_PRIORITY;
    size_t old_room = store->room;
    void *fresh;

    if (room <= old_room)
        return 0;
    if (room < 2 * old_room)
        room = 2 * old_room;
    fresh = heap ? cede__realloc_array(store->heap, room, sizeof *store->heap)
                 : cede__realloc_array(store->ring, room, sizeof *store->ring);
    if (!fresh)
        return -ENOMEM;
    store->room = room;
    if (heap) {
        store->heap = fresh;
    } else {
        store->ring = fresh;
        unwrap(store, old_room);
    }
    return 0;
}

static bool before(const struct cede__store *store, const struct cede__ranked *a,
                   const struct cede__ranked *b) {
    int order = store->compare(a->item, b->item);

    return order < 0 || (order == 0 && a->number < b->number);
}

/* Moves the hole at `at` up to where the new entry belongs. */
static void heap_push(struct cede__store *store, void *item) {
    struct cede__ranked fresh = {.item = item, .number = store->pushed++};
    size_t at = store->length++;

    while (at > 0 && before(store, &fresh, &store->heap[(at - 1) / 2])) {
        store->heap[at] = store->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    store->heap[at] = fresh;
}

/* Moves the hole that the first entry leaves down to where the last one belongs. */
static void *heap_pop(struct cede__store *store) {
    void *item = store->heap[0].item;
    struct cede__ranked last = store->heap[--store->length];
    size_t at = 0, child;

    while ((child = 2 * at + 1) < store->length) {
        if (child + 1 < store->length &&
            before(store, &store->heap[child + 1], &store->heap[child]))
            child++;
        if (!before(store, &store->heap[child], &last))
            break;
        store->heap[at] = store->heap[child];
        at = child;
    }
    store->heap[at] = last;
    return item;
}

/* Where the item is that has n older ones. */
static size_t place(const struct cede__store *store, size_t n) {
    size_t at = store->head + n;

    return at < store->room ? at : at - store->room;
}

void cede__store_push(struct cede__store *store, void *item) {
    CEDE_ASSERT(store->length < store->room);
    if (store->order == CEDE_QUEUE_PRIORITY)
        heap_push(store, item);
    else
        store->ring[place(store, store->length++)] = item;
}

void *cede__store_pop(struct cede__store *store) {
    void *item;

    CEDE_ASSERT(store->length > 0);
    if (store->order == CEDE_QUEUE_PRIORITY)
        return heap_pop(store);
    if (store->order == CEDE_QUEUE_LIFO)
        return store->ring[place(store, --store->length)];
    item = store->ring[store->head];
    store->head = place(store, 1);
    store->length--;
    return item;
}

void cede__store_free(struct cede__store *store) {
    if (store->order == CEDE_QUEUE_PRIORITY)
        cede__free(store->heap);
    else
        cede__free(store->ring);
}
