/* names.h - the rules for names, labels and annotations. All give NULL when the text is fine,
 * else a sentence for the user (static). */
#ifndef KELOS_LOCAL_APISERVER_NAMES_H
#define KELOS_LOCAL_APISERVER_NAMES_H

const char *name_subdomain(const char *text); /* RFC 1123 subdomain, at most 253 */
const char *name_label(const char *text);     /* RFC 1123 label, at most 63 */
const char *
name_path_segment(const char *text); /* anything that fits into one URL segment */
const char *
name_qualified(const char *text); /* [prefix/]name, as label and annotation keys */
const char *name_label_value(const char *text); /* label values */

#endif
