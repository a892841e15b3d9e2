/* test_gitscript.c - the init containers' scripts run for real, with git, in a folder of their
 * own: /workspace, /kelos and so on are replaced by it, as are the doubled dollars. */
#include <ftw.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/job/gitscript.h"
#include "reconciler/job/job.h"

#define URL "https://git.example/acme/web.git"

static char dir[64]; /* the folder of this test */
static const struct images images = {.git = "git", .node = "node"};

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)type;
    (void)f;
    return remove(path);
}

static void
finish(void)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Runs a shell text in the folder; its exit status. */
static int sh(const char *fmt, ...) PRINTF_LIKE(1, 2);

static int
sh(const char *fmt, ...)
{
    char *text = NULL, *command = NULL;
    va_list ap;

    va_start(ap, fmt);
    cr_assert(vasprintf(&text, fmt, ap) >= 0);
    va_end(ap);
    cr_assert(asprintf(&command, "cd %s && { %s\n} > out.txt 2> err.txt", dir, text) >=
              0);
    int status = system(command);
    free(text);
    free(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* The first line that the last sh() printed. */
static const char *
line(void)
{
    static char text[4096];
    char path[100];

    snprintf(path, sizeof path, "%s/out.txt", dir);
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(text, sizeof text, f) == NULL)
        text[0] = '\0';
    if (f != NULL)
        fclose(f);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* A bare repository with main, a branch "topic", a tag "v1"; reached under URL. */
static void
start(void)
{
    snprintf(dir, sizeof dir, "/tmp/gitscript.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    setenv("HOME", dir, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("GIT_TERMINAL_PROMPT", "0", 1);
    cr_assert_eq(sh("git config --global user.email a@b.c\n"
                    "git config --global user.name tester\n"
                    "git config --global init.defaultBranch main\n"
                    "git config --global advice.detachedHead false\n"
                    "git config --global uploadpack.allowAnySHA1InWant true\n"
                    "git config --global safe.directory '*'\n"
                    "git config --global url.file://%s/bare.git.insteadOf " URL "\n"
                    "git init -q --bare bare.git && git init -q seed && cd seed\n"
                    "echo one > a.txt && git add . && git commit -qm one && git tag v1\n"
                    "echo two > a.txt && git commit -qam two\n"
                    "git branch topic && git checkout -q topic\n"
                    "echo topic > t.txt && git add . && git commit -qm topic\n"
                    "git checkout -q main && git push -q ../bare.git main topic v1\n"
                    "mkdir -p ../workspace ../kelos/plugin",
                    dir),
                 0);
}

/* What the kubelet does with $$, and where the paths really are. */
static char *
placed(const char *text)
{
    static const char *const roots[] = {"/workspace", "/kelos-plugin-src", "/kelos/"};
    SCOPED(buf) struct buf out = BUF_INIT;

    while (*text != '\0') {
        for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
            if (strncmp(text, roots[i], strlen(roots[i])) == 0)
                buf_add_str(&out, dir);
        if (text[0] == '$' && text[1] == '$')
            text++;
        buf_add_char(&out, *text++);
    }
    return buf_take(&out);
}

static void
exec_container(const json_t *c)
{
    char *argv[64];
    size_t n = 0;
    const json_t *command = json_object_get(c, "command"),
                 *args = json_object_get(c, "args");
    const json_t *env = json_object_get(c, "env");

    if (command == NULL)
        argv[n++] = strdup("git");
    for (size_t i = 0; i < json_array_size(command); i++)
        argv[n++] = placed(json_string_value(json_array_get(command, i)));
    for (size_t i = 0; i < json_array_size(args); i++)
        argv[n++] = placed(json_string_value(json_array_get(args, i)));
    argv[n] = NULL;
    for (size_t i = 0; i < json_array_size(env); i++) {
        const json_t *v = json_array_get(env, i);
        setenv(json_str_or(v, "name", ""), placed(json_str_or(v, "value", "env-token")),
               1);
    }
    execvp(argv[0], argv);
}

/* The exit status of one init container. */
static int
run_container(const json_t *c)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL ||
            freopen("/dev/null", "w", stdout) == NULL)
            _exit(126);
        exec_container(c);
        _exit(127);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Runs the init containers in order; the status of the first that fails, *which its name (valid
 * until the next call; "" when none did). */
static int
prepare(const char *spec, const char *workspace, const char *config, const char *secret,
        const char **which)
{
    static char failed[64];
    struct job_wanted out;
    struct err e = ERR_INIT;
    struct task_view *t = make_task("fix", "", spec, "");
    const struct job_wish w = {
        .task = t,
        .workspace =
            workspace == NULL
                ? NULL
                : make_view(KIND_WORKSPACE, 0,
                            js("{'metadata':{'name':'w'},'spec':{%s}}", workspace)),
        .agent_config =
            config == NULL
                ? NULL
                : make_view(KIND_AGENT_CONFIG, 0,
                            js("{'metadata':{'name':'c'},'spec':{%s}}", config)),
        .prompt = "x",
        .token_secret = secret,
        .images = &images};

    failed[0] = '\0';
    *which = failed;
    cr_assert_eq(job_build(&w, &out, &e), 0, "%s", e.text);
    const json_t *all = json_at(out.job, "spec.template.spec.initContainers");
    for (size_t i = 0; i < json_array_size(all); i++) {
        int status = run_container(json_array_get(all, i));
        if (status != 0) {
            snprintf(failed, sizeof failed, "%s",
                     json_str_or(json_array_get(all, i), "name", ""));
            job_wanted_free(&out);
            return status;
        }
    }
    job_wanted_free(&out);
    return 0;
}

#define REPO "'repo':'" URL "'"

Test(gitscript, a_branch_of_the_remote_is_checked_out_at_its_tip, .init = start,
     .fini = finish)
{
    static const char *const secrets[] = {NULL, "s"};
    const char *which;

    for (int i = 0; i < 2; i++) {
        cr_assert_eq(
            prepare("'branch':'topic'", REPO ",'ref':'main'", NULL, secrets[i], &which),
            0, "%s", which);
        cr_assert_eq(sh("cd workspace/repo && git branch --show-current"), 0);
        cr_assert_str_eq(line(), "topic");
        cr_assert_eq(sh("cd workspace/repo && test \"$(git rev-parse HEAD)\" = "
                        "\"$(git -C ../../seed rev-parse topic)\""),
                     0);
        cr_assert_eq(sh("rm -rf workspace/repo"), 0);
    }
}

Test(gitscript, a_branch_that_is_new_starts_from_the_base, .init = start, .fini = finish)
{
    static const char *const secrets[] = {NULL, "s"};
    const char *which;

    for (int i = 0; i < 2; i++) {
        cr_assert_eq(
            prepare("'branch':'fix/new'", REPO ",'ref':'main'", NULL, secrets[i], &which),
            0, "%s", which);
        cr_assert_eq(sh("cd workspace/repo && git branch --show-current"), 0);
        cr_assert_str_eq(line(), "fix/new");
        cr_assert_eq(sh("cd workspace/repo && test \"$(git rev-parse HEAD)\" = "
                        "\"$(git -C ../../seed rev-parse main)\""),
                     0);
        cr_assert_eq(sh("rm -rf workspace/repo"), 0);
    }
}

Test(gitscript, the_branch_that_was_cloned_stays, .init = start, .fini = finish)
{
    const char *which;

    cr_assert_eq(prepare("'branch':'main'", REPO ",'ref':'main'", NULL, NULL, &which), 0,
                 "%s", which);
    cr_assert_eq(sh("cd workspace/repo && git branch --show-current"), 0);
    cr_assert_str_eq(line(), "main");
    row_claim("TE/WS16");
}

Test(gitscript, a_remote_that_does_not_answer_fails, .init = start, .fini = finish)
{
    const char *which;

    cr_assert_eq(prepare("", REPO, NULL, NULL, &which), 0);
    cr_assert_eq(sh("mv bare.git away.git"), 0);
    SCOPED(buf) struct buf script = BUF_INIT;
    char *text = placed(gitscript_branch);
    gitscript_quote(&script, text);
    cr_assert_neq(sh("KELOS_BRANCH=topic sh -c %s", buf_str(&script)), 0);
    cr_assert_eq(sh("cd workspace/repo && git branch --show-current"), 0);
    cr_assert_str_eq(line(), "main");
    row_claim("TE/W-G4"); /* absent is a_branch_that_is_new_starts_from_the_base */
    free(text);
}

Test(gitscript, a_tag_and_a_commit_are_detached, .init = start, .fini = finish)
{
    static const char *const secrets[] = {NULL, "s"};
    char workspace[200], sha[64];
    const char *which;

    cr_assert_eq(prepare("", REPO ",'ref':'v1'", NULL, NULL, &which), 0);
    cr_assert_eq(sh("cd workspace/repo && cat a.txt && git branch --show-current | grep "
                    ". && exit 1"
                    " || exit 0"),
                 0);
    cr_assert_str_eq(line(), "one");
    cr_assert_eq(sh("git -C seed rev-parse v1"), 0);
    snprintf(sha, sizeof sha, "%s", line());
    snprintf(workspace, sizeof workspace, REPO ",'ref':'%s'", sha);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(sh("rm -rf workspace/repo"), 0);
        cr_assert_eq(prepare("", workspace, NULL, secrets[i], &which), 0, "%s", which);
        cr_assert_eq(sh("git -C workspace/repo rev-parse HEAD"), 0);
        cr_assert_str_eq(line(), sha);
    }
    row_claim("RES/W14");
    row_claim("TE/W-G1");
}

Test(gitscript, the_token_goes_to_its_own_host_alone, .init = start, .fini = finish)
{
    const char *which;
    const char *const ask =
        "cd workspace/repo && export GITHUB_TOKEN=from-env "
        "KELOS_GITHUB_TOKEN_FILE=%s/token && printf 'protocol=https\\nhost=%s\\n%s\\n' "
        "| git credential fill | grep %s";

    cr_assert_eq(prepare("", REPO, NULL, "s", &which), 0, "%s", which);
    cr_assert_eq(sh(ask, dir, "git.example", "", "password"), 0);
    cr_assert_str_eq(line(), "password=from-env");
    cr_assert_eq(sh("echo from-file > token"), 0);
    cr_assert_eq(sh(ask, dir, "git.example", "", "password"), 0);
    cr_assert_str_eq(line(), "password=from-file");
    cr_assert_eq(sh(ask, dir, "git.example", "", "username"), 0);
    cr_assert_str_eq(line(), "username=x-access-token");
    cr_assert_eq(sh(ask, dir, "git.example", "username=bot\\n", "username"), 0);
    cr_assert_str_eq(line(), "username=bot");
    cr_assert_neq(sh(ask, dir, "evil.example", "", "password"), 0);
    cr_assert_neq(sh("grep -r -e from-env -e from-file -e env-token workspace/repo/.git"),
                  0);
    row_claim("ADD/LT4");
    row_claim("TE/W-G3");
}

Test(gitscript, remotes_are_data, .init = start, .fini = finish)
{
    const char *which;

    cr_assert_eq(
        prepare("",
                REPO
                ",'remotes':[{'name':'upstream','url':'https://x/$(touch${IFS}pwned)'},"
                "{'name':'private','url':'https://y/z'}]",
                NULL, NULL, &which),
        0, "%s", which);
    cr_assert_eq(sh("git -C workspace/repo remote get-url upstream"), 0);
    cr_assert_str_eq(line(), "https://x/$(touch${IFS}pwned)");
    cr_assert_eq(sh("rm -rf workspace/repo"), 0);
    cr_assert_neq(
        prepare("", REPO ",'remotes':[{'name':'bad;touch pwned','url':'https://x/y'}]",
                NULL, NULL, &which),
        0);
    cr_assert_str_eq(which, "remote-setup"); /* git refuses the name */
    cr_assert_eq(sh("find . -name 'pwned*' | grep . && exit 1 || exit 0"), 0);
}

Test(gitscript, files_are_written_and_not_listed, .init = start, .fini = finish)
{
    const char *which;

    cr_assert_eq(prepare("",
                         REPO
                         ",'files':[{'path':'CLAUDE.md','content':'rule \\u0024(x) ü'},"
                         "{'path':'.claude/skills/[a] b/SKILL.md','content':''}]",
                         NULL, NULL, &which),
                 0, "%s", which);
    cr_assert_eq(sh("cat workspace/repo/CLAUDE.md"), 0);
    cr_assert_str_eq(line(), "rule $(x) ü");
    cr_assert_eq(sh("test -f 'workspace/repo/.claude/skills/[a] b/SKILL.md'"), 0);
    cr_assert_eq(
        sh("git -C workspace/repo status --porcelain | grep . && exit 1 || exit 0"), 0);
    cr_assert_eq(sh("cd workspace/repo && git add -A && git diff --cached --quiet"), 0);
}

Test(gitscript, files_do_not_follow_links_of_the_repository, .init = start,
     .fini = finish)
{
    const char *which;

    cr_assert_eq(
        sh("mkdir outside && cd seed && ln -s ../../outside docs && git add docs && "
           "git commit -qm link && git push -q ../bare.git main"),
        0);
    cr_assert_neq(prepare("", REPO ",'files':[{'path':'docs/x.md','content':'x'}]", NULL,
                          NULL, &which),
                  0);
    cr_assert_str_eq(which, "workspace-files");
    cr_assert_eq(sh("ls outside | grep . && exit 1 || exit 0"), 0);
    row_claim("TE/W-G6");
}

Test(gitscript, plugins_are_copied_but_the_kubelets_own_entries, .init = start,
     .fini = finish)
{
    const char *which;

    cr_assert_eq(sh("mkdir -p kelos-plugin-src/..data/p/skills/s && echo S > "
                    "kelos-plugin-src/..data/p/skills/s/SKILL.md && ln -s ..data/p "
                    "kelos-plugin-src/p"),
                 0);
    cr_assert_eq(prepare("", NULL,
                         "'plugins':[{'name':'p','skills':[{'name':'s','content':'S'}]}]",
                         NULL, &which),
                 0, "%s", which);
    cr_assert_eq(
        sh("cat kelos/plugin/p/skills/s/SKILL.md && test ! -e kelos/plugin/..data"), 0);
    cr_assert_str_eq(line(), "S");
}

/* ---- where git is kept from doing what the original lets it ---- */

Test(gitscript, an_ssh_address_takes_the_token_over_https, .init = start, .fini = finish)
{
    const char *which;
    char path[4096];

    /* a git that clones what is here, whatever it is told, and says what it was told */
    cr_assert_eq(sh("mkdir bin && real=$(command -v git) && cat > bin/git <<END\n"
                    "#!/bin/sh\n"
                    "case \"\\$*\" in *' clone '*)\n"
                    "    printf '%%s\\n' \"\\$@\" > %s/told; for a; do to=\\$a; done\n"
                    "    exec $real clone -q %s/bare.git \"\\$to\" ;;\n"
                    "esac\n"
                    "exec $real \"\\$@\"\n"
                    "END\n"
                    "chmod 755 bin/git",
                    dir, dir),
                 0);
    snprintf(path, sizeof path, "%s/bin:%s", dir, getenv("PATH"));
    setenv("PATH", path, 1);
    cr_assert_eq(prepare("", "'repo':'git@git.example:acme/web.git'", NULL, "s", &which),
                 0, "%s", which);
    cr_assert_eq(
        sh("grep -x 'url.https://git.example/.insteadOf=git@git.example:' told && "
           "grep -x git@git.example:acme/web.git told"),
        0);
    cr_assert_eq(sh("cd workspace/repo && git remote set-url origin "
                    "git@git.example:acme/web.git && git ls-remote --get-url origin"),
                 0);
    cr_assert_str_eq(line(), "https://git.example/acme/web.git");
    cr_assert_eq(
        sh("cd workspace/repo && printf 'protocol=https\\nhost=git.example\\n\\n' |"
           " GITHUB_TOKEN=t0 git credential fill | grep password"),
        0);
    cr_assert_str_eq(line(), "password=t0");
    row_claim("TE/W-G2");
}

/* How many commits of main there are in the checkout. */
static const char *
commits(void)
{
    cr_assert_eq(sh("git -C workspace/repo rev-list --count HEAD"), 0);
    return line();
}

Test(gitscript, history_is_as_deep_as_is_wanted, .init = start, .fini = finish)
{
    static const struct {
        const char *workspace, *spec, *count;
    } rows[] = {
        {REPO ",'ref':'main'", "", "1"},
        {REPO ",'ref':'main','cloneDepth':0", "", "2"},
        {REPO ",'ref':'main','cloneDepth':2", "", "2"},
        {REPO ",'ref':'main'", "'branch':'topic'", "1"},
        {REPO ",'ref':'main','cloneDepth':2", "'branch':'topic'", "2"},
        {REPO ",'ref':'main','cloneDepth':0", "'branch':'topic'", "3"},
    };
    const char *which;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(prepare(rows[i].spec, rows[i].workspace, NULL, NULL, &which), 0,
                     "%s", which);
        cr_expect_str_eq(commits(), rows[i].count, "row %zu: %s", i, line());
        cr_assert_eq(sh("rm -rf workspace/repo"), 0);
        unsetenv("KELOS_CLONE_DEPTH");
    }
    /* with the history there is a merge base, and a rebase works */
    cr_assert_eq(prepare("'branch':'topic'", REPO ",'ref':'main','cloneDepth':0", NULL,
                         NULL, &which),
                 0);
    cr_assert_eq(
        sh("cd workspace/repo && git merge-base HEAD origin/main && git rebase -q "
           "origin/main"),
        0);
    row_claim("TE/W-G12");
}

