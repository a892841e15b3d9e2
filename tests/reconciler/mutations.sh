# mutations.sh - puts twelve faults into copies of the reconciler's files, one at a time, and
# lets the property test look for each. Called by `make mutations`, which sets BUILD, CC, FLAGS,
# LDFLAGS, LIBS and OBJECTS.
#
# A row: number @ file @ what to replace (a sed expression) @ the fault. An expression that
# changes nothing is an error: the table is to follow the code. Row 0 is the code as it is: a
# seed at which that is found wanting would find every fault, and proves nothing.
set -u
STEPS=${STEPS:-50000}
SEEDS=${SEEDS:-11 2 18}
dir=$BUILD/mutations
rm -rf "$dir" && mkdir -p "$dir"
found=0 missed=0 began=$(date +%s)

table() {
    cat <<'ROWS'
1@task/task.c@/^job_is_ours/,/^}/s/return owner.*/return owner == NULL || *owner != 0;/@uid check on adoption dropped
2@task/facts.c@/^claim_of/,/^}/s/if (phase_terminal(t->phase))/if (phase_terminal(t->phase) || (job_of(s, t) != NULL \&\& job_of(s, t)->active == 0))/@branch released before the terminal status
3@task/deps.c@/^deps_hold/,/^}/s/strcmp(dep->view.meta.uid, uids->at\[i\]) != 0/false/@dependency looked up without its uid
4@task/task.c@/^decide(/,/^}/s/if (phase_terminal(t->phase))/if (false)/@terminal guard dropped
5@task/facts.c@s/spawner->total_created >= t->ordinal/spawner->total_created + 1 >= t->ordinal/@ordinal read before its status was acknowledged
6@plan/plan.c@s/c->total >= s->max_total/c->total > s->max_total/@one comparison too wide in a limit
7@echo.c@/^echo_seen/,/^}/s/return order >= 0;/return true;/@read-your-writes skipped
8@task/moves.c@/^decision_fail(/,/^}/s/if (status.completed_ms == 0)/if (false)/@completionTime not set on failure before the Job
9@task/decision.c@/^task_expired/,/^}/s/int64_t end = t->completed_ms/int64_t end = t->started_ms/@TTL counted from start
10@task/follow.c@/^decide_end/,/^}/s/if (f->capture == CAPTURE_ASKED)/if (false)/@outputs written after the phase
11@task/task.c@/^decide_deletion/,/^}/s/if (f->job != NULL && job_is_ours(f))/if (false)/@finalizer removed before the Job's deletion
12@task/branch.c@/^branch_before/,/^}/s/if (x->created_ms != y->created_ms)/if (false)/@two Tasks of one branch ordered by name instead of age
ROWS
}

# build NUMBER FILE EXPRESSION: the property test with that file changed.
build() {
    sed "$3" "reconciler/$2" > "$dir/$1.c"
    if cmp -s "reconciler/$2" "$dir/$1.c"; then
        echo "mutation $1 changes nothing in reconciler/$2: mend its row" >&2
        return 1
    fi
    $CC $FLAGS -c -o "$dir/$1.o" "$dir/$1.c" 2> "$dir/$1.log" || { cat "$dir/$1.log" >&2; return 1; }
    own=$BUILD/obj/reconciler/${2%.c}.o
    objects=
    for o in $OBJECTS; do
        if [ "$o" = "$own" ]; then objects="$objects $dir/$1.o"; else objects="$objects $o"; fi
    done
    $CC $LDFLAGS -o "$dir/$1" $objects $LIBS
}

# look PROGRAM LOG: the first violation within STEPS, as "SEED STEP INVARIANT: WHAT".
look() {
    for seed in $SEEDS; do
        "$1" --steps "$STEPS" --seed "$seed" > "$2" 2>&1 && continue
        line=$(grep -a 'violated at step' "$2") || continue
        echo "$line" | sed "s/^\(.*\) violated at step \([0-9]*\): /$seed \2 \1: /"
        return 0
    done
    return 1
}
row() { printf '%2s  %-55s %-8s %4s %6s  %s\n' "$@"; }

row '#' fault result seed step 'what showed it'
if seen=$(look "$BUILD/tests/reconciler/property" "$dir/0.out"); then
    row 0 'none: the code as it is' WRONG "$(echo "$seen" | cut -d' ' -f1)" "$(echo "$seen" | cut -d' ' -f2)" "${seen#* * }"
    missed=1
else
    row 0 'none: the code as it is' holds "$(echo "$SEEDS" | tr ' ' ,)" "$STEPS" 'every invariant'
fi
while IFS=@ read -r n file expression what; do
    if build "$n" "$file" "$expression" && seen=$(look "$dir/$n" "$dir/$n.out"); then
        found=$((found + 1))
        rest=${seen#* }
        row "$n" "$what" found "${seen%% *}" "${rest%% *}" "${rest#* }"
    else
        missed=$((missed + 1))
        row "$n" "$what" MISSED "$(echo "$SEEDS" | tr ' ' ,)" "$STEPS" ''
    fi
done <<ROWS
$(table)
ROWS
echo "$found of 12 mutations found within $STEPS steps, in $(($(date +%s) - began)) s with their building"
[ "$missed" -eq 0 ] && [ "$found" -eq 12 ]
