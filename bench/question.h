/* question.h: the shape in which the small benchmarks answer, one line for each question: its name
 * and the median of several runs, in nanoseconds. */
#ifndef BENCH_QUESTION_H
#define BENCH_QUESTION_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { QUESTION_RUNS = 9 };

static inline uint64_t question_now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline int question_compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Measures several times, which includes warming up, and prints the median. */
static inline void question_ask(const char *name, double (*measure)(void)) {
    double answers[QUESTION_RUNS];

    for (int i = 0; i < QUESTION_RUNS; i++)
        answers[i] = measure();
    qsort(answers, QUESTION_RUNS, sizeof *answers, question_compare);
    printf("%-16s %.2f\n", name, answers[QUESTION_RUNS / 2]);
}

#endif
