#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 512

/* One write a line, so that lines do not mix, and past stdio, whose unbuffered streams take 8 KiB
 * of stack. If standard error takes nothing, there is nobody left to tell. */
static void write_line(char *line, size_t length) {
    ssize_t n;

    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    }
    line[length] = '\n';
    n = write(STDERR_FILENO, line, length + 1);
    (void)n;
}

static size_t append(char *line, size_t length, const char *format, va_list args) {
    size_t room = LINE_SIZE - length; /* which the final NUL, later a line feed, is part of */
    int n = vsnprintf(line + length, room, format, args);

    if (n < 0)
        return length;
    return length + ((size_t)n < room ? (size_t)n : room - 1);
}

void cli_error(const char *name, const char *format, ...) {
    char line[LINE_SIZE];
    size_t length = (size_t)snprintf(line, sizeof line, "%s: ", name);
    va_list args;

    va_start(args, format);
    length = append(line, length, format, args);
    va_end(args);
    write_line(line, length);
}

void cli_log(const char *format, ...) {
    char line[LINE_SIZE];
    va_list args;
    size_t length;

    va_start(args, format);
    length = append(line, 0, format, args);
    va_end(args);
    write_line(line, length);
}

enum cli_status cli_flush(const char *name) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CLI_OK;
    cli_error(name, "cannot write to standard output: %s", strerror(errno));
    return CLI_FAILED;
}
