#include "local/apiserver/apply.h"
#include "local/apiserver/cel.h"
#include "local/apiserver/managed.h"
#include "local/apiserver/protobuf.h"
struct cel_program { int x; };
struct cel_program *cel_compile(const char *t, struct err *e) { (void)t; (void)e; return calloc(1, sizeof(struct cel_program)); }
void cel_free(struct cel_program *p) { free(p); }
bool cel_uses(const struct cel_program *p, const char *n) { (void)p; (void)n; return false; }
json_t *cel_eval(const struct cel_program *p, const struct cel_var *v, size_t n, struct err *e) { (void)p; (void)v; (void)n; (void)e; return json_true(); }
json_t *protobuf_decode(const char *b, size_t n, const char *k, struct err *e) { (void)b; (void)n; (void)k; (void)e; return NULL; }
json_t *apply_merge(struct server *s, struct resource *r, const char *sub, const char *m, bool f, const json_t *c, const json_t *o, struct fault *x) { (void)s; (void)r; (void)sub; (void)m; (void)f; (void)c; (void)o; fault_set(x, 415, "UnsupportedMediaType", "no"); return NULL; }
int apply_over(struct server *s, const struct call *c, const struct target *t, json_t *o, const json_t *old, json_t *m, struct reply *r, struct fault *f) { (void)s; (void)c; (void)t; (void)o; (void)old; (void)m; (void)r; (void)f; return -1; }
void managed_after_update(struct resource *r, struct registry *g, const char *m, const char *u, const char *sub, int64_t n, json_t *o, const json_t *old) { (void)r; (void)g; (void)m; (void)u; (void)sub; (void)n; (void)o; (void)old; }
