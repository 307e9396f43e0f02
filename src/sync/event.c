#include "sync/sync.h"

void cede_event_init(struct cede_event *event) {
    cede__line_init(&event->waiting);
    event->set = false;
}

void cede_event_set(struct cede_event *event) {
    event->set = true;
    cede__line_end(&event->waiting, 0);
}

void cede_event_clear(struct cede_event *event) {
    event->set = false;
}

bool cede_event_is_set(const struct cede_event *event) {
    return event->set;
}

static bool start(struct cede_op *op) {
    struct cede_event *event = op->source;

    op->result = 0;
    if (event->set)
        return true;
    cede__line_append(&event->waiting, op);
    return false;
}

static int cancel(struct cede_op *op) {
    struct cede_event *event = op->source;

    cede__line_remove(&event->waiting, op);
    return 0;
}

static const struct cede_op_kind event_kind = {"an event", start, cancel};

void cede_op_event(struct cede_op *op, struct cede_event *event) {
    cede_op_init(op, &event_kind, event);
}

int cede_event_wait(struct cede_event *event) {
    struct cede_op op;

    cede_op_event(&op, event);
    return cede_op_wait(&op);
}

size_t cede_event_waiting(const struct cede_event *event) {
    return event->waiting.length;
}
