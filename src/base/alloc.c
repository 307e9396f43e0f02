#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *default_alloc(size_t size, void *arg) {
    (void)arg;
    return malloc(size);
}

static void *default_realloc(void *ptr, size_t size, void *arg) {
    (void)arg;
    return realloc(ptr, size);
}

static void default_free(void *ptr, void *arg) {
    (void)arg;
    free(ptr);
}

static const struct cede_allocator default_allocator = {
    .alloc = default_alloc, .realloc = default_realloc, .free = default_free, .arg = NULL};

static struct cede_allocator current = {
    .alloc = default_alloc, .realloc = default_realloc, .free = default_free, .arg = NULL};

void cede_set_allocator(const struct cede_allocator *allocator) {
    current = allocator ? *allocator : default_allocator;
}

void *cede__alloc(size_t size) {
    return size ? current.alloc(size, current.arg) : NULL;
}

void *cede__alloc_zero(size_t size) {
    void *ptr = cede__alloc(size);

    if (ptr)
        memset(ptr, 0, size);
    return ptr;
}

void *cede__realloc(void *ptr, size_t size) {
    return size ? current.realloc(ptr, size, current.arg) : NULL;
}

void *cede__realloc_array(void *ptr, size_t count, size_t size) {
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return cede__realloc(ptr, total);
}

void cede__free(void *ptr) {
    if (ptr)
        current.free(ptr, current.arg);
}
