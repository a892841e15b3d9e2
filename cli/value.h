/* value.h - the forms a value may have: itself, @FILE, $VARIABLE, - for stdin, none. */
#ifndef KELOS_CLI_VALUE_H
#define KELOS_CLI_VALUE_H

#include "common/err.h"

enum value_form {
    VALUE_FILE = 1,  /* @PATH: the file without its trailing line feeds; @@x is "@x" */
    VALUE_ENV = 2,   /* $NAME: the variable, which must be set */
    VALUE_STDIN = 4, /* -: standard input, without its trailing line feeds */
    VALUE_NONE = 8   /* none: the empty text, also when it came from elsewhere */
};

/* What `text` stands for under the forms (a sum of enum value_form). `what` is the key or
 * flag for errors. Returns text the caller frees with value_free, or NULL with *e set:
 * "cannot read PATH for oauthToken: reason". */
char *value_read(const char *what, const char *text, int forms, struct err *e);

/* Reads a file or stdin ("-") whole, without trailing line feeds; limit as for YAML. */
char *value_read_file(const char *what, const char *path, struct err *e);
/* The same with every byte. */
char *value_read_whole(const char *what, const char *path, struct err *e);

/* Wipes and frees; NULL is allowed. */
void value_free(char *text);

static inline void
value_scoped_free(char **text)
{
    value_free(*text);
}

#endif
