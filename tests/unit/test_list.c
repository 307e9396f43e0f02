#include "check_main.h"

#include "base/list.h"

struct node {
    int value;
    struct cede_list link;
};

static struct cede_list list;
static struct node nodes[6];

static void fill(int count) {
    cede__list_init(&list);
    for (int i = 0; i < count; i++) {
        nodes[i].value = i;
        cede__list_append(&list, &nodes[i].link);
    }
}

/* Asserts what the list holds, walking it in both directions. */
static void holds(const struct cede_list *head, int count, const int *values) {
    const struct cede_list *pos = head->next;

    for (int i = 0; i < count; i++, pos = pos->next) {
        ck_assert_int_eq(cede__container_of(pos, struct node, link)->value, values[i]);
        ck_assert_ptr_eq(pos->next->prev, pos);
    }
    ck_assert_ptr_eq(pos, head);
}

START_TEST(a_fresh_list_is_empty) {
    cede__list_init(&list);
    ck_assert(cede__list_empty(&list));
}
END_TEST

START_TEST(appending_keeps_the_order) {
    fill(3);
    ck_assert(!cede__list_empty(&list));
    holds(&list, 3, (int[]){0, 1, 2});
    ck_assert_ptr_eq(cede__list_first(&list, struct node, link), &nodes[0]);
}
END_TEST

START_TEST(removing_twice_does_no_harm) {
    fill(3);
    cede__list_remove(&nodes[1].link);
    cede__list_remove(&nodes[1].link);
    holds(&list, 2, (int[]){0, 2});
    ck_assert(cede__list_empty(&nodes[1].link));
}
END_TEST

START_TEST(splicing_moves_all_to_the_end) {
    struct cede_list other, none;

    fill(2);
    cede__list_init(&other);
    cede__list_init(&none);
    for (int i = 2; i < 4; i++) {
        nodes[i].value = i;
        cede__list_append(&other, &nodes[i].link);
    }
    cede__list_splice(&list, &other);
    holds(&list, 4, (int[]){0, 1, 2, 3});
    ck_assert(cede__list_empty(&other));
    cede__list_splice(&list, &none);
    holds(&list, 4, (int[]){0, 1, 2, 3});
    cede__list_splice(&none, &list);
    holds(&none, 4, (int[]){0, 1, 2, 3});
    ck_assert(cede__list_empty(&list));
}
END_TEST

START_TEST(a_walk_may_remove_where_it_stands) {
    int seen = 0;

    fill(6);
    cede__list_for_each(pos, tmp, &list) {
        ck_assert_int_eq(cede__container_of(pos, struct node, link)->value, seen++);
        if (seen % 2)
            cede__list_remove(pos);
    }
    ck_assert_int_eq(seen, 6);
    holds(&list, 3, (int[]){1, 3, 5});
}
END_TEST

CEDE_CHECK_MAIN("list", a_fresh_list_is_empty, appending_keeps_the_order,
                removing_twice_does_no_harm, splicing_moves_all_to_the_end,
                a_walk_may_remove_where_it_stands)
