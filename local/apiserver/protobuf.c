/* protobuf.c - see protobuf.h. Messages are described by tables of their fields; what the
 * tables do not name is skipped, as protobuf readers do. */
#include "local/apiserver/protobuf.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"

#define DEPTH_MAX 20

/* How a field is written in JSON. */
enum kind { K_STRING, K_BYTES, K_INT, K_BOOL, K_MESSAGE, K_TIME, K_QUANTITY };
enum shape { ONE, MANY, MAP };

struct message;
struct field {
    unsigned number;
    const char *name;
    enum kind kind;
    enum shape shape;
    const struct message *message;
};

struct message {
    const struct field *fields;
    size_t count;
};

/* What is left of a message. */
struct input {
    const unsigned char *p, *end;
};

/* clang-format off */
#define MESSAGE(name, ...) \
    static const struct field name##_fields[] = {__VA_ARGS__}; \
    static const struct message name = {name##_fields, ARRAY_LEN(name##_fields)};

MESSAGE(owner_ref, {1, "kind", K_STRING, ONE, NULL}, {3, "name", K_STRING, ONE, NULL}, {4, "uid", K_STRING, ONE, NULL},
        {5, "apiVersion", K_STRING, ONE, NULL}, {6, "controller", K_BOOL, ONE, NULL}, {7, "blockOwnerDeletion", K_BOOL, ONE, NULL})
MESSAGE(object_meta, {1, "name", K_STRING, ONE, NULL}, {2, "generateName", K_STRING, ONE, NULL}, {3, "namespace", K_STRING, ONE, NULL},
        {5, "uid", K_STRING, ONE, NULL}, {6, "resourceVersion", K_STRING, ONE, NULL}, {7, "generation", K_INT, ONE, NULL},
        {11, "labels", K_STRING, MAP, NULL}, {12, "annotations", K_STRING, MAP, NULL},
        {13, "ownerReferences", K_MESSAGE, MANY, &owner_ref}, {14, "finalizers", K_STRING, MANY, NULL})
MESSAGE(object_ref, {1, "kind", K_STRING, ONE, NULL}, {2, "namespace", K_STRING, ONE, NULL}, {3, "name", K_STRING, ONE, NULL},
        {4, "uid", K_STRING, ONE, NULL}, {5, "apiVersion", K_STRING, ONE, NULL})
MESSAGE(local_ref, {1, "name", K_STRING, ONE, NULL})
MESSAGE(namespace_spec, {1, "finalizers", K_STRING, MANY, NULL})
MESSAGE(namespace_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "spec", K_MESSAGE, ONE, &namespace_spec})
MESSAGE(secret_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "data", K_BYTES, MAP, NULL}, {3, "type", K_STRING, ONE, NULL},
        {4, "stringData", K_STRING, MAP, NULL}, {5, "immutable", K_BOOL, ONE, NULL})
MESSAGE(configmap_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "data", K_STRING, MAP, NULL},
        {3, "binaryData", K_BYTES, MAP, NULL}, {4, "immutable", K_BOOL, ONE, NULL})
MESSAGE(account_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "secrets", K_MESSAGE, MANY, &object_ref},
        {3, "imagePullSecrets", K_MESSAGE, MANY, &local_ref}, {4, "automountServiceAccountToken", K_BOOL, ONE, NULL})

MESSAGE(key_selector, {2, "key", K_STRING, ONE, NULL}, {1, "name", K_MESSAGE, ONE, &local_ref}, {3, "optional", K_BOOL, ONE, NULL})
MESSAGE(field_selector, {1, "apiVersion", K_STRING, ONE, NULL}, {2, "fieldPath", K_STRING, ONE, NULL})
MESSAGE(env_source, {1, "fieldRef", K_MESSAGE, ONE, &field_selector}, {3, "configMapKeyRef", K_MESSAGE, ONE, &key_selector},
        {4, "secretKeyRef", K_MESSAGE, ONE, &key_selector})
MESSAGE(env_var, {1, "name", K_STRING, ONE, NULL}, {2, "value", K_STRING, ONE, NULL}, {3, "valueFrom", K_MESSAGE, ONE, &env_source})
MESSAGE(port, {1, "name", K_STRING, ONE, NULL}, {2, "hostPort", K_INT, ONE, NULL}, {3, "containerPort", K_INT, ONE, NULL},
        {4, "protocol", K_STRING, ONE, NULL}, {5, "hostIP", K_STRING, ONE, NULL})
