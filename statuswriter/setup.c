/* setup.c - see setup.h. */
#include "statuswriter/setup.h"

#include <errno.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/scoped.h"

#define BANNER "---KELOS_SETUP_COMMAND_%s---"

SCOPED_DEFINE_AS(json, json_t *, json_decref)

extern char **environ;

static int
fail(int code)
{
    fprintf(stderr, BANNER " exit=%d\n", "FAILED", code);
    return code;
}

/* The words of the list, borrowed from it; NULL when it is no list of strings. */
static char **
words_of(const json_t *list)
{
    size_t n = json_array_size(list);
    char **words = n > 0 ? calloc(n + 1, sizeof *words) : NULL;

    for (size_t i = 0; words != NULL && i < n; i++) {
        words[i] = (char *)json_string_value(json_array_get(list, i));
        if (words[i] == NULL) {
            free(words);
            return NULL;
        }
    }
    return words;
}

static int
wait_code(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int
setup_run(const char *command)
{
    SCOPED(json) json_t *list = json_loads(command, 0, NULL);
    char **words = words_of(list);
    pid_t pid;
    int code;

    fprintf(stderr, BANNER "\n", "START");
    if (words == NULL) {
        fputs("kelos: the setup command is not a list of strings\n", stderr);
        return fail(2);
    }
    int why = posix_spawnp(&pid, words[0], NULL, NULL, words, environ);
    if (why != 0) {
        fprintf(stderr, "kelos: setup command %s: %s\n", words[0], strerror(why));
        code = 127;
    } else {
        code = wait_code(pid);
    }
    free(words);
    if (code != 0)
        return fail(code);
    fprintf(stderr, BANNER "\n", "DONE");
    return 0;
}
