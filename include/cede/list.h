/* cede/list.h: the link that the library's stack-allocated objects (waiters, scopes, timers) carry.
 * It is laid out by the caller as a part of those, and touched by the library alone. */
#ifndef CEDE_LIST_H
#define CEDE_LIST_H

struct cede_list {
    struct cede_list *next, *prev;
};

#endif