MESSAGE(resources, {1, "limits", K_QUANTITY, MAP, NULL}, {2, "requests", K_QUANTITY, MAP, NULL})
MESSAGE(mount, {1, "name", K_STRING, ONE, NULL}, {2, "readOnly", K_BOOL, ONE, NULL}, {3, "mountPath", K_STRING, ONE, NULL},
        {4, "subPath", K_STRING, ONE, NULL})
MESSAGE(container, {1, "name", K_STRING, ONE, NULL}, {2, "image", K_STRING, ONE, NULL}, {3, "command", K_STRING, MANY, NULL},
        {4, "args", K_STRING, MANY, NULL}, {5, "workingDir", K_STRING, ONE, NULL}, {6, "ports", K_MESSAGE, MANY, &port},
        {7, "env", K_MESSAGE, MANY, &env_var}, {8, "resources", K_MESSAGE, ONE, &resources}, {9, "volumeMounts", K_MESSAGE, MANY, &mount},
        {13, "terminationMessagePath", K_STRING, ONE, NULL}, {14, "imagePullPolicy", K_STRING, ONE, NULL}, {16, "stdin", K_BOOL, ONE, NULL},
        {17, "stdinOnce", K_BOOL, ONE, NULL}, {18, "tty", K_BOOL, ONE, NULL}, {20, "terminationMessagePolicy", K_STRING, ONE, NULL})
MESSAGE(empty, {1, "medium", K_STRING, ONE, NULL})
MESSAGE(secret_volume, {1, "secretName", K_STRING, ONE, NULL}, {3, "defaultMode", K_INT, ONE, NULL})
MESSAGE(configmap_volume, {1, "name", K_MESSAGE, ONE, &local_ref}, {3, "defaultMode", K_INT, ONE, NULL})
MESSAGE(host_path, {1, "path", K_STRING, ONE, NULL}, {2, "type", K_STRING, ONE, NULL})
MESSAGE(volume_source, {1, "hostPath", K_MESSAGE, ONE, &host_path}, {2, "emptyDir", K_MESSAGE, ONE, &empty},
        {6, "secret", K_MESSAGE, ONE, &secret_volume}, {19, "configMap", K_MESSAGE, ONE, &configmap_volume})
MESSAGE(volume, {1, "name", K_STRING, ONE, NULL}, {2, "", K_MESSAGE, ONE, &volume_source})
MESSAGE(pod_spec, {1, "volumes", K_MESSAGE, MANY, &volume}, {2, "containers", K_MESSAGE, MANY, &container}, {3, "restartPolicy", K_STRING, ONE, NULL},
        {4, "terminationGracePeriodSeconds", K_INT, ONE, NULL}, {5, "activeDeadlineSeconds", K_INT, ONE, NULL}, {6, "dnsPolicy", K_STRING, ONE, NULL},
        {7, "nodeSelector", K_STRING, MAP, NULL}, {8, "serviceAccountName", K_STRING, ONE, NULL}, {9, "serviceAccount", K_STRING, ONE, NULL}, {10, "nodeName", K_STRING, ONE, NULL},
        {19, "schedulerName", K_STRING, ONE, NULL}, {20, "initContainers", K_MESSAGE, MANY, &container}, {30, "enableServiceLinks", K_BOOL, ONE, NULL})
MESSAGE(pod_template, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "spec", K_MESSAGE, ONE, &pod_spec})
MESSAGE(pod_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "spec", K_MESSAGE, ONE, &pod_spec})
MESSAGE(expression, {1, "key", K_STRING, ONE, NULL}, {2, "operator", K_STRING, ONE, NULL}, {3, "values", K_STRING, MANY, NULL})
MESSAGE(label_selector, {1, "matchLabels", K_STRING, MAP, NULL}, {2, "matchExpressions", K_MESSAGE, MANY, &expression})
MESSAGE(job_spec, {1, "parallelism", K_INT, ONE, NULL}, {2, "completions", K_INT, ONE, NULL}, {3, "activeDeadlineSeconds", K_INT, ONE, NULL},
        {4, "selector", K_MESSAGE, ONE, &label_selector}, {5, "manualSelector", K_BOOL, ONE, NULL}, {6, "template", K_MESSAGE, ONE, &pod_template},
        {7, "backoffLimit", K_INT, ONE, NULL}, {8, "ttlSecondsAfterFinished", K_INT, ONE, NULL}, {9, "completionMode", K_STRING, ONE, NULL},
        {10, "suspend", K_BOOL, ONE, NULL})
