/* trash.h - removes the files of Pods, beside the loop: a checkout can be large. */
#ifndef KELOS_LOCAL_RUNNER_TRASH_H
#define KELOS_LOCAL_RUNNER_TRASH_H

/* Kills what still runs in D/pods/<uid>, moves the directory away and removes it. */
void trash_pod(const char *pods_dir, const char *uid);
/* Moves D/pods/<uid>/.volumes away and removes it. */
void trash_volumes(const char *pods_dir, const char *uid);
/* Removes what an earlier runner moved away. */
void trash_empty(const char *pods_dir);

/* Ends every container under D/pods: SIGTERM to each monitor, and SIGINT (kill) to those
 * that still live after `grace_ms`. Returns how many there were. For `kelos down`. */
int trash_end_all(const char *pods_dir, long grace_ms);

#endif