Test(gitscript, a_commit_is_as_deep_as_is_wanted, .init = start, .fini = finish)
{
    char workspace[200];
    const char *which;

    cr_assert_eq(sh("git -C seed rev-parse main"), 0);
    snprintf(workspace, sizeof workspace, REPO ",'cloneDepth':0,'ref':'%s'", line());
    cr_assert_eq(prepare("", workspace, NULL, NULL, &which), 0, "%s", which);
    cr_assert_str_eq(commits(), "2");
}

Test(gitscript, a_second_attempt_goes_on_from_what_was_pushed, .init = start,
     .fini = finish)
{
    const char *which;

    cr_assert_eq(prepare("'branch':'work'", REPO ",'ref':'main'", NULL, NULL, &which), 0);
    cr_assert_eq(
        sh("cd workspace/repo && echo 1 > pushed && git add . && git commit -qm 1 "
           "&& git push -q origin work && echo 2 > lost"),
        0);
    cr_assert_eq(sh("rm -rf workspace/repo"), 0); /* the Pod was evicted */
    cr_assert_eq(prepare("'branch':'work'", REPO ",'ref':'main'", NULL, NULL, &which), 0);
    cr_assert_eq(sh("cd workspace/repo && test -f pushed && test ! -e lost && git branch "
                    "--show-current"),
                 0);
    cr_assert_str_eq(line(), "work");
    row_claim("TE/W-J7"); /* as documented; a Job's template cannot number its attempts */
}