MESSAGE(job_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "spec", K_MESSAGE, ONE, &job_spec})
MESSAGE(job_template, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "spec", K_MESSAGE, ONE, &job_spec})
MESSAGE(cronjob_spec, {1, "schedule", K_STRING, ONE, NULL}, {2, "startingDeadlineSeconds", K_INT, ONE, NULL}, {3, "concurrencyPolicy", K_STRING, ONE, NULL},
        {4, "suspend", K_BOOL, ONE, NULL}, {5, "jobTemplate", K_MESSAGE, ONE, &job_template}, {6, "successfulJobsHistoryLimit", K_INT, ONE, NULL},
        {7, "failedJobsHistoryLimit", K_INT, ONE, NULL}, {8, "timeZone", K_STRING, ONE, NULL})
MESSAGE(cronjob_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "spec", K_MESSAGE, ONE, &cronjob_spec})
MESSAGE(deployment_spec, {1, "replicas", K_INT, ONE, NULL}, {2, "selector", K_MESSAGE, ONE, &label_selector}, {3, "template", K_MESSAGE, ONE, &pod_template},
        {5, "minReadySeconds", K_INT, ONE, NULL}, {6, "revisionHistoryLimit", K_INT, ONE, NULL}, {7, "paused", K_BOOL, ONE, NULL})
MESSAGE(deployment_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "spec", K_MESSAGE, ONE, &deployment_spec})
MESSAGE(policy_rule, {1, "verbs", K_STRING, MANY, NULL}, {2, "apiGroups", K_STRING, MANY, NULL}, {3, "resources", K_STRING, MANY, NULL},
        {4, "resourceNames", K_STRING, MANY, NULL}, {5, "nonResourceURLs", K_STRING, MANY, NULL})
MESSAGE(role_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "rules", K_MESSAGE, MANY, &policy_rule})
MESSAGE(rbac_subject, {1, "kind", K_STRING, ONE, NULL}, {2, "apiGroup", K_STRING, ONE, NULL}, {3, "name", K_STRING, ONE, NULL}, {4, "namespace", K_STRING, ONE, NULL})
MESSAGE(role_ref, {1, "apiGroup", K_STRING, ONE, NULL}, {2, "kind", K_STRING, ONE, NULL}, {3, "name", K_STRING, ONE, NULL})
MESSAGE(binding_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "subjects", K_MESSAGE, MANY, &rbac_subject}, {3, "roleRef", K_MESSAGE, ONE, &role_ref})
MESSAGE(resource_attributes, {1, "namespace", K_STRING, ONE, NULL}, {2, "verb", K_STRING, ONE, NULL}, {3, "group", K_STRING, ONE, NULL}, {4, "version", K_STRING, ONE, NULL},
        {5, "resource", K_STRING, ONE, NULL}, {6, "subresource", K_STRING, ONE, NULL}, {7, "name", K_STRING, ONE, NULL})
MESSAGE(path_attributes, {1, "path", K_STRING, ONE, NULL}, {2, "verb", K_STRING, ONE, NULL})
MESSAGE(review_spec, {1, "resourceAttributes", K_MESSAGE, ONE, &resource_attributes}, {2, "nonResourceAttributes", K_MESSAGE, ONE, &path_attributes})
MESSAGE(review_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "spec", K_MESSAGE, ONE, &review_spec})
MESSAGE(rules_review_spec, {1, "namespace", K_STRING, ONE, NULL})
MESSAGE(rules_review_message, {1, "metadata", K_MESSAGE, ONE, &object_meta}, {2, "spec", K_MESSAGE, ONE, &rules_review_spec})
MESSAGE(plain_message, {1, "metadata", K_MESSAGE, ONE, &object_meta})

static const struct { const char *kind; const struct message *message; } kinds[] = {
    {"Namespace", &namespace_message}, {"Secret", &secret_message}, {"ConfigMap", &configmap_message},
    {"ServiceAccount", &account_message}, {"Pod", &pod_message}, {"Job", &job_message}, {"CronJob", &cronjob_message},
    {"Deployment", &deployment_message}, {"Role", &role_message}, {"ClusterRole", &role_message},
    {"RoleBinding", &binding_message}, {"ClusterRoleBinding", &binding_message},
    {"SelfSubjectAccessReview", &review_message}, {"SelfSubjectRulesReview", &rules_review_message}, {"SelfSubjectReview", &plain_message},
};
/* clang-format on */

