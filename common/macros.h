/* macros.h - the few macros that every file may use. */
#ifndef KELOS_COMMON_MACROS_H
#define KELOS_COMMON_MACROS_H

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define UNUSED __attribute__((unused))
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#endif
