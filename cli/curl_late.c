/* curl_late.c - libcurl, loaded at its first call: `kelos version`, help, completion and up
 * talk to nobody and need not wait for the 35 libraries that it brings along.
 *
 * These are the functions of libcurl that common/http (and the demo) calls; each hands its
 * arguments on. A program that defines them itself is not linked with -lcurl: the linker
 * drops it by --as-needed. tests/integration/cli_words.sh notices a call that is missing. */
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LIBRARY "libcurl.so.4"

/* The variable arguments of libcurl are one long, pointer or curl_off_t: all alike here. */
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *),
               "an argument of curl_easy_setopt fits a pointer");

static void *
find(const char *name)
{
    static void *library;
    void *function = NULL;

    if (library == NULL)
        library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    if (library != NULL)
        function = dlsym(library, name);
    if (function == NULL) {
        fprintf(stderr, "Error: %s; install libcurl4\n", dlerror());
        exit(1);
    }
    return function;
}

#define LATE(result, name, parameters, arguments)                                        \
    result name parameters                                                               \
    {                                                                                    \
        static __typeof__(name) *real;                                                   \
                                                                                         \
        if (real == NULL)                                                                \
            real = (__typeof__(name) *)find(#name);                                      \
        return real arguments;                                                           \
    }

#define LATE_OPTION(result, name, handle, option)                                        \
    result name(handle *h, option o, ...)                                                \
    {                                                                                    \
        static __typeof__(name) *real;                                                   \
        va_list list;                                                                    \
        void *value;                                                                     \
                                                                                         \
        va_start(list, o);                                                               \
        value = va_arg(list, void *);                                                    \
        va_end(list);                                                                    \
        if (real == NULL)                                                                \
            real = (__typeof__(name) *)find(#name);                                      \
        return real(h, o, value);                                                        \
    }

/* libcurl's header wraps these three in macros that check their arguments. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

/* clang-format off */
LATE_OPTION(CURLcode,  curl_easy_setopt,  CURL,  CURLoption)
LATE_OPTION(CURLcode,  curl_easy_getinfo, CURL,  CURLINFO)
LATE_OPTION(CURLMcode, curl_multi_setopt, CURLM, CURLMoption)

LATE(CURLcode,            curl_global_init,         (long flags), (flags))
LATE(CURL *,              curl_easy_init,           (void), ())
LATE(void,                curl_easy_cleanup,        (CURL *h), (h))
LATE(CURLcode,            curl_easy_perform,        (CURL *h), (h))
LATE(const char *,        curl_easy_strerror,       (CURLcode code), (code))
LATE(void,                curl_free,                (void *p), (p))
LATE(time_t,              curl_getdate,             (const char *text, const time_t *unused), (text, unused))
LATE(CURLM *,             curl_multi_init,          (void), ())
LATE(CURLMcode,           curl_multi_cleanup,       (CURLM *m), (m))
LATE(CURLMcode,           curl_multi_add_handle,    (CURLM *m, CURL *h), (m, h))
LATE(CURLMcode,           curl_multi_remove_handle, (CURLM *m, CURL *h), (m, h))
LATE(CURLMsg *,           curl_multi_info_read,     (CURLM *m, int *left), (m, left))
LATE(CURLMcode,           curl_multi_socket_action, (CURLM *m, curl_socket_t s, int events, int *running), (m, s, events, running))
LATE(const char *,        curl_multi_strerror,      (CURLMcode code), (code))
LATE(struct curl_slist *, curl_slist_append,        (struct curl_slist *list, const char *text), (list, text))
LATE(void,                curl_slist_free_all,      (struct curl_slist *list), (list))
LATE(CURLU *,             curl_url,                 (void), ())
LATE(void,                curl_url_cleanup,         (CURLU *u), (u))
LATE(CURLUcode,           curl_url_get,             (CURLU *u, CURLUPart what, char **part, unsigned flags), (u, what, part, flags))
LATE(CURLUcode,           curl_url_set,             (CURLU *u, CURLUPart what, const char *part, unsigned flags), (u, what, part, flags))
/* clang-format on */
