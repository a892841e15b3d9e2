/* fixture.h - views from short JSON texts: 'single quotes' stand for double ones. */
#ifndef KELOS_TESTS_RECONCILER_FIXTURE_H
#define KELOS_TESTS_RECONCILER_FIXTURE_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "proto/message.h"
#include "reconciler/view/view.h"

#define AT(text) at_time(text)

/* What a test makes and does not free is kept in sight, so that only what the code under test
 * loses counts as leaked. */
static void *kept[65536];
static size_t n_kept;

static inline void *
keep(void *p)
{
    if (n_kept < sizeof kept / sizeof *kept)
        kept[n_kept++] = p;
    return p;
}

static inline int64_t
at_time(const char *text)
{
    int64_t ms = 0;

    cr_assert_eq(rfc3339_parse(text, &ms), 0, "%s", text);
    return ms;
}

static inline json_t *js(const char *fmt, ...) PRINTF_LIKE(1, 2);

static inline json_t *
js(const char *fmt, ...)
{
    char *text = NULL;
    json_error_t why;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    cr_assert(n >= 0);
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    json_t *value = json_loads(text, JSON_DECODE_ANY, &why);
    cr_assert_not_null(value, "%s at %d in %s", why.text, why.position, text);
    free(text);
    return keep(value);
}

/* A view of the kind. */
static inline void *
make_view(unsigned kind, unsigned profile, json_t *object)
{
    struct err e = ERR_INIT;
    struct view *v = view_new(kind, profile, object, &e);

    cr_assert_not_null(v, "%s", e.text);
    return keep(v);
}

/* A Task: metadata and spec beyond the needed, and status, may be "". Each of the parts is
 * the inside of an object: "'branch':'x'". */
static inline struct task_view *
make_task(const char *name, const char *meta, const char *spec, const char *status)
{
    return make_view(
        KIND_TASK, 0,
        js("{'apiVersion':'kelos.dev/v1alpha1','kind':'Task',"
           "'metadata':{'name':'%s','namespace':'dev','uid':'uid-%s','resourceVersion':'"
           "7',"
           "'finalizers':['kelos.dev/finalizer'],"
           "'creationTimestamp':'2026-01-01T00:00:00Z'%s%s},"
           "'spec':{'type':'claude-code','prompt':'Do it.',"
           "'credentials':{'type':'api-key','secretRef':{'name':'claude'}}%s%s},"
           "'status':{%s}}",
           name, name, *meta ? "," : "", meta, *spec ? "," : "", spec, status));
}

static inline struct job_view *
make_job(const char *task, const char *status)
{
    return make_view(KIND_JOB, 0,
                     js("{'metadata':{'name':'%s','namespace':'dev','uid':'job-%s',"
                        "'labels':{'kelos.dev/task':'%s'},"
                        "'ownerReferences':[{'kind':'Task','name':'%s','uid':'uid-%s',"
                        "'controller':true}]},'status':{%s}}",
                        task, task, task, task, task, status));
}

static inline struct pod_view *
make_pod(const char *task, const char *name, const char *created, const char *status)
{
    return make_view(KIND_POD, 0,
                     js("{'metadata':{'name':'%s','namespace':'dev','uid':'pod-%s',"
                        "'creationTimestamp':'%s','labels':{'kelos.dev/task':'%s'}},"
                        "'status':{%s}}",
                        name, name, created, task, status));
}

#endif
