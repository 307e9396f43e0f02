/* cli.h: what the commands share. A command is one file with one entry in the table of main.c; its
 * options are a table too, from which they are parsed and its help is written.
 *
 * Results go to standard output, everything else goes to standard error, each message as one line
 * that begins with the command's name. */
#ifndef CEDE_CLI_H
#define CEDE_CLI_H

#include <cede.h>

/* The exit status of every command. */
enum cli_status { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* How an option's value is read, and what it is stored as. */
enum cli_kind {
    CLI_FLAG,    /* bool: the option takes no value */
    CLI_TEXT,    /* const char * */
    CLI_CHOICE,  /* const char *, one of the words that `value` lists */
    CLI_COUNT,   /* size_t, from min to max */
    CLI_SECONDS, /* uint64_t, nanoseconds from min to max; written in seconds, "0.5" */
};

struct cli_option {
    const char *name;
    char letter; /* its short form, 0 if it has none */
    enum cli_kind kind;
    const char *value; /* what the help calls the value; NULL for a flag */
    const char *help;
    size_t offset; /* of the result in the command's settings */
    uint64_t min, max;
};

struct cli_command {
    const char *name;                 /* "cede echo" */
    const char *summary;              /* its line in `cede help` */
    const char *about;                /* the paragraphs of its own help, after the options */
    const struct cli_option *options; /* ends with an option that has no name */
    enum cli_status (*run)(const struct cli_command *command, int argc, char **argv);
};

extern const struct cli_command cli_echo;

/* Writes "NAME: message" to standard error as one line, whatever the message holds: bytes that are
 * not printable become question marks. */
__attribute__((format(printf, 2, 3))) void cli_error(const char *name, const char *format, ...);

/* Writes a line to standard error, needing no more stack than the line. */
__attribute__((format(printf, 1, 2))) void cli_log(const char *format, ...);

/* Sees that what was printed has reached standard output; otherwise says why not. */
enum cli_status cli_flush(const char *name);

/* Writes the command's help to standard output. */
enum cli_status cli_help(const struct cli_command *command);

/* Writes what `cede --version` tells to standard output. */
enum cli_status cli_version(void);

/* Reads argv[1] and what follows into the settings, which hold the defaults. Returns whether the
 * command is to go on; if not, *ret_status is its exit status: the help was asked for, or something
 * is wrong and was reported. */
bool cli_parse(const struct cli_command *command, int argc, char **argv, void *settings,
               enum cli_status *ret_status);

#endif
