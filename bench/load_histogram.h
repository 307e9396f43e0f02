/* load_histogram.h: latencies counted in log-linear buckets, 64 to each power of two, so that a
 * quantile is within 1/64 of the true value whatever its size, in 30 KB and without a sort. */
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BITS = 6, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS };

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t max;
};

/* Values below 128 have a bucket each; above, the bucket keeps the seven leading bits. */
static inline unsigned histogram_bucket(uint64_t value) {
    unsigned shift = 0;

    while (value >> shift >= 2u << HISTOGRAM_BITS)
        shift++;
    return (shift << HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

/* The least value that falls into the bucket. */
static inline uint64_t histogram_value(unsigned bucket) {
    unsigned shift = bucket >> HISTOGRAM_BITS;

    if (shift < 2)
        return bucket;
    shift--;
    return (uint64_t)(bucket - (shift << HISTOGRAM_BITS)) << shift;
}

static inline void histogram_add(struct histogram *h, uint64_t value) {
    h->buckets[histogram_bucket(value)]++;
    h->total++;
    if (value > h->max)
        h->max = value;
}

/* The value below or at which the given share (0 to 1) of all values lies; 0 without any. */
static inline uint64_t histogram_quantile(const struct histogram *h, double share) {
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen > 0 && (double)seen >= share * (double)h->total)
            return histogram_value(i);
    }
    return 0;
}

#endif
