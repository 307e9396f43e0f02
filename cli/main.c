/* main.c: the cede command. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command *const commands[] = {&cli_echo};

#define N_COMMANDS (sizeof commands / sizeof *commands)

/* What the user types: "echo" of "cede echo". */
static const char *short_name(const struct cli_command *command) {
    return strrchr(command->name, ' ') + 1;
}

static const struct cli_command *find(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(short_name(commands[i]), name) == 0)
            return commands[i];
    }
    cli_error("cede", "unknown command '%s'; 'cede help' lists them", name);
    return NULL;
}

static enum cli_status general_help(void) {
    printf("usage: cede COMMAND [options]\n\nThe cede runtime at work.\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        printf("  %-16s%s\n", short_name(commands[i]), commands[i]->summary);
    printf("  %-16s%s\n", "help [COMMAND]", "Show this text, or a command's options.");
    printf("\n  %-16s%s\n", "--version", "Show what is compiled in, and which backend runs here.");
    return cli_flush("cede");
}

static enum cli_status help(int argc, char **argv) {
    const struct cli_command *command;

    if (argc <= 1)
        return general_help();
    if (argc > 2) {
        cli_error("cede help", "unexpected argument '%s'; write 'cede help COMMAND'", argv[2]);
        return CLI_USAGE;
    }
    command = find(argv[1]);
    return command ? cli_help(command) : CLI_USAGE;
}

static enum cli_status run(int argc, char **argv) {
    const struct cli_command *command;

    if (argc < 2) {
        cli_error("cede", "no command given; 'cede help' lists them");
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "help") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return general_help();
    if (strcmp(argv[1], "--version") == 0)
        return cli_version();
    if (argv[1][0] == '-') {
        cli_error("cede", "unknown option '%s'; see 'cede help'", argv[1]);
        return CLI_USAGE;
    }
    command = find(argv[1]);
    return command ? command->run(command, argc - 1, argv + 1) : CLI_USAGE;
}

/* Whoever started us may have closed some of the first three fds. A socket must not get their
 * numbers and be written to by mistake; writing to what stands in for standard output fails. */
static void hold_standard_fds(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
    }
}

int main(int argc, char **argv) {
    hold_standard_fds();
    signal(SIGPIPE, SIG_IGN); /* a closed standard output is an error to report */
    return run(argc, argv);
}
