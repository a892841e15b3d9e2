/* gitscript.c - see gitscript.h. */
#include "reconciler/job/gitscript.h"

#include <string.h>

/* Where a token is due: only the repository's own host is answered. A user in the URL wins
 * over x-access-token. `git@HOST:` cannot carry a token, so it goes over https; so does
 * git:// unless it names a port, as a git daemon of one's own does. */
#define CREDENTIALS                                                                      \
    "helper='!f() { test \"$1\" = get || exit 0; t=; "                                   \
    "if [ -r \"${KELOS_GITHUB_TOKEN_FILE:-}\" ]; then t=$(cat "                          \
    "\"$KELOS_GITHUB_TOKEN_FILE\"); fi; "                                                \
    "echo \"password=${t:-$GITHUB_TOKEN}\"; }; f'\n"                                     \
    "scheme=https insteadof=\n"                                                          \
    "case $repo in\n"                                                                    \
    "http://*) scheme=http host=${repo#http://} ;;\n"                                    \
    "git@*) host=${repo#git@} host=${host%%:*} insteadof=git@$host: ;;\n"                \
    "*://*) host=${repo#*://} ;;\n"                                                      \
    "*) host=$repo ;;\n"                                                                 \
    "esac\n"                                                                             \
    "host=${host%%/*} host=${host##*@}\n"                                                \
    "case $repo in git://*) case $host in *:*) ;; *) insteadof=git://$host/ ;; esac ;; " \
    "esac\n"                                                                             \
    "site=$scheme://$host\n"

/* With the token in reach; an empty helper first, so that no inherited one is asked. */
#define WITH_TOKEN                                                                       \
    "git -c credential.helper= -c \"credential.$site.helper=$helper\" "                  \
    "-c \"credential.$site.username=x-access-token\" "                                   \
    "${insteadof:+-c \"url.$site/.insteadOf=$insteadof\"}"

#define KEEP_HELPER                                                                      \
    "git -C /workspace/repo config credential.helper ''\n"                               \
    "git -C /workspace/repo config --replace-all \"credential.$site.helper\" "           \
    "\"$helper\"\n"                                                                      \
    "git -C /workspace/repo config \"credential.$site.username\" x-access-token\n"       \
    "if [ -n \"$insteadof\" ]; then\n"                                                   \
    "    git -C /workspace/repo config \"url.$site/.insteadOf\" \"$insteadof\"\n"        \
    "fi\n"

const char gitscript_clone[] =
    "set -eu\n"
    "repo= dir=\n"
    "for a in \"$@\"; do repo=$dir dir=$a; done\n" /* the last two */
    CREDENTIALS WITH_TOKEN " \"$@\"\n" KEEP_HELPER;

#define FETCH_COMMIT                                                                     \
    "git init -q \"$dir\"\n"                                                             \
    "cd \"$dir\"\n"                                                                      \
    "git remote add origin \"$repo\"\n"

const char gitscript_commit[] = "set -eu\n"
                                "sha=$1 repo=$2 dir=$3 depth=${4:-1}\n" FETCH_COMMIT
                                "git fetch --depth \"$depth\" origin \"$sha\"\n"
                                "git checkout -q --detach FETCH_HEAD\n";

const char gitscript_commit_token[] =
    "set -eu\n"
    "sha=$1 repo=$2 dir=$3 depth=${4:-1}\n" CREDENTIALS FETCH_COMMIT WITH_TOKEN
    " fetch --depth \"$depth\" origin \"$sha\"\n"
    "git checkout -q --detach FETCH_HEAD\n" KEEP_HELPER;

/* ls-remote tells "absent" (2) from "no answer" (anything else). */
#define BRANCH                                                                           \
    "ref=refs/heads/$KELOS_BRANCH tip=refs/remotes/origin/$KELOS_BRANCH found=0\n"       \
    "git ls-remote --exit-code origin \"$ref\" > /dev/null || found=$?\n"                \
    "if [ $found -ne 0 ] && [ $found -ne 2 ]; then\n"                                    \
    "    echo \"branch-setup: cannot ask origin for $ref\" >&2\n"                        \
    "    exit $found\n"                                                                  \
    "fi\n"                                                                               \
    "if [ $found -eq 0 ]; then\n"                                                        \
    "    git fetch --depth \"${KELOS_CLONE_DEPTH:-1}\" origin \"+$ref:$tip\"\n"          \
    "fi\n"                                                                               \
    "if git show-ref --verify --quiet \"$ref\"; then\n"                                  \
    "    git checkout -q \"$KELOS_BRANCH\" --\n"                                         \
    "    if [ $found -eq 0 ]; then git merge -q --ff-only \"$tip\"; fi\n"                \
    "elif [ $found -eq 0 ]; then\n"                                                      \
    "    git checkout -q -b \"$KELOS_BRANCH\" --track \"origin/$KELOS_BRANCH\"\n"        \
    "else\n"                                                                             \
    "    git checkout -q -b \"$KELOS_BRANCH\"\n"                                         \
    "fi\n"

const char gitscript_branch[] = "set -eu\n"
                                "cd /workspace/repo\n" BRANCH;

const char gitscript_branch_token[] = "set -eu\n"
                                      "cd /workspace/repo\n"
                                      "repo=$(git config remote.origin.url)\n" CREDENTIALS
                                      "git() { command " WITH_TOKEN " \"$@\"; }\n" BRANCH;

/* A link on the way would let the repository choose where we write. What is put there is
 * ours, not the agent's work: git is told not to list it. */
const char gitscript_files[] =
    "set -eu\n"
    "cd /workspace/repo\n"
    "room() {\n"
    "    rest=${1#/workspace/repo/} at=.\n"
    "    while [ \"${rest#*/}\" != \"$rest\" ]; do\n"
    "        at=$at/${rest%%/*} rest=${rest#*/}\n"
    "        if [ -L \"$at\" ]; then\n"
    "            echo \"workspace-files: $at is a symbolic link\" >&2\n"
    "            exit 1\n"
    "        fi\n"
    "        [ -d \"$at\" ] || mkdir \"$at\"\n"
    "    done\n"
    "    if [ -L \"$1\" ]; then rm -f \"$1\"; fi\n"
    "    printf '%s\\n' \"/${1#/workspace/repo/}\" | sed 's/[][\\*?]/\\\\&/g' "
    ">> .git/info/exclude\n"
    "}\n"
    "put() { room \"$1\"; printf '%s' \"$2\" | base64 -d > \"$1\"; }\n"
    "put_file() { room \"$1\"; cat \"$2\" > \"$1\"; }\n"
    "mkdir -p .git/info\n";

const char gitscript_plugins[] =
    "set -eu\n"
    "cd /kelos-plugin-src\n"
    "for f in * .[!.]*; do\n"
    "    if [ -e \"$f\" ]; then cp -RL \"$f\" /kelos/plugin/; fi\n"
    "done\n";

int
gitscript_quote(struct buf *out, const char *text)
{
    buf_add_char(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buf_add_str(out, "'\"'\"'");
        else
            buf_add_char(out, *text);
    }
    return buf_add_char(out, '\'');
}
