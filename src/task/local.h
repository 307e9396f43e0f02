/* local.h: how tasks come by their locals and lose them. */
#ifndef CEDE_SRC_LOCAL_H
#define CEDE_SRC_LOCAL_H

#include "base/base.h"

#include <cede/local.h>

struct cede__local_value;

struct cede__locals {
    size_t refs; /* tasks and frames */
    size_t count;
    struct cede__local_value *values[];
};

/* Accept NULL, which is what a task has that carries nothing. */
static inline struct cede__locals *cede__locals_ref(struct cede__locals *locals) {
    if (CEDE_UNLIKELY(locals != NULL))
        locals->refs++;
    return locals;
}

void cede__locals_unref(struct cede__locals *locals);

#endif
