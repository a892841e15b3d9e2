/* source_jira.h - see source_jira.c. */
#ifndef KELOS_SPAWNER_SOURCE_JIRA_H
#define KELOS_SPAWNER_SOURCE_JIRA_H

#include "spawner/source.h"

extern const struct source_type source_jira;

#endif