static int
bad(struct err *e, const char *why)
{
    return err_set(e, ERR_PROTO, "protobuf: %s", why);
}

static int
varint(struct input *in, uint64_t *out, struct err *e)
{
    *out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (in->p == in->end)
            return bad(e, "cut short");
        *out |= (uint64_t)(*in->p & 0x7f) << shift;
        if ((*in->p++ & 0x80) == 0)
            return 0;
    }
    return bad(e, "a number is too long");
}

/* The next field: its number, and its value as a number or as bytes. 1, 0 at the end, -1. */
static int
next_field(struct input *in, unsigned *number, uint64_t *value, struct input *bytes,
           struct err *e)
{
    uint64_t tag, size = 0;

    if (in->p == in->end)
        return 0;
    if (varint(in, &tag, e) < 0)
        return -1;
    *number = (unsigned)(tag >> 3);
    *bytes = (struct input){NULL, NULL};
    *value = 0;
    switch (tag & 7) {
    case 0:
        return varint(in, value, e) < 0 ? -1 : 1;
    case 1:
        size = 8;
        break;
    case 2:
        if (varint(in, &size, e) < 0)
            return -1;
        break;
    case 5:
        size = 4;
        break;
    default:
        return bad(e, "unknown wire type");
    }
    if (size > (uint64_t)(in->end - in->p))
        return bad(e, "cut short");
    *bytes = (struct input){in->p, in->p + size};
    in->p += size;
    return 1;
}

static json_t *read_message(const struct message *m, struct input in, int depth,
                            struct err *e);

static json_t *
text_of(struct input in, struct err *e)
{
    json_t *text =
        json_stringn(in.p != NULL ? (const char *)in.p : "", (size_t)(in.end - in.p));

    if (text == NULL || strlen(json_string_value(text)) != json_string_length(text)) {
        json_decref(text);
        bad(e, "text that is not UTF-8");
        return NULL;
    }
    return text;
}

/* resource.Quantity: its text is field 1. */
static json_t *
quantity_of(struct input in, struct err *e)
{
    unsigned number;
    uint64_t value;
    struct input bytes;
    int rc;

    while ((rc = next_field(&in, &number, &value, &bytes, e)) == 1)
        if (number == 1)
            return text_of(bytes, e);
    return rc < 0 ? NULL : json_string("0");
}

static json_t *
read_value(const struct field *f, uint64_t value, struct input bytes, int depth,
           struct err *e)
{
    switch (f->kind) {
    case K_INT:
        return json_integer((json_int_t)(int64_t)value);
    case K_BOOL:
        return json_boolean(value != 0);
    case K_STRING:
        return text_of(bytes, e);
    case K_QUANTITY:
        return quantity_of(bytes, e);
    case K_BYTES: {
        SCOPED(buf) struct buf text = BUF_INIT;

        base64_encode(&text, bytes.p, (size_t)(bytes.end - bytes.p));
        json_t *out = json_string(buf_str(&text));
        buf_wipe(&text);
        return out;
    }
    default:
        return read_message(f->message, bytes, depth + 1, e);
    }
}

/* An entry of a map: key is field 1, value field 2. */
static int
read_entry(const struct field *f, struct input in, json_t *map, int depth, struct err *e)
{
    SCOPED(json) json_t *key = json_string("");
    SCOPED(json) json_t *value = NULL;
    unsigned number;
    uint64_t n;
    struct input bytes;
    int rc;

    while ((rc = next_field(&in, &number, &n, &bytes, e)) == 1) {
        json_t **at = number == 1 ? &key : number == 2 ? &value : NULL;

        if (at == NULL)
            continue;
        json_decref(*at);
        *at = number == 1 ? text_of(bytes, e) : read_value(f, n, bytes, depth, e);
        if (*at == NULL)
            return -1;
    }
    if (rc < 0)
        return -1;
    return json_object_set_new(map, json_string_value(key),
                               value != NULL ? TAKE(value) : json_string(""));
}

