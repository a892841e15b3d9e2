/* tree.c - see tree.h. */
#include "supervisor/tree.h"

#include "supervisor/listen.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

/* Stop order: who creates work first, who records it later, who stores it last. The
 * budgets of a cluster's four together stay below its grace period of 30 s. */
/* clang-format off */
static const struct tree_row rows[] = {
    {.role = ROLE_APISERVER, .id = "apiserver", .program = "kelos-apiserver",
     .after = ROLE_NONE, .local_only = true,
     .limit_memory = true, .stop_stage = 6, .stop_budget_ms = 3000},
    {.role = ROLE_WATCHER, .id = "watcher", .program = "kelos-watcher", .listener = "objects",
     .after = ROLE_APISERVER, .binder = true,
     .limit_memory = true, .stop_stage = 5, .stop_budget_ms = 2000},
    {.role = ROLE_STATUSWRITER, .id = "statuswriter", .program = "kelos-statuswriter", .listener = "status",
     .after = ROLE_APISERVER, .binder = true, .all_pages = true, .writes = true,
     .limit_memory = true, .stop_stage = 4, .stop_budget_ms = 5000},
    {.role = ROLE_RECONCILER, .id = "shard-%d", .program = "kelos-reconciler", .listener = "source-%d", .door = "bus-%d",
     .after = ROLE_APISERVER, .binder = true, .writes = true,
     .limit_memory = true, .stop_stage = 2, .stop_budget_ms = 20000},
    {.role = ROLE_RUNNER, .id = "runner", .program = "kelos-runner",
     .after = ROLE_APISERVER, .local_only = true, .whole_environment = true,
     .stop_stage = 3, .stop_budget_ms = 3000},
    {.role = ROLE_SPAWNER, .id = "source", .program = "kelos-spawner",
     .after = ROLE_APISERVER,
     .limit_memory = true, .stop_stage = 1, .stop_budget_ms = 2000},
};
/* clang-format on */

const struct tree_row *
tree_rows(size_t *count)
{
    *count = ARRAY_LEN(rows);
    return rows;
}

const struct tree_row *
tree_row_of(enum role role)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].role == role)
            return &rows[i];
    return NULL;
}

void
tree_name(const char *pattern, int index, char *out, size_t size)
{
    const char *mark = strstr(pattern, "%d");

    if (mark == NULL)
        snprintf(out, size, "%s", pattern);
    else
        snprintf(out, size, "%.*s%d%s", (int)(mark - pattern), pattern, index, mark + 2);
}

/* ---- what each role's own flags are ---- */

static void
apiserver_flags(struct supervisor *s, struct unit *u, struct spawn *spawn)
{
    (void)u;
    spawn_arg(spawn, "--data=%s", s->config.local_path);
    spawn_arg(spawn, "--port=%d", s->port);
    spawn_arg(spawn, "--kubeconfig-out=%s", s->config.kubeconfig_path);
    spawn_arg(spawn, "--crds=%s/crds", s->config.share_path);
}

static void
watcher_flags(struct supervisor *s, struct unit *u, struct spawn *spawn)
{
    (void)u;
    if (s->config.api_groups != NULL)
        spawn_arg(spawn, "--api-groups=%s", s->config.api_groups);
    if (s->config.leader_elect)
        spawn_arg(spawn, "--leader-elect");
    if (s->config.bus_port > 0)
        spawn_arg(spawn, "--watch-deployments");
    if (s->config.watch_secrets)
        spawn_arg(spawn, "--watch-secrets");
}

static void
statuswriter_flags(struct supervisor *s, struct unit *u, struct spawn *spawn)
{
    (void)u;
    spawn_arg(spawn, "--metrics-bind-address=%s", s->config.metrics_address);
    spawn_arg(spawn, "--health-probe-bind-address=%s", s->config.health_address);
}

static void
reconciler_flags(struct supervisor *s, struct unit *u, struct spawn *spawn)
{
    spawn_arg(spawn, "--shard=%d", u->index);
    spawn_arg(spawn, "--shard-count=%d", (int)s->config.shards);
    if (s->config.bus_port > 0)
        spawn_arg(spawn, "--bus-port=%lld", (long long)s->config.bus_port);
    for (int i = 0; config_passed_name(i) != NULL; i++)
        if (s->config.passed[i] != NULL)
            spawn_arg(spawn, "--%s=%s", config_passed_name(i), s->config.passed[i]);
}

