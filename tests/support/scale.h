/* scale.h: how much of a long test to do. Sanitizers, Valgrind and emulators are many times slower;
 * the build tells by how much through Check's own multiplier of time limits. */
#ifndef CEDE_TESTS_SCALE_H
#define CEDE_TESTS_SCALE_H

#include <stdlib.h>

/* The count, divided by the square of the multiplier, and at least 1. */
static inline size_t scaled(size_t count) {
    const char *text = getenv("CK_TIMEOUT_MULTIPLIER");
    double factor = text ? strtod(text, NULL) : 1;
    size_t n = factor > 1 ? (size_t)((double)count / (factor * factor)) : count;

    return n ? n : 1;
}

#endif
