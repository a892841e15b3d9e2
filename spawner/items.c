#include "spawner/items.h"

#include <openssl/evp.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/macros.h"
#include "common/utf8.h"

enum { CHUNK_BYTES = 64 << 10, ID_MAX = 128, LABELS_MAX = 256 };

/* Texts live in chunks that are released together. */
struct chunk {
    struct chunk *next;
    size_t used, size;
    char bytes[];
};

struct items *
items_new(void)
{
    return calloc(1, sizeof(struct items));
}

void
items_free(struct items *s)
{
    if (s == NULL)
        return;
    for (struct chunk *c = s->chunks, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    free(s->rows);
    free(s);
}

static void *
take(struct items *s, size_t size)
{
    struct chunk *c = s->chunks;
    void *out;

    size = (size + 7) & ~(size_t)7;
    if (c == NULL || c->size - c->used < size) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;

        if ((c = malloc(sizeof(*c) + room)) == NULL)
            return NULL;
        *c = (struct chunk){.next = s->chunks, .size = room};
        s->chunks = c;
    }
    out = c->bytes + c->used;
    c->used += size;
    return out;
}

/* A copy of at most `most` bytes; "" for NULL. */
static const char *
copy(struct items *s, const char *text, size_t most)
{
    size_t size = text != NULL ? strlen(text) : 0;
    char *out;

    if (size == 0)
        return "";
    size = utf8_cut(text, size, most);
    if ((out = take(s, size + 1)) == NULL)
        return "";
    memcpy(out, text, size);
    out[size] = '\0';
    s->bytes += size;
    return out;
}

static struct msg_strs
copy_labels(struct items *s, const struct msg_strs *from)
{
    size_t n = from->count < LABELS_MAX ? from->count : LABELS_MAX;
    const char **rows = n > 0 ? take(s, n * sizeof(*rows)) : NULL;

    if (rows == NULL)
        return (struct msg_strs){NULL, 0};
    for (size_t i = 0; i < n; i++)
        rows[i] = copy(s, from->items[i], 512);
    return (struct msg_strs){rows, n};
}

static size_t
text_size(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

int
items_add(struct items *s, const struct msg_item *item)
{
    size_t more = text_size(item->body) + text_size(item->comments) +
                  text_size(item->title) + text_size(item->review_comments);
    struct msg_item *rows = s->rows;

    if (text_size(item->id) == 0 || text_size(item->id) > ID_MAX ||
        s->n >= LIMIT_SOURCE_SET_ITEMS || s->bytes + more > LIMIT_SOURCE_SET_BYTES) {
        s->left_out++;
        return -1;
    }
    if (s->n == s->capacity) {
        size_t capacity = s->capacity * 2 + 16;

        if ((rows = realloc(s->rows, capacity * sizeof(*rows))) == NULL) {
            s->left_out++;
            return -1;
        }
        s->rows = rows;
        s->capacity = capacity;
    }
    s->rows[s->n++] =
        (struct msg_item){.id = copy(s, item->id, ID_MAX),
                          .number = item->number,
                          .title = copy(s, item->title, 4096),
                          .body = copy(s, item->body, 262144),
                          .url = copy(s, item->url, 2048),
                          .labels = copy_labels(s, &item->labels),
                          .comments = copy(s, item->comments, 262144),
                          .kind = copy(s, item->kind, 128),
                          .author = copy(s, item->author, 128),
                          .trigger_time = item->trigger_time,
                          .time = copy(s, item->time, 40),
                          .schedule = copy(s, item->schedule, 512),
                          .branch = copy(s, item->branch, 512),
                          .sha = copy(s, item->sha, 64),
                          .review_state = copy(s, item->review_state, 32),
                          .review_comments = copy(s, item->review_comments, 262144)};
    return 0;
}

/* ---- digest ---- */

static void
to_hex(const unsigned char *hash, char out[DIGEST_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 32; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[64] = '\0';
}

void
digest_hex(const void *bytes, size_t size, char out[DIGEST_SIZE])
{
    unsigned char hash[EVP_MAX_MD_SIZE];

    EVP_Digest(bytes, size, hash, NULL, EVP_sha256(), NULL);
    to_hex(hash, out);
}

/* A text with its size in front, so that ("ab", "c") is not ("a", "bc"). */
static void
add_text(EVP_MD_CTX *ctx, const char *text)
{
    uint64_t size = strlen(text);

    EVP_DigestUpdate(ctx, &size, sizeof(size));
    EVP_DigestUpdate(ctx, text, (size_t)size);
}

void
items_digest(const struct items *s, char out[DIGEST_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char hash[EVP_MAX_MD_SIZE];

    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    for (size_t i = 0; i < s->n; i++) {
        const struct msg_item *x = &s->rows[i];
        const char *const texts[] = {
            x->id,   x->title,        x->body,           x->url,      x->comments,
            x->kind, x->author,       x->time,           x->schedule, x->branch,
            x->sha,  x->review_state, x->review_comments};
        const int64_t numbers[] = {x->number, x->trigger_time, (int64_t)x->labels.count};

        EVP_DigestUpdate(ctx, numbers, sizeof(numbers));
        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            add_text(ctx, texts[k]);
        for (size_t k = 0; k < x->labels.count; k++)
            add_text(ctx, x->labels.items[k]);
    }
    EVP_DigestFinal_ex(ctx, hash, NULL);
    EVP_MD_CTX_free(ctx);
    to_hex(hash, out);
}

/* ---- pages and JSON ---- */

size_t
items_page(const struct items *s, size_t from)
{
    size_t bytes = 0, n = 0;

    for (; from + n < s->n && n < LIMIT_SOURCE_PAGE_ITEMS; n++) {
        const struct msg_item *x = &s->rows[from + n];

        bytes += strlen(x->title) + strlen(x->body) + strlen(x->comments) +
                 strlen(x->review_comments) + strlen(x->url) + 1024;
        for (size_t k = 0; k < x->labels.count; k++)
            bytes += strlen(x->labels.items[k]);
        if (n > 0 && bytes > LIMIT_SOURCE_PAGE_BYTES)
            break;
    }
    return n;
}

json_t *
items_json(const struct items *s)
{
    json_t *out = json_array();

    for (size_t i = 0; i < s->n; i++) {
        const struct msg_item *x = &s->rows[i];
        json_t *labels = json_array();

        for (size_t k = 0; k < x->labels.count; k++)
            json_array_append_new(labels, json_string(x->labels.items[k]));
        json_array_append_new(
            out,
            json_pack(
                "{s:s, s:I, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, "
                "s:s, s:s}",
                "id", x->id, "number", (json_int_t)x->number, "title", x->title, "body",
                x->body, "url", x->url, "labels", labels, "comments", x->comments, "kind",
                x->kind, "author", x->author, "trigger_time", (json_int_t)x->trigger_time,
                "time", x->time, "schedule", x->schedule, "branch", x->branch, "sha",
                x->sha, "review_state", x->review_state, "review_comments",
                x->review_comments));
    }
    return out;
}
