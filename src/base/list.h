/* list.h: an intrusive, circular, doubly linked list. A node that is in no list points to itself,
 * so that removing it twice does no harm. */
#ifndef CEDE_SRC_LIST_H
#define CEDE_SRC_LIST_H

#include "base/base.h"

#include <cede/list.h>

static inline void cede__list_init(struct cede_list *list) {
    list->next = list->prev = list;
}

static inline bool cede__list_empty(const struct cede_list *list) {
    return list->next == list;
}

static inline void cede__list_append(struct cede_list *list, struct cede_list *node) {
    node->next = list;
    node->prev = list->prev;
    list->prev->next = node;
    list->prev = node;
}

static inline void cede__list_remove(struct cede_list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = node;
}

/* Moves all nodes of `from` to the end of `to`, in order. */
static inline void cede__list_splice(struct cede_list *to, struct cede_list *from) {
    if (cede__list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    cede__list_init(from);
}

#define cede__list_first(list, type, member) cede__container_of((list)->next, type, member)

/* The body may remove the current node, and no other. */
#define cede__list_for_each(pos, tmp, list)                                                        \
    for (struct cede_list *pos = (list)->next, *tmp = pos->next; pos != (list);                    \
         pos = tmp, tmp = pos->next)

#endif
