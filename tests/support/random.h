/* random.h: numbers for tests that try many cases; the same ones in every run. */
#ifndef CEDE_TESTS_RANDOM_H
#define CEDE_TESTS_RANDOM_H

#include <stdint.h>

/* splitmix64 */
static inline uint64_t random_next(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit) {
    return random_next(state) % limit;
}

/* Any magnitude is as likely as any other. */
static inline uint64_t random_magnitude(uint64_t *state, unsigned bits) {
    unsigned shift = 64 - bits + (unsigned)random_below(state, bits);

    return random_next(state) >> shift;
}

#endif
