/* cmd_completion.c - kelos completion: the scripts that teach a shell to ask __complete. */
#include "cli/command/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct flag flags[] = {
    {.name = "no-descriptions", .type = FLAG_BOOL, .help = "leave descriptions out"},
};

/* In each script @COMPLETE@ stands for __complete or __completeNoDesc. */
static const char bash_script[] =
    "# bash completion of kelos\n"
    "_kelos_complete() {\n"
    "    local current=\"${COMP_WORDS[COMP_CWORD]}\" line candidates=() directive=0\n"
    "    local words=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n"
    "    while IFS= read -r line; do\n"
    "        case \"$line\" in\n"
    "            :[0-9]*) directive=\"${line#:}\" ;;\n"
    "            *) candidates+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done < <(\"${COMP_WORDS[0]}\" @COMPLETE@ \"${words[@]}\" \"$current\" "
    "2>/dev/null)\n"
    "    COMPREPLY=()\n"
    "    for line in \"${candidates[@]}\"; do\n"
    "        [[ \"$line\" == \"$current\"* ]] && COMPREPLY+=(\"$line\")\n"
    "    done\n"
    "    if ((directive & 2)); then compopt -o nospace; fi\n"
    "    if ((!(directive & 4) && ${#COMPREPLY[@]} == 0)); then compopt -o default; fi\n"
    "}\n"
    "complete -F _kelos_complete kelos\n";

static const char zsh_script[] =
    "#compdef kelos\n"
    "_kelos() {\n"
    "    local line directive=0 -a candidates\n"
    "    while IFS= read -r line; do\n"
    "        case \"$line\" in\n"
    "            :[0-9]*) directive=\"${line#:}\" ;;\n"
    "            *) line=\"${line//:/\\\\:}\"; candidates+=(\"${line/$'\\t'/:}\") ;;\n"
    "        esac\n"
    "    done < <(${words[1]} @COMPLETE@ \"${(@)words[2,CURRENT-1]}\" "
    "\"${words[CURRENT]}\" 2>/dev/null)\n"
    "    _describe 'kelos' candidates\n"
    "    if ((!(directive & 4) && ${#candidates} == 0)); then _files; fi\n"
    "}\n"
    "compdef _kelos kelos\n";

static const char fish_script[] =
    "# fish completion of kelos\n"
    "function __kelos_complete\n"
    "    set -l words (commandline -opc) (commandline -ct)\n"
    "    set -l program $words[1]\n"
    "    for line in ($program @COMPLETE@ $words[2..-1] 2>/dev/null)\n"
    "        string match -qr '^:[0-9]+$' -- $line; or echo $line\n"
    "    end\n"
    "end\n"
    "complete -c kelos -f -a '(__kelos_complete)'\n";

static const char powershell_script[] =
    "# PowerShell completion of kelos\n"
    "Register-ArgumentCompleter -Native -CommandName kelos -ScriptBlock {\n"
    "    param($wordToComplete, $commandAst, $cursorPosition)\n"
    "    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object "
    "{ \"$_\" })\n"
    "    if ($wordToComplete -ne '' -and $words.Count -gt 0) {\n"
    "        $words = @($words | Select-Object -SkipLast 1)\n"
    "    }\n"
    "    & kelos @COMPLETE@ @words \"$wordToComplete\" 2>$null |\n"
    "        Where-Object { $_ -notmatch '^:\\d+$' } |\n"
    "        ForEach-Object {\n"
    "            $name, $text = $_ -split \"`t\", 2\n"
    "            if (-not $text) { $text = $name }\n"
    "            [System.Management.Automation.CompletionResult]::new($name, $name, "
    "'ParameterValue', $text)\n"
    "        }\n"
    "}\n";

static int
print_script(struct cli *c, const char *script)
{
    static const char mark[] = "@COMPLETE@";
    const char *name =
        args_bool(c->args, "no-descriptions") ? "__completeNoDesc" : "__complete";
    const char *at;

    while ((at = strstr(script, mark)) != NULL) {
        printf("%.*s%s", (int)(at - script), script, name);
        script = at + sizeof(mark) - 1;
    }
    fputs(script, stdout);
    return 0;
}

static int
run_bash(struct cli *c, struct err *e UNUSED)
{
    return print_script(c, bash_script);
}

static int
run_zsh(struct cli *c, struct err *e UNUSED)
{
    return print_script(c, zsh_script);
}

static int
run_fish(struct cli *c, struct err *e UNUSED)
{
    return print_script(c, fish_script);
}

static int
run_powershell(struct cli *c, struct err *e UNUSED)
{
    return print_script(c, powershell_script);
}

#define SHELL(shell, text, how, function)                                                \
    {                                                                                    \
        .name = shell, .summary = text, .flags = FLAGS(flags), .examples = how,          \
        .no_config = true, .completes = COMPLETE_NOTHING, .run = function                \
    }

static const struct command bash =
    SHELL("bash", "Script for bash", "  source <(kelos completion bash)\n", run_bash);
static const struct command fish =
    SHELL("fish", "Script for fish", "  kelos completion fish | source\n", run_fish);
static const struct command powershell = SHELL(
    "powershell", "Script for PowerShell",
    "  kelos completion powershell | Out-String | Invoke-Expression\n", run_powershell);
static const struct command zsh =
    SHELL("zsh", "Script for zsh", "  source <(kelos completion zsh)\n", run_zsh);
static const struct command *const children[] = {&bash, &fish, &powershell, &zsh, NULL};

const struct command command_completion = {
    .name = "completion",
    .summary = "Print a script that completes kelos commands in a shell",
    .children = children,
    .no_config = true,
    .verb = "completed",
    .choices = "bash, fish, powershell or zsh",
};
