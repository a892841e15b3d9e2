/* monitor_main.c - kelos-monitor: reads the launch from descriptor 3, tells descriptor 4. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"
#include "local/runner/launch.h"
#include "local/runner/monitor.h"

enum { LAUNCH_FD = 3, REPORT_FD = 4 };

int
main(int argc, char **argv)
{
    struct err e = ERR_INIT;
    struct stat st;

    log_init("monitor", LEVEL_INFO, LOG_TEXT);
    if (argc != 1 || fstat(LAUNCH_FD, &st) < 0 || !S_ISREG(st.st_mode) ||
        st.st_size == 0) {
        fprintf(stderr,
                "usage: %s, with a launch description on descriptor 3: kelos-runner "
                "starts it\n",
                argv[0]);
        return 2;
    }
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, LAUNCH_FD, 0);
    SCOPED(launch) struct launch *l = NULL;
    if (bytes != MAP_FAILED)
        l = launch_decode(bytes, (size_t)st.st_size, &e);
    if (l == NULL) {
        log_error(NULL, "%s", e.text);
        return 1;
    }
    munmap(bytes, (size_t)st.st_size);
    close(LAUNCH_FD);
    fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC);
    return monitor_run(l, REPORT_FD);
}
