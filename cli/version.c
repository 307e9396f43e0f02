#include "cli.h"

#include <stdio.h>

#ifdef CEDE_HAVE_URING
#define URING "yes"
#else
#define URING "no"
#endif

#ifdef CEDE_HAVE_VALGRIND
#define VALGRIND "yes"
#else
#define VALGRIND "no"
#endif

#if defined(CEDE_SWITCH_UCONTEXT)
#define SWITCH "ucontext"
#elif defined(__x86_64__)
#define SWITCH "x86-64"
#elif defined(__aarch64__)
#define SWITCH "aarch64"
#else
#define SWITCH "ucontext"
#endif

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

enum cli_status cli_version(void) {
    char why[160];
    const char *backend = cede_backend_probe(NULL, why, sizeof why);

    printf("cede %s\n", cede_version());
    printf("compiled in: io_uring: %s; Valgrind annotations: %s; context switch: %s\n", URING,
           VALGRIND, SWITCH);
    printf("compiler: %s\n", COMPILER);
    if (backend)
        printf("backend here: %s (%s)\n", backend, why);
    else
        printf("backend here: none (%s; see CEDE_BACKEND)\n", why);
    return cli_flush("cede");
}
