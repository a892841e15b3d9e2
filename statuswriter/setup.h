/* setup.h - runs a Workspace's setupCommand inside the agent's container. */
#ifndef KELOS_STATUSWRITER_SETUP_H
#define KELOS_STATUSWRITER_SETUP_H

/* Runs the program of `command`, a JSON list of strings, with our own standard streams and
 * environment, between banners on stderr. Returns its exit code, 128 + N when signal N ended
 * it, 2 when the text is no such list, 127 when it cannot be started. */
int setup_run(const char *command);

#endif