static void
runner_flags(struct supervisor *s, struct unit *u, struct spawn *spawn)
{
    (void)u;
    spawn_arg(spawn, "--data=%s", s->config.local_path);
    spawn_arg(spawn, "--agents=%s/agents", s->config.share_path);
    spawn_arg(spawn, "--capture=%s/kelos-capture", s->config.bin_dir);
    if (*s->config.node == '\0')
        return;
    spawn_arg(spawn, "--node=%s", s->config.node);
    if (s->config.node_jobs)
        spawn_arg(spawn, "--node-jobs");
    if (*s->config.node_tls == '\0')
        return;
    spawn_arg(spawn, "--node-cert=%s/node.crt", s->config.node_tls);
    spawn_arg(spawn, "--node-key=%s/node.key", s->config.node_tls);
    spawn_arg(spawn, "--node-ca=%s/ca.crt", s->config.node_tls);
}

static void
spawner_flags(struct supervisor *s, struct unit *u, struct spawn *spawn)
{
    spawn_arg(spawn, "--source=%s", u->argument);
    spawn_arg(spawn, "--shard-count=%d", (int)s->config.shards);
}

static void (*const role_flags[N_ROLES])(struct supervisor *, struct unit *,
                                         struct spawn *) = {
    [ROLE_WATCHER] = watcher_flags,
    [ROLE_APISERVER] = apiserver_flags,
    [ROLE_STATUSWRITER] = statuswriter_flags,
    [ROLE_RECONCILER] = reconciler_flags,
    [ROLE_RUNNER] = runner_flags,
    [ROLE_SPAWNER] = spawner_flags,
};

/* ---- what all have ---- */

static bool
reaches_cluster(enum role role)
{
    return role == ROLE_WATCHER || role == ROLE_RECONCILER || role == ROLE_STATUSWRITER ||
           role == ROLE_RUNNER;
}

static int
listener_fd(const struct supervisor *s, const char *name)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        if (strcmp(s->listeners[i].name, name) == 0)
            return s->listeners[i].fd;
    return -1;
}

/* Where the watcher says when it renewed the Lease. */
static int
watchers_page(const struct supervisor *s)
{
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->row->role == ROLE_WATCHER)
            return s->slots.items[s->units[i]->slot].ro_fd;
    return -1;
}

void
tree_close_door(const struct supervisor *s, const struct unit *u)
{
    char name[32];

    if (u->row->door == NULL || s->config.bus_port <= 0)
        return;
    tree_name(u->row->door, u->index, name, sizeof name);
    listen_refuse(listener_fd(s, name));
}

static void
give_fds(struct supervisor *s, struct unit *u, struct spawn *spawn)
{
    char name[32];
    int first, lease;

    spawn_arg(spawn, "--pages=%d", spawn_fd(spawn, s->slots.items[u->slot].fd));
    if (u->row->listener != NULL) {
        tree_name(u->row->listener, u->index, name, sizeof name);
        spawn_arg(spawn, "--listener=%s=%d", name, spawn_fd(spawn, listener_fd(s, name)));
    }
    if (u->row->door != NULL && s->config.bus_port > 0) {
        tree_name(u->row->door, u->index, name, sizeof name);
        spawn_arg(spawn, "--listener=%s=%d", name, spawn_fd(spawn, listener_fd(s, name)));
    }
    if (s->config.leader_elect && u->row->writes && (lease = watchers_page(s)) >= 0)
        spawn_arg(spawn, "--lease-page=%d", spawn_fd(spawn, lease));
    if (u->row->all_pages) {
        first = SPAWN_FIRST_FD + spawn->n_fds;
        for (int i = 0; i < s->slots.count; i++)
            spawn_fd(spawn, s->slots.items[i].ro_fd);
        spawn_arg(spawn, "--all-pages=%d:%d", first, s->slots.count);
    }
}

void
tree_command(struct supervisor *s, struct unit *u, struct spawn *spawn)
{
    static char program[PATH_MAX + 64];

    snprintf(program, sizeof program, "%s/%s", s->config.bin_dir, u->row->program);
    memset(spawn, 0, sizeof *spawn);
    spawn->program = program;
    spawn->whole_environment = u->row->whole_environment;
    spawn->limit_memory = u->row->limit_memory;
    spawn_arg(spawn, "%s", u->row->program);
    spawn_arg(spawn, "--run-dir=%s", s->config.run_path);
    spawn_arg(spawn, "--worker=%s", u->id);
    spawn_arg(spawn, "--incarnation=%llu", (unsigned long long)u->incarnation);
    if (reaches_cluster(u->row->role))
        spawn_arg(spawn, "--kubeconfig=%s", s->config.kubeconfig_path);
    if (u->row->role == ROLE_WATCHER || (s->config.leader_elect && u->row->writes))
        spawn_arg(spawn, "--identity=%s", s->identity);
    spawn_arg(spawn, "--log-level=%s", s->config.log_level);
    spawn_arg(spawn, "--log-format=%s", s->config.log_format);
    spawn_arg(spawn, "--sandbox=%s", s->config.sandbox);
    give_fds(s, u, spawn);
    if (role_flags[u->row->role] != NULL)
        role_flags[u->row->role](s, u, spawn);
}
