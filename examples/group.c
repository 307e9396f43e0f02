/* Three tasks sleep at the same time. Leaving the group waits for all of them, so the whole takes
 * as long as the longest sleep. */
#include <cede.h>

#include <stdio.h>

struct sleeper {
    const char *name;
    uint64_t duration_ns;
};

static int sleep_and_tell(void *arg) {
    const struct sleeper *sleeper = arg;
    int r = cede_sleep(sleeper->duration_ns);

    if (r == 0)
        printf("%s wakes up\n", sleeper->name);
    return r;
}

static int app(void *arg) {
    struct sleeper sleepers[] = {
        {"the late one", 300 * CEDE_MILLISECOND},
        {"the early one", 100 * CEDE_MILLISECOND},
        {"the one in between", 200 * CEDE_MILLISECOND},
    };
    struct cede_group group;
    int r = 0;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    for (size_t i = 0; r == 0 && i < sizeof sleepers / sizeof *sleepers; i++)
        r = cede_spawn(&group, sleep_and_tell, &sleepers[i], NULL);
    printf("%zu tasks sleep\n", cede_group_alive(&group));
    r = cede_group_leave(&group, r);
    printf("all are awake\n");
    return r;
}

int main(void) {
    return cede_run(app, NULL) < 0;
}