/* A repository with two skills, in the place of https://github.com/a/b. */
static void
start_skills(void)
{
    char path[100];

    start();
    snprintf(path, sizeof path, "%s/.gitconfig", dir);
    setenv("GIT_CONFIG_GLOBAL", path, 1); /* HOME is another one in that container */
    cr_assert_eq(
        sh("git config --global url.file://%s/skills.git.insteadOf "
           "https://github.com/a/b\n"
           "git init -q skills && cd skills && mkdir -p skills/deploy/ref "
           ".claude/skills/x\n"
           "printf -- '---\\nname: deploy-it\\n---\\nD1\\n' > skills/deploy/SKILL.md\n"
           "echo r > skills/deploy/ref/r.txt; echo X > .claude/skills/x/SKILL.md\n"
           "git add . && git commit -qm one && git rev-parse HEAD > ../pin\n"
           "printf -- '---\\nname: deploy-it\\n---\\nD2\\n' > skills/deploy/SKILL.md\n"
           "git commit -qam two && cd .. && git clone -q --bare skills skills.git",
           dir),
        0);
}

Test(gitscript, a_pinned_skill_is_that_commit_and_is_seen_by_the_agents,
     .init = start_skills, .fini = finish)
{
    char config[200];
    const char *which;

    cr_assert_eq(sh("cat pin"), 0);
    snprintf(config, sizeof config, "'skills':[{'source':'a/b#%s'}]", line());
    cr_assert_eq(prepare("", NULL, config, NULL, &which), 0, "%s", which);
    /* also those in hidden folders, which a loop over "*" would not see */
    cr_assert_eq(sh("cd kelos/plugin && find . -type f | sort | tr '\\n' ' '"), 0);
    cr_assert_str_eq(line(), "./skills-sh/skills/deploy-it/SKILL.md "
                             "./skills-sh/skills/deploy-it/ref/r.txt "
                             "./skills-sh/skills/x/SKILL.md ");
    cr_assert_eq(sh("tail -n 1 kelos/plugin/skills-sh/skills/deploy-it/SKILL.md"), 0);
    cr_assert_str_eq(line(), "D1");
    row_claim("ADD/AW20");
    cr_assert_eq(sh("rm -rf kelos/plugin && mkdir kelos/plugin; cat pin"), 0);
    snprintf(config, sizeof config,
             "'skills':[{'source':'a/b#%s','skill':'x','secretRef':{'name':'s'}}]",
             line());
    cr_assert_eq(prepare("", NULL, config, NULL, &which), 0, "%s", which);
    cr_assert_eq(sh("ls kelos/plugin/skills-sh/skills"), 0);
    cr_assert_str_eq(line(), "x");
    snprintf(config, sizeof config, "'skills':[{'source':'a/b#%040d'}]", 7);
    cr_assert_neq(prepare("", NULL, config, NULL, &which), 0);
    cr_assert_str_eq(which, "skills-install");
}

