/* limits.h - the constants of limits.def: LIMIT_LIST_PAGE_BYTES and so on. */
#ifndef KELOS_COMMON_LIMITS_H
#define KELOS_COMMON_LIMITS_H

#define LIMIT(name, value, unit, where) LIMIT_##name = (value),
enum limit {
#include "common/limits.def"
};
#undef LIMIT

#endif
