/* A coroutine as a generator, without a loop or tasks: it walks a tree by plain recursion and
 * yields each node on the way, to a caller that just asks for the next one. */
#include <cede.h>

#include <stdio.h>

struct node {
    const char *name;
    struct node *left, *right;
};

static int walk(struct node *node) {
    int r;

    if (!node)
        return 0;
    r = walk(node->left);
    if (r == 0)
        r = cede_yield(node, NULL); /* an error here means: there is no need to go on */
    return r == 0 ? walk(node->right) : r;
}

static int nodes(void *arg, void **ret_value) {
    (void)ret_value;
    return walk(arg);
}

int main(void) {
    struct node ash = {"ash", NULL, NULL}, elm = {"elm", NULL, NULL}, yew = {"yew", NULL, NULL};
    struct node oak = {"oak", &elm, &yew}, root = {"beech", &ash, &oak};
    cede_coro *coro;
    void *node;
    int r = cede_coro_new(&coro, nodes, &root);

    if (r < 0) {
        fprintf(stderr, "generator: %s\n", cede_strerror(r));
        return 1;
    }
    while ((r = cede_coro_send(coro, NULL, &node)) > 0)
        printf("%s\n", ((struct node *)node)->name);
    cede_coro_free(coro);
    return r < 0;
}
