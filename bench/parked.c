/* parked.c: what a task costs while it waits, in memory: resident pages and page tables, and the
 * number of mappings, which the system limits (vm.max_map_count) and guard pages may use up.
 *
 *     parked [TASKS [STACK_SIZE]]
 *
 * A million tasks, the default, need between 4 and 5 GB. The further apart stacks lie, the more
 * page tables they need. All tasks sleep when the measurement is taken; then they are cancelled and
 * joined. */
#include <cede.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t kib_needed_by_task = 6;

struct memory {
    uint64_t resident_kib;
    uint64_t tables_kib;
    uint64_t mappings;
};

static uint64_t asleep;

__attribute__((noreturn)) static void die(const char *what) {
    fprintf(stderr, "parked: %s\n", what);
    exit(1);
}

/* The number behind "KEY:" in a file of such lines under /proc. */
static uint64_t read_field(const char *path, const char *key) {
    char line[256];
    size_t length = strlen(key);
    FILE *file = fopen(path, "re");

    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, length) == 0 && line[length] == ':') {
            fclose(file);
            return strtoull(line + length + 1, NULL, 10);
        }
    }
    die(path);
}

static uint64_t count_lines(const char *path) {
    uint64_t lines = 0;
    int c;
    FILE *file = fopen(path, "re");

    if (!file)
        die(path);
    while ((c = getc(file)) != EOF)
        lines += c == '\n';
    fclose(file);
    return lines;
}

static struct memory memory_now(void) {
    return (struct memory){.resident_kib = read_field("/proc/self/status", "VmRSS"),
                           .tables_kib = read_field("/proc/self/status", "VmPTE"),
                           .mappings = count_lines("/proc/self/maps")};
}

static int sleeper(void *arg) {
    int r;

    (void)arg;
    asleep++;
    r = cede_sleep(3600 * CEDE_SECOND);
    asleep--;
    return r == -ECANCELED ? 0 : r;
}

static void report(uint64_t tasks, const struct memory *before, const struct memory *after) {
    double resident = (double)(after->resident_kib - before->resident_kib) * 1024 / (double)tasks;
    double tables = (double)(after->tables_kib - before->tables_kib) * 1024 / (double)tasks;

    printf("%-16s %" PRIu64 "\n", "tasks", tasks);
    printf("%-16s %.0f\n", "resident-bytes", resident);
    printf("%-16s %.0f\n", "table-bytes", tables);
    printf("%-16s %.0f\n", "bytes-per-task", resident + tables);
    printf("%-16s %" PRIu64 "\n", "mappings", after->mappings);
}

/* Tasks run in the order in which they became ready, so one yield lets all of them fall asleep. */
static int app(void *arg) {
    uint64_t tasks = *(const uint64_t *)arg;
    struct cede_group group;
    struct memory before = memory_now();
    struct memory after;
    int r = 0;

    cede_group_enter(&group, CEDE_FOREVER);
    for (uint64_t i = 0; i < tasks && r == 0; i++)
        r = cede_spawn(&group, sleeper, NULL, NULL);
    if (r == 0)
        r = cede_task_yield();
    if (r == 0 && asleep != tasks)
        die("not every task sleeps");
    after = memory_now();
    if (r == 0)
        report(tasks, &before, &after);
    cede_scope_cancel(&group.scope, -ECANCELED);
    return cede_group_leave(&group, r);
}

/* A positive number, or an exit with the usage. */
static uint64_t parse(const char *text) {
    char *end;
    uint64_t value = strtoull(text, &end, 10);

    if (text[0] >= '1' && text[0] <= '9' && *end == '\0')
        return value;
    fprintf(stderr, "usage: parked [TASKS [STACK_SIZE]]\n");
    exit(2);
}

int main(int argc, char **argv) {
    struct cede_run_options options = {.stack_size = argc > 2 ? parse(argv[2]) : 0};
    uint64_t tasks = argc > 1 ? parse(argv[1]) : 1000000;
    int r;

    if (read_field("/proc/meminfo", "MemAvailable") / kib_needed_by_task < tasks)
        die("there is not enough memory for so many tasks; name a smaller number");
    r = cede_run_with(app, &tasks, &options);
    if (r < 0)
        die(cede_strerror(r));
    return 0;
}
