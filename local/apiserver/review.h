/* review.h - the reviews of authorization.k8s.io and authentication.k8s.io: whoever holds the
 * token may do everything. */
#ifndef KELOS_LOCAL_APISERVER_REVIEW_H
#define KELOS_LOCAL_APISERVER_REVIEW_H

#include "local/apiserver/resource.h"

/* Sets the status of a review. */
void review_answer(const struct resource *r, json_t *obj);

#endif
