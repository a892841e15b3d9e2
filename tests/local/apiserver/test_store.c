/* test_store.c - the state file: what a server in its sandbox needs of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "local/apiserver/store/store.h"

#define OBJECTS 64
#define BODY 8000

static int
write_object(struct store *s, char type, int i, char fill, struct err *e)
{
    char name[16], uid[16];
    static char body[BODY + 1];
    struct row row = {
        .type = type, .resource = "things", .ns = "", .name = name, .uid = uid};

    snprintf(name, sizeof name, "n%d", i);
    snprintf(uid, sizeof uid, "u%d", i);
    memset(body, fill, BODY);
    row.body = row.prev = body;
    row.size = row.prev_size = BODY;
    row.rv = store_next_version(s);
    return store_write(s, &row, false, 1000, NULL, 0, e);
}

/* In a child: no file can be opened, as in the sandbox. Its exit status says how far it came. */
static int
change_much(const char *path)
{
    struct err e = ERR_INIT;
    struct store *s = store_open(path, &e);
    const struct rlimit none = {0, 0};

    for (int i = 0; s != NULL && i < OBJECTS; i++)
        if (write_object(s, 'A', i, 'a', &e) < 0)
            return 1;
    if (s == NULL || store_commit(s, &e) < 0 || setrlimit(RLIMIT_NOFILE, &none) < 0)
        return 2;
    if (store_mark(s, &e) < 0)
        return 3;
    for (int i = 0; i < OBJECTS; i++)
        if (write_object(s, i % 2 ? 'M' : 'D', i, 'b', &e) < 0)
            return 4;
    store_release(s, false);
    if (store_commit(s, &e) < 0)
        return 5;
    return store_count(s, "things", NULL, &e) == OBJECTS / 2 ? 0 : 6;
}

Test(store, changes_much_in_one_request_without_a_file_of_its_own)
{
    char dir[] = "/tmp/kt.store.XXXXXX", path[64], command[80];
    int status;

    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/state.db", dir);
    pid_t pid = fork();
    if (pid == 0)
        _exit(change_much(path));
    waitpid(pid, &status, 0);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_expect_eq(system(command), 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "step %d",
              WEXITSTATUS(status));
}
