/* alloc.h: every byte of the library's heap comes through here, so that a test can count and fail
 * each allocation. */
#ifndef CEDE_SRC_ALLOC_H
#define CEDE_SRC_ALLOC_H

#include "base/base.h"

/* NULL when there is no memory, or when size is 0. */
__attribute__((malloc, warn_unused_result)) void *cede__alloc(size_t size);
__attribute__((malloc, warn_unused_result)) void *cede__alloc_zero(size_t size);

/* On failure NULL is returned and *ptr stays valid. */
__attribute__((warn_unused_result)) void *cede__realloc(void *ptr, size_t size);

/* The same for count elements of size bytes each; NULL when the product overflows. */
__attribute__((warn_unused_result)) void *cede__realloc_array(void *ptr, size_t count, size_t size);

void cede__free(void *ptr);

#endif
