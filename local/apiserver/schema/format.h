/* format.h - the string formats that schemas may ask for. */
#ifndef KELOS_LOCAL_APISERVER_FORMAT_H
#define KELOS_LOCAL_APISERVER_FORMAT_H

/* NULL when the text has the format (or the format is none that is checked: int32, byte's
 * content, password), else what is wrong (static). */
const char *format_check(const char *format, const char *text);

#endif
