/* init_text.h - what kelos init writes and says. */
#ifndef KELOS_CLI_INIT_TEXT_H
#define KELOS_CLI_INIT_TEXT_H

extern const char init_template[];
extern const char init_template_older[]; /* of axon, see dialect.h */
/* A format with the file's path, once. */
#define init_next_steps                                                                  \
    "What next:\n"                                                                       \
    "  1. Get a credential for your agent:\n"                                            \
    "     - Claude Code, subscription: run `claude setup-token`\n"                       \
    "     - Claude Code, API key: https://console.anthropic.com/settings/keys\n"         \
    "     - Codex: https://platform.openai.com/api-keys\n"                               \
    "     - Gemini: https://aistudio.google.com/app/apikey\n"                            \
    "  2. Put it into %s\n"                                                              \
    "  3. Have somewhere to run: kelos up starts everything on this machine\n"           \
    "  4. kelos run -p \"Say hello\", then kelos logs <task-name> -f\n"

#endif
