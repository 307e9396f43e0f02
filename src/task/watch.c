#include "task/watch.h"

/* Nobody awaits a watch, so there is nothing to start or to withdraw. */
static const struct cede_op_kind watch_kind = {.what = "nothing"};

void cede__watch_begin(struct cede__watch *watch, struct cede_list *list,
                       void (*ended)(struct cede__watch *watch)) {
    cede_op_init(&watch->op, &watch_kind, NULL);
    watch->ended = ended;
    cede__list_append(list, &watch->op.link);
}

struct cede__watch *cede__watch_of(struct cede_op *op) {
    return op->kind == &watch_kind ? cede__container_of(op, struct cede__watch, op) : NULL;
}

void cede__watch_end_all(struct cede_list *list) {
    while (!cede__list_empty(list)) {
        struct cede_op *op = cede__list_first(list, struct cede_op, link);
        struct cede__watch *watch = cede__watch_of(op);

        cede__list_remove(&op->link);
        if (watch)
            watch->ended(watch);
        else
            cede_op_complete(op, 0);
    }
}
