/* stop.c - the end in order: each stage is asked, waited for within its budget, then
 * killed. */
#include "supervisor/supervisor.h"

#include "common/log.h"

static bool
stage_empty(const struct supervisor *s, int stage)
{
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->row->stop_stage == stage && s->units[i]->pid > 0)
            return false;
    return true;
}

static void
stage_begin(struct supervisor *s)
{
    for (size_t i = 0; i < s->n_units; i++) {
        struct unit *u = s->units[i];

        if (u->row->stop_stage != s->stop_stage || !u->wanted)
            continue;
        u->wanted = false;
        unit_event(s, u, EV_STOP);
    }
}

void
stop_begin(struct supervisor *s)
{
    if (s->stop_stage != 0)
        return;
    log_info(NULL, "stopping");
    s->stop_stage = 1;
    stage_begin(s);
    stop_advance(s);
}

void
stop_advance(struct supervisor *s)
{
    if (s->stop_stage == 0)
        return;
    while (s->stop_stage <= TREE_STAGES && stage_empty(s, s->stop_stage)) {
        s->stop_stage++;
        stage_begin(s);
    }
    s->done = s->stop_stage > TREE_STAGES;
}

void
stop_now(struct supervisor *s)
{
    log_warn(NULL, "asked to stop twice: killing all");
    for (size_t i = 0; i < s->n_units; i++) {
        struct unit *u = s->units[i];

        u->wanted = false;
        unit_event(s, u, EV_STOP);
        if (u->child.state == CHILD_STOPPING)
            unit_event(s, u, EV_DEADLINE);
    }
}
