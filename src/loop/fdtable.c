#include "loop/fdtable.h"

#include "base/alloc.h"

void cede__fdtable_free(struct cede__fdtable *table) {
    for (size_t i = 0; i < table->count; i++)
        cede__free(table->chunks[i]);
    cede__free(table->chunks);
    table->chunks = NULL;
    table->count = 0;
}

static int grow(struct cede__fdtable *table, size_t count) {
    void **chunks = cede__realloc_array(table->chunks, count, sizeof *chunks);

    if (!chunks)
        return -1;
    for (size_t i = table->count; i < count; i++)
        chunks[i] = NULL;
    table->chunks = chunks;
    table->count = count;
    return 0;
}

void *cede__fdtable_get(struct cede__fdtable *table, int fd) {
    size_t chunk = (size_t)fd / CEDE__FDTABLE_CHUNK;

    CEDE_ASSERT(fd >= 0);
    if (chunk >= table->count && grow(table, chunk + 1) < 0)
        return NULL;
    if (!table->chunks[chunk]) {
        table->chunks[chunk] = cede__alloc_zero(CEDE__FDTABLE_CHUNK * table->slot_size);
        if (!table->chunks[chunk])
            return NULL;
    }
    return cede__fdtable_find(table, fd);
}
