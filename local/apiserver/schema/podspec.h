/* podspec.h - defaults and checks of a Pod's spec, wherever it stands. */
#ifndef KELOS_LOCAL_APISERVER_PODSPEC_H
#define KELOS_LOCAL_APISERVER_PODSPEC_H

#include <jansson.h>

/* What depends on other fields: pull policies, requests from limits, the older account field.
 * spec may be NULL. */
void podspec_defaults(json_t *spec);

/* Adds causes with paths below `path`. */
void podspec_validate(const json_t *spec, const char *path, json_t *causes);

/* "Guaranteed", "Burstable" or "BestEffort". */
const char *podspec_qos(const json_t *spec);

#endif
