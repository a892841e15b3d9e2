/* log.h - one line per event on stderr, text or JSON.
 *
 * A line is written with one write(2) of at most 4,095 bytes, which is atomic on a pipe.
 * The process name and the level are the only globals of the project. */
#ifndef KELOS_COMMON_LOG_H
#define KELOS_COMMON_LOG_H

#include <stdbool.h>

#include "common/err.h"

enum log_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* `process` is how the process is called in each line ("shard-0#3"); copied. */
void log_init(const char *process, enum log_level level, enum log_format format);
void log_set_level(enum log_level level);
enum log_level log_level(void);

/* "error", "warn", "info", "debug". Returns 0 and *level, or -1. */
int log_level_parse(const char *name, enum log_level *level);
int log_format_parse(const char *name, enum log_format *format);

/* `object` is what the line is about ("task dev/fix-42") or NULL. */
void log_event(enum log_level level, const char *object, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#define log_error(object, ...) log_event(LEVEL_ERROR, object, __VA_ARGS__)
#define log_warn(object, ...) log_event(LEVEL_WARN, object, __VA_ARGS__)
#define log_info(object, ...) log_event(LEVEL_INFO, object, __VA_ARGS__)
#define log_debug(object, ...) log_event(LEVEL_DEBUG, object, __VA_ARGS__)

#endif
