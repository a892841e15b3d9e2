/* source_cron.h - see source_cron.c. */
#ifndef KELOS_SPAWNER_SOURCE_CRON_H
#define KELOS_SPAWNER_SOURCE_CRON_H

#include "spawner/source.h"

extern const struct source_type source_cron;

#endif
