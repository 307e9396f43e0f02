#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPTIONS 32
/* What getopt_long() returns for option i of the table; above every letter. */
#define FIRST_OPTION 256
#define HELP_COLUMN 27

static const struct cli_option help_option = {"help",           'h', CLI_FLAG, NULL,
                                              "show this text", 0,   0,        0};

/* The forms of the table that getopt_long() takes; the help is added to every command's options. */
struct forms {
    struct option longs[MAX_OPTIONS + 2];
    char shorts[2 * MAX_OPTIONS + 4];
    size_t n_shorts;
};

static void add_form(struct forms *forms, const struct cli_option *option, int number) {
    forms->longs[number] = (struct option){
        option->name, option->value ? required_argument : no_argument, NULL, FIRST_OPTION + number};
    if (option->letter)
        forms->shorts[forms->n_shorts++] = option->letter;
    if (option->letter && option->value)
        forms->shorts[forms->n_shorts++] = ':';
}

static int make_forms(struct forms *forms, const struct cli_option *options) {
    int count = 0;

    memset(forms, 0, sizeof *forms);
    forms->shorts[forms->n_shorts++] = ':'; /* tell missing values from unknown options */
    for (; options[count].name && count < MAX_OPTIONS; count++)
        add_form(forms, &options[count], count);
    add_form(forms, &help_option, count);
    return count;
}

/* The option for what getopt_long() returned or complains about; NULL if there is none. */
static const struct cli_option *find(const struct cli_option *options, int count, int found) {
    for (int i = 0; i <= count; i++) {
        const struct cli_option *option = i < count ? &options[i] : &help_option;

        if (found == FIRST_OPTION + i || (found > 0 && found == option->letter))
            return option;
    }
    return NULL;
}

/* Why a value is refused: the rest of a sentence that begins with the value. */
struct refusal {
    char why[160];
};

static bool out_of_range(const struct cli_option *option, double unit, const char *unit_name,
                         struct refusal *ret) {
    snprintf(ret->why, sizeof ret->why, "is out of range: it must be from %.10g to %.10g%s",
             (double)option->min / unit, (double)option->max / unit, unit_name);
    return false;
}

static bool set_count(const struct cli_option *option, const char *text, void *target,
                      struct refusal *ret) {
    unsigned long long number;

    if (!*text || text[strspn(text, "0123456789")]) {
        snprintf(ret->why, sizeof ret->why, "is not a whole number");
        return false;
    }
    errno = 0;
    number = strtoull(text, NULL, 10);
    if (errno == ERANGE || number < option->min || number > option->max)
        return out_of_range(option, 1, "", ret);
    *(size_t *)target = (size_t)number;
    return true;
}

static bool set_seconds(const struct cli_option *option, const char *text, void *target,
                        struct refusal *ret) {
    double seconds;
    char *end;

    seconds = strtod(text, &end); /* of which only plain decimals are let through */
    if (end == text || *end || text[strspn(text, "0123456789.")]) {
        snprintf(ret->why, sizeof ret->why, "is not a number of seconds, such as 30 or 0.5");
        return false;
    }
    if (seconds * 1e9 < (double)option->min || seconds * 1e9 > (double)option->max)
        return out_of_range(option, 1e9, " seconds", ret);
    *(uint64_t *)target = (uint64_t)(seconds * 1e9 + 0.5);
    return true;
}

static bool set_choice(const struct cli_option *option, const char *text, void *target,
                       struct refusal *ret) {
    size_t length = strlen(text);

    for (const char *word = option->value; *word; word += *word == '|') {
        size_t word_length = strcspn(word, "|");

        if (length == word_length && memcmp(text, word, length) == 0) {
            *(const char **)target = text;
            return true;
        }
        word += word_length;
    }
    snprintf(ret->why, sizeof ret->why, "is none of %s", option->value);
    return false;
}

static bool set(const struct cli_option *option, const char *text, void *target,
                struct refusal *ret) {
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)target = true;
        return true;
    case CLI_TEXT:
        *(const char **)target = text;
        return true;
    case CLI_CHOICE:
        return set_choice(option, text, target, ret);
    case CLI_COUNT:
        return set_count(option, text, target, ret);
    case CLI_SECONDS:
        return set_seconds(option, text, target, ret);
    }
    return false;
}

/* Says what is wrong about the word that getopt_long() has stopped at. */
static void complain(const struct cli_command *command, int found, const struct cli_option *option,
                     const char *word) {
    if (found == ':')
        cli_error(command->name, "--%s needs a value: --%s %s", option->name, option->name,
                  option->value);
    else if (option)
        cli_error(command->name, "--%s takes no value", option->name);
    else if (optopt)
        cli_error(command->name, "unknown option '-%c'; see '%s --help'", optopt, command->name);
    else
        cli_error(command->name, "unknown option '%s'; see '%s --help'", word, command->name);
}

static enum cli_status apply(const struct cli_command *command, const struct cli_option *option,
                             void *settings) {
    struct refusal refusal;

    if (set(option, optarg, (char *)settings + option->offset, &refusal))
        return CLI_OK;
    cli_error(command->name, "--%s: '%s' %s", option->name, optarg, refusal.why);
    return CLI_USAGE;
}

static bool stop(enum cli_status *ret_status, enum cli_status status) {
    *ret_status = status;
    return false;
}

bool cli_parse(const struct cli_command *command, int argc, char **argv, void *settings,
               enum cli_status *ret_status) {
    struct forms forms;
    int found, count = make_forms(&forms, command->options);

    opterr = 0;
    while ((found = getopt_long(argc, argv, forms.shorts, forms.longs, NULL)) != -1) {
        bool wrong = found == '?' || found == ':';
        const struct cli_option *option = find(command->options, count, wrong ? optopt : found);

        if (wrong) {
            complain(command, found, option, argv[optind - 1]);
            return stop(ret_status, CLI_USAGE);
        }
        if (option == &help_option)
            return stop(ret_status, cli_help(command));
        if (apply(command, option, settings) != CLI_OK)
            return stop(ret_status, CLI_USAGE);
    }
    if (optind < argc) {
        cli_error(command->name, "unexpected argument '%s'; see '%s --help'", argv[optind],
                  command->name);
        return stop(ret_status, CLI_USAGE);
    }
    return true;
}

static void print_option(const struct cli_option *option) {
    int width = printf("  ");

    if (option->letter)
        width += printf("-%c, ", option->letter);
    width += printf("--%s%s%s", option->name, option->value ? " " : "",
                    option->value ? option->value : "");
    if (width >= HELP_COLUMN) {
        printf("\n");
        width = 0;
    }
    printf("%*s%s\n", HELP_COLUMN - width, "", option->help);
}

enum cli_status cli_help(const struct cli_command *command) {
    printf("usage: %s [options]\n\n%s\n\n", command->name, command->summary);
    for (const struct cli_option *option = command->options; option->name; option++)
        print_option(option);
    print_option(&help_option);
    printf("\n%s\n", command->about);
    return cli_flush(command->name);
}
