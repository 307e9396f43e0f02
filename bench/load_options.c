#include "load_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options = {.connections = 1, .size = 64, .depth = 1, .seconds = 1};

__attribute__((noreturn)) static void usage(const char *complaint) {
    if (complaint)
        fprintf(stderr, "load: %s\n", complaint);
    fprintf(complaint ? stderr : stdout,
            "usage: load [options] HOST:PORT\n"
            "  --connections N  connections to open (1)\n"
            "  --size B         bytes in a message (64)\n"
            "  --depth D        messages in flight on each connection (1)\n"
            "  --seconds S      length of the measured window (1)\n"
            "  --requests R     stop after R messages instead, the warm-up's included\n"
            "  --warm-up S      load before the window that is not counted (0)\n"
            "  --pid PID        the server's process, whose CPU time is to be reported\n"
            "  --json           report as one line of JSON\n"
            "Every echoed byte is verified. Status 1 if anything failed.\n");
    exit(complaint ? 2 : 0);
}

static uint64_t parse_count(const char *text, uint64_t max, const char *complaint) {
    char *end;
    uint64_t value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value < 1 || value > max)
        usage(complaint);
    return value;
}

static double parse_seconds(const char *text, const char *complaint) {
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value >= 0 && value <= 86400))
        usage(complaint);
    return value;
}

static void parse_server(const char *text) {
    const char *colon = strrchr(text, ':');
    char host[64] = "";

    if (!colon || (size_t)(colon - text) >= sizeof host)
        usage("the server is given as HOST:PORT");
    memcpy(host, text, (size_t)(colon - text));
    options.server.sin_family = AF_INET;
    options.server.sin_port = htons((in_port_t)parse_count(colon + 1, 65535, "bad port"));
    if (inet_pton(AF_INET, host, &options.server.sin_addr) != 1)
        usage("HOST must be an IPv4 address");
}

static void parse_option(int option) {
    switch (option) {
    case 'c':
        options.connections = parse_count(optarg, 1000000, "bad --connections");
        break;
    case 'b':
        options.size = parse_count(optarg, 64 << 20, "bad --size");
        break;
    case 'd':
        options.depth = parse_count(optarg, 100000, "bad --depth");
        break;
    case 's':
        options.seconds = parse_seconds(optarg, "bad --seconds");
        break;
    case 'r':
        options.requests = parse_count(optarg, UINT64_MAX, "bad --requests");
        break;
    case 'w':
        options.warm_up = parse_seconds(optarg, "bad --warm-up");
        break;
    case 'p':
        options.pid = (pid_t)parse_count(optarg, 1 << 22, "bad --pid");
        break;
    case 'j':
        options.json = true;
        break;
    case 'h':
        usage(NULL);
    default:
        usage("unknown option or missing value");
    }
}

void options_parse(int argc, char **argv) {
    static const struct option known[] = {
        {"connections", required_argument, NULL, 'c'},
        {"size", required_argument, NULL, 'b'},
        {"depth", required_argument, NULL, 'd'},
        {"seconds", required_argument, NULL, 's'},
        {"requests", required_argument, NULL, 'r'},
        {"warm-up", required_argument, NULL, 'w'},
        {"pid", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
        parse_option(option);
    if (optind + 1 != argc)
        usage("the server is given as HOST:PORT");
    parse_server(argv[optind]);
}