static int
store_field(const struct field *f, json_t *out, uint64_t value, struct input bytes,
            int depth, struct err *e)
{
    json_t *have = json_object_get(out, f->name), *v;

    if (f->shape == MAP) {
        if (have == NULL) {
            have = json_object();
            json_object_set_new(out, f->name, have);
        }
        return read_entry(f, bytes, have, depth, e);
    }
    if ((v = read_value(f, value, bytes, depth, e)) == NULL)
        return e->code != ERR_NONE ? -1 : bad(e, "a value cannot be read");
    if (f->shape == MANY) {
        if (have == NULL) {
            have = json_array();
            json_object_set_new(out, f->name, have);
        }
        return json_array_append_new(have, v);
    }
    /* An embedded message's fields are the parent's; an embedded reference is its name. */
    if (f->name[0] == '\0') {
        json_object_update(out, v);
        json_decref(v);
        return 0;
    }
    if (f->message == &local_ref && strcmp(f->name, "name") == 0) {
        json_object_set(out, "name", json_object_get(v, "name"));
        json_decref(v);
        return 0;
    }
    return json_object_set_new(out, f->name, v);
}

/* Empty texts stand for absent ones: protobuf of Kubernetes always writes them. */
static bool
worth_keeping(const struct field *f, uint64_t value, struct input bytes)
{
    static const char *const zeros[] = {
        "generation", "stdin",  "stdinOnce",       "tty",
        "readOnly",   "paused", "minReadySeconds", "hostPort"};

    if (f->shape != ONE)
        return true;
    if (f->kind == K_STRING)
        return bytes.end > bytes.p;
    for (size_t i = 0; value == 0 && i < ARRAY_LEN(zeros); i++)
        if (strcmp(zeros[i], f->name) == 0)
            return false;
    return true;
}

static json_t *
read_message(const struct message *m, struct input in, int depth, struct err *e)
{
    SCOPED(json) json_t *out = json_object();
    unsigned number;
    uint64_t value;
    struct input bytes;
    int rc;

    if (depth > DEPTH_MAX) {
        bad(e, "nested too deeply");
        return NULL;
    }
    while ((rc = next_field(&in, &number, &value, &bytes, e)) == 1) {
        bool known = false;

        for (size_t i = 0; i < m->count; i++) {
            if (m->fields[i].number != number)
                continue;
            known = true;
            if (worth_keeping(&m->fields[i], value, bytes) &&
                store_field(&m->fields[i], out, value, bytes, depth, e) < 0)
                return NULL;
        }
        /* What shall run may not lose a right or a limit on the way. */
        if (!known && (m == &pod_spec || m == &container) &&
            (value != 0 || bytes.end > bytes.p)) {
            bad(e, "this part of a Pod is read as JSON only");
            return NULL;
        }
    }
    return rc < 0 ? NULL : TAKE(out);
}

/* runtime.Unknown: 1 typeMeta {1 apiVersion, 2 kind}, 2 raw. */
static int
read_envelope(struct input in, json_t **version, json_t **kind, struct input *raw,
              struct err *e)
{
    unsigned number;
    uint64_t value;
    struct input bytes, meta;
    int rc, inner;

    while ((rc = next_field(&in, &number, &value, &bytes, e)) == 1) {
        if (number == 2)
            *raw = bytes;
        if (number != 1)
            continue;
        meta = bytes;
        while ((inner = next_field(&meta, &number, &value, &bytes, e)) == 1) {
            json_t **at = number == 1 ? version : number == 2 ? kind : NULL;

            if (at == NULL)
                continue;
            json_decref(*at);
            if ((*at = text_of(bytes, e)) == NULL)
                return -1;
        }
        if (inner < 0)
            return -1;
    }
    return rc;
}

json_t *
protobuf_decode(const char *bytes, size_t size, const char *kind, struct err *e)
{
    SCOPED(json) json_t *version = NULL;
    SCOPED(json) json_t *own = NULL;
    struct input in = {(const unsigned char *)bytes + 4,
                       (const unsigned char *)bytes + size},
                 raw = {NULL, NULL};
    json_t *out;

    if (size < 4 || memcmp(bytes, "k8s\0", 4) != 0) {
        bad(e, "does not begin as Kubernetes writes it");
        return NULL;
    }
    if (read_envelope(in, &version, &own, &raw, e) < 0)
        return NULL;
    if (own == NULL || strcmp(json_string_value(own), kind) != 0) {
        bad(e, "is of another kind");
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) != 0)
            continue;
        if ((out = read_message(kinds[i].message, raw, 0, e)) == NULL)
            return NULL;
        json_object_set_new(out, "kind", TAKE(own));
        if (version != NULL)
            json_object_set_new(out, "apiVersion", TAKE(version));
        return out;
    }
    bad(e, "this kind is read as JSON only");
    return NULL;
}
