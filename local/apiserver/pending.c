#include "local/apiserver/cel.h"
struct cel_program { int x; };
struct cel_program *cel_compile(const char *t, struct err *e) { (void)t; (void)e; return calloc(1, sizeof(struct cel_program)); }
void cel_free(struct cel_program *p) { free(p); }
bool cel_uses(const struct cel_program *p, const char *n) { (void)p; (void)n; return false; }
json_t *cel_eval(const struct cel_program *p, const struct cel_var *v, size_t n, struct err *e) { (void)p; (void)v; (void)n; (void)e; return json_true(); }
