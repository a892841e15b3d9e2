#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/metrics/pages.h"

Test(pages, what_the_worker_writes_the_supervisor_reads)
{
    struct err e = ERR_INIT;
    int fd = page_create("test", &e), ro = page_read_only(fd, &e);
    struct page *writer = page_map(fd, true, &e);
    struct page *reader = page_map(ro, false, &e);

    cr_assert_not_null(writer, "%s", e.text);
    cr_assert_not_null(reader, "%s", e.text);
    atomic_store(&writer->loops, 42);
    cr_expect_eq(atomic_load(&reader->loops), 42);
    page_unmap(writer);
    page_unmap(reader);
    close(fd);
    close(ro);
}

Test(pages, the_read_only_view_cannot_be_mapped_for_writing)
{
    struct err e = ERR_INIT;
    int fd = page_create("test", &e), ro = page_read_only(fd, &e);

    cr_expect_null(page_map(ro, true, &e));
    cr_expect_eq(write(ro, "x", 1), -1);
    close(fd);
    close(ro);
}

Test(pages, a_page_cannot_be_cut_under_its_readers)
{
    struct err e = ERR_INIT;
    int fd = page_create("test", &e);

    cr_expect_eq(ftruncate(fd, 0), -1);
    cr_expect_eq(ftruncate(fd, (off_t)sizeof(struct page) * 2), -1);
    close(fd);
}

Test(pages, something_else_is_not_mapped)
{
    struct err e = ERR_INIT;
    int fd = memfd_create("other", MFD_CLOEXEC);

    cr_expect_null(page_map(fd, true, &e));
    cr_expect_eq(ftruncate(fd, (off_t)sizeof(struct page)), 0);
    cr_expect_null(page_map(fd, true, &e));
    cr_expect_not_null(strstr(e.text, "not a page of this version"));
    close(fd);
    cr_expect_null(page_map(-1, true, &e));
}
