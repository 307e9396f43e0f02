#include "task/watch.h"

void cede__watch_begin(struct cede_op *op, const struct cede__watch_kind *kind, void *source,
                       struct cede_list *list) {
    CEDE_ASSERT(!kind->kind.start);
    cede_op_init(op, &kind->kind, source);
    cede__list_append(list, &op->link);
}

void cede__watch_end_all(struct cede_list *list) {
    while (!cede__list_empty(list)) {
        struct cede_op *op = cede__list_first(list, struct cede_op, link);

        cede__list_remove(&op->link);
        if (op->kind->start)
            cede_op_complete(op, 0);
        else
            cede__container_of(op->kind, const struct cede__watch_kind, kind)->ended(op);
    }
}
