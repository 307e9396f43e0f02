/* load_options.h: the load generator's command line. */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct options {
    struct sockaddr_in server;
    uint64_t connections;
    uint64_t size;     /* bytes in a message */
    uint64_t depth;    /* messages in flight on each connection */
    uint64_t requests; /* to send in all, or 0 when time decides */
    double seconds;
    double warm_up;
    pid_t pid; /* the server's, or 0 */
    bool json;
};

extern struct options options;

/* Fills in the options. Exits with status 2 and one line that says what is wrong, or with 0 after
 * --help. */
void options_parse(int argc, char **argv);

#endif
