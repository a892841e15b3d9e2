/* regex_program.h - what regex_parse.c writes and regex.c runs. */
#ifndef KELOS_LOCAL_APISERVER_REGEX_PROGRAM_H
#define KELOS_LOCAL_APISERVER_REGEX_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

enum inst_op { OP_CHAR, OP_ANY, OP_CLASS, OP_SPLIT, OP_JUMP, OP_ASSERT, OP_MATCH };
enum {
    ASSERT_BEGIN,
    ASSERT_END,
    ASSERT_LINE_BEGIN,
    ASSERT_LINE_END,
    ASSERT_WORD,
    ASSERT_NOT_WORD
};

struct inst {
    enum inst_op op;
    unsigned a, b; /* character, class, targets (a is preferred), assertion */
};

struct range {
    unsigned from, to;
};

struct set {
    struct range *ranges; /* owned */
    size_t count;
    bool negated;
};

struct regex {
    struct inst *code; /* owned */
    size_t count, capacity;
    struct set *sets; /* owned */
    size_t set_count, set_capacity;
};

#endif
