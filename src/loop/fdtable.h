/* fdtable.h: a table indexed by fd number. It grows in chunks that never move, so that pointers to
 * its slots stay good; fresh slots are zero. */
#ifndef CEDE_SRC_FDTABLE_H
#define CEDE_SRC_FDTABLE_H

#include "base/base.h"

#define CEDE__FDTABLE_CHUNK 128

struct cede__fdtable {
    void **chunks;
    size_t count;
    size_t slot_size;
};

static inline void cede__fdtable_init(struct cede__fdtable *table, size_t slot_size) {
    *table = (struct cede__fdtable){.slot_size = slot_size};
}

void cede__fdtable_free(struct cede__fdtable *table);

/* The slot of a non-negative fd, made when it is missing; NULL when there is no memory. */
void *cede__fdtable_get(struct cede__fdtable *table, int fd);

/* The slot if its chunk exists, else NULL. */
static inline void *cede__fdtable_find(const struct cede__fdtable *table, int fd) {
    size_t chunk = (size_t)fd / CEDE__FDTABLE_CHUNK;

    if (fd < 0 || chunk >= table->count || !table->chunks[chunk])
        return NULL;
    return (char *)table->chunks[chunk] + (size_t)fd % CEDE__FDTABLE_CHUNK * table->slot_size;
}

#endif
