/* refresh.h - `kelos-spawner --refresh-token`: keeps the token of a GitHub App in a file, beside a
 * spawner in the same Pod. */
#ifndef KELOS_SPAWNER_REFRESH_H
#define KELOS_SPAWNER_REFRESH_H

/* Environment: APP_ID, INSTALLATION_ID, GITHUB_API_BASE_URL (of an enterprise's host). The key
 * is read from --key-file (/etc/github-app/privateKey), anew for each token; the token is put as
 * GITHUB_TOKEN into --token-dir (/shared/token), in one piece and readable by its owner alone.
 * Runs until SIGTERM or SIGINT (returns 0). Returns 1 when the arguments or the environment are
 * wrong, or no first token could be had in six attempts, --retry-wait seconds (10) apart. */
int refresh_run(int argc, char **argv);

#endif
