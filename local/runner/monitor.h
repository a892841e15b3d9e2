/* monitor.h - the life of kelos-monitor: one container, from its claim to its exit file.
 *
 * A monitor outlives the runner that started it. SIGTERM asks the container to end
 * (SIGTERM to its process group, SIGKILL after the launch's grace time); a second SIGTERM,
 * or SIGINT, kills at once. SIGKILL of the monitor kills the container with it. */
#ifndef KELOS_LOCAL_RUNNER_MONITOR_H
#define KELOS_LOCAL_RUNNER_MONITOR_H

#include "local/runner/launch.h"

/* Exit status of a monitor that found its attempt taken: look at the claim again. */
#define MONITOR_TAKEN 3

/* Runs the container. `report_fd` (or -1) gets one byte 'S' when the container's program
 * runs. Returns the exit status: 0 when exit.N was written, MONITOR_TAKEN, or 1. */
int monitor_run(const struct launch *l, int report_fd);

#endif
