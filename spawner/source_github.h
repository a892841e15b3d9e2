/* source_github.h - see source_github.c. */
#ifndef KELOS_SPAWNER_SOURCE_GITHUB_H
#define KELOS_SPAWNER_SOURCE_GITHUB_H

#include "spawner/source.h"

extern const struct source_type source_github;

#endif