Test(gitscript, what_the_skills_tool_hides_is_put_where_agents_look, .init = start,
     .fini = finish)
{
    char path[4096];
    const char *which;

    cr_assert_eq(sh("mkdir bin && printf '#!/bin/sh\\nexit 0\\n' > bin/apk && cp bin/apk "
                    "bin/chown && cat > bin/npx <<'END'\n"
                    "#!/bin/sh\n"
                    "echo \"$*\" >> $HOME/../../told\n"
                    "mkdir -p $HOME/.agents/skills/one $HOME/.npm\n"
                    "echo S > $HOME/.agents/skills/one/SKILL.md\n"
                    "END\n"
                    "chmod 755 bin/*"),
                 0);
    snprintf(path, sizeof path, "%s/bin:%s", dir, getenv("PATH"));
    setenv("PATH", path, 1);
    cr_assert_eq(
        prepare("'type':'gemini'", NULL, "'skills':[{'source':'c/d'}]", NULL, &which), 0,
        "%s", which);
    cr_assert_eq(sh("cat told"), 0); /* no agent's own id, which the tool may not know */
    cr_assert_str_eq(line(), "-y skills add c/d -a universal -y -g");
    cr_assert_eq(sh("cd kelos/plugin && find . -type f && ls -A"), 0);
    cr_assert_str_eq(line(), "./skills-sh/skills/one/SKILL.md");
    cr_assert_eq(sh("ls -A kelos/plugin | tr '\\n' ' '"), 0);
    cr_assert_str_eq(line(), "skills-sh ");
    row_claim("TE/W-A1");
}
