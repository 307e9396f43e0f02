#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *cede_version(void) {
    return CEDE_VERSION;
}

static void report(const char *format, va_list args) {
    char line[1024];
    int n = snprintf(line, sizeof line, "cede: ");

    vsnprintf(line + n, sizeof line - (size_t)n, format, args);
    /* One call, so that lines of several threads do not mix. */
    fprintf(stderr, "%s\n", line);
}

void cede__report(const char *format, ...) {
    va_list args;

    va_start(args, format);
    report(format, args);
    va_end(args);
}

void cede__panic(const char *format, ...) {
    va_list args;

    va_start(args, format);
    report(format, args);
    va_end(args);
    abort();
}

void cede__assert_failed(const char *what, const char *file, int line) {
    cede__panic("%s:%d: assertion failed: %s", file, line, what);
}
