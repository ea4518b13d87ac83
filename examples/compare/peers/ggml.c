/* The side of llama.cpp in `make compare`: its CPU backend, ggml, on one thread. It answers the requests of
 * compare.py, one a line of words on stdin, with one line on stdout; see README.md. A row is a type of ggml and
 * the buffer that its weights lie in: "q4_K/CPU" is as in the file, "q4_K/CPU_REPACK" laid out anew for this CPU. */
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static ggml_backend_t backend;
static int rows, cols, given, batch;
static float *w, *x; /* w [given, cols], over and over up to rows; x [batch, cols] */
static float *y;     /* results of the last call */
static int ny;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * t.tv_sec + t.tv_nsec;
}

static float *readfile(const char *name, int *n) {
    FILE *f = fopen(name, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    float *p = malloc(size);
    *n = (int)(size / 4);
    if (p && fread(p, 1, size, f) != (size_t)size) *n = 0;
    fclose(f);
    return p;
}

static enum ggml_type type_of(const char *row, char *buffer) {
    char name[64];
    snprintf(name, sizeof name, "%s", row);
    char *slash = strchr(name, '/');
    strcpy(buffer, slash ? slash + 1 : "CPU");
    if (slash) *slash = 0;
    for (int t = 0; t < GGML_TYPE_COUNT; t++) {
        const char *known = ggml_type_name(t);
        if (known && !strcmp(known, name)) return t;
    }
    return GGML_TYPE_COUNT;
}

static ggml_backend_buffer_type_t buffer_type(const char *name) {
    if (!strcmp(name, "CPU")) return ggml_backend_cpu_buffer_type();
    ggml_backend_dev_t dev = ggml_backend_get_device(backend);
    ggml_backend_dev_get_extra_bufts_t extra = (ggml_backend_dev_get_extra_bufts_t)
        ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(dev), "ggml_backend_dev_get_extra_bufts");
    for (ggml_backend_buffer_type_t *b = extra ? extra(dev) : NULL; b && *b; b++)
        if (!strcmp(ggml_backend_buft_name(*b), name)) return *b;
    return NULL;
}

/* quantised returns the matrix in a type. importance is one number a column or NULL; types that cannot do without take
 * all columns for equally important then. */
static void *quantised(enum ggml_type type, const float *from, const float *importance, int r, int c, size_t *bytes) {
    float *same = malloc(c * sizeof *same);
    for (int i = 0; i < c; i++) same[i] = 1;
    if (!importance && ggml_quantize_requires_imatrix(type)) importance = same;
    *bytes = ggml_row_size(type, c) * r;
    void *q = malloc(*bytes);
    ggml_quantize_chunk(type, from, q, 0, r, c, importance);
    free(same);
    return q;
}

/* kept is the last matrices quantised: a row is asked for many times. */
static struct { enum ggml_type type; void *q; size_t bytes; } kept[GGML_TYPE_COUNT];

static void *matrix(enum ggml_type type, size_t *bytes) {
    if (!kept[type].q) kept[type].q = quantised(type, w, NULL, given, cols, &kept[type].bytes);
    *bytes = kept[type].bytes;
    return kept[type].q;
}

static int compare(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

static void answer_time(const char *row, const char *regime, double ms, double least) {
    char where[64];
    enum ggml_type type = type_of(row, where);
    ggml_backend_buffer_type_t buft = buffer_type(where);
    if (type == GGML_TYPE_COUNT || !buft) {
        printf("error this build has no %s on this CPU\n", row);
        return;
    }
    size_t part, bytes = ggml_row_size(type, cols) * rows;
    char *q = matrix(type, &part), *all = malloc(bytes);
    for (size_t at = 0; at < bytes; at += part) memcpy(all + at, q, part < bytes - at ? part : bytes - at);
    int n = strcmp(regime, "batch") ? 1 : batch;
    int copies = strcmp(regime, "cold") ? 1 : (int)(least / bytes) + 1;
    /* A graph goes through all copies. With one copy it has many nodes of the same weights, as a graph has a start. */
    int nodes = copies > 1 ? copies : n > 1 ? 1 : 32;

    struct ggml_init_params small = {ggml_tensor_overhead() * (copies + 8), NULL, true};
    struct ggml_init_params large = {ggml_tensor_overhead() * (nodes + 8) + ggml_graph_overhead_custom(2 * nodes + 8, false), NULL, true};
    struct ggml_context *weights = ggml_init(small), *work = ggml_init(large);
    struct ggml_tensor **t = malloc(copies * sizeof *t);
    for (int i = 0; i < copies; i++) t[i] = ggml_new_tensor_2d(weights, type, cols, rows);
    ggml_backend_buffer_t held = ggml_backend_alloc_ctx_tensors_from_buft(weights, buft);
    if (!held || (strcmp(where, "CPU") && !t[0]->extra)) {
        printf("error no layout of %s in %s for this CPU\n", ggml_type_name(type), where);
        ggml_free(work);
        ggml_free(weights);
        if (held) ggml_backend_buffer_free(held);
        free(all);
        free(t);
        return;
    }
    ggml_backend_tensor_set(t[0], all, 0, bytes); /* and lays it out anew */
    for (int i = 1; i < copies; i++) memcpy(t[i]->data, t[0]->data, bytes);
    struct ggml_tensor *in = ggml_new_tensor_2d(work, GGML_TYPE_F32, cols, n), *out = NULL;
    struct ggml_cgraph *graph = ggml_new_graph_custom(work, 2 * nodes + 8, false);
    for (int i = 0; i < nodes; i++) {
        out = ggml_mul_mat(work, t[i % copies], in);
        ggml_build_forward_expand(graph, out);
    }
    ggml_backend_buffer_t results = ggml_backend_alloc_ctx_tensors_from_buft(work, ggml_backend_cpu_buffer_type());
    ggml_backend_tensor_set(in, x, 0, sizeof(float) * cols * n);

    enum { most = 10000 };
    static double took[most];
    int count = 0;
    ggml_backend_graph_compute(backend, graph);
    ggml_backend_graph_compute(backend, graph);
    for (double start = now(); count < most && (count < 3 || now() - start < 1e6 * ms); count++) {
        double from = now();
        ggml_backend_graph_compute(backend, graph);
        took[count] = (now() - from) / nodes;
    }
    qsort(took, count, sizeof *took, compare);
    ny = n * rows;
    y = realloc(y, sizeof(float) * ny);
    ggml_backend_tensor_get(out, y, 0, sizeof(float) * ny);
    printf("ok %f %f %zu %d\n", took[0], took[count / 2], bytes, copies);
    ggml_backend_buffer_free(results);
    ggml_backend_buffer_free(held);
    ggml_free(work);
    ggml_free(weights);
    free(all);
    free(t);
}

/* rebuilt reads a matrix, quantises it and returns what comes back, NULL if that cannot be done. Blocks do not cross a
 * row: rows that are no multiple of a block are joined until they are. */
static float *rebuilt(const char *row, const char *file, const char *importance, int r, int c, float **from, size_t *bytes) {
    char where[64];
    enum ggml_type type = type_of(row, where);
    int n, columns = 0, join = 1;
    float *weights = importance ? readfile(importance, &columns) : NULL;
    *from = readfile(file, &n);
    bool fine = type != GGML_TYPE_COUNT && *from && n == r * c && (!importance || (weights && columns == c));
    while (fine && join * c % ggml_blck_size(type)) join++;
    if (!fine || r % join) {
        free(weights);
        return NULL;
    }
    if (weights) {
        weights = realloc(weights, sizeof(float) * join * c);
        for (int i = c; i < join * c; i++) weights[i] = weights[i - c];
    }
    void *q = quantised(type, *from, weights, r / join, join * c, bytes);
    float *back = malloc(sizeof(float) * n);
    ggml_get_type_traits(type)->to_float(q, back, n);
    free(q);
    free(weights);
    return back;
}

static void answer_error(const char *row, const char *file, int r, int c) {
    size_t bytes;
    float *from, *back = rebuilt(row, file, NULL, r, c, &from, &bytes);
    if (back) {
        double noise = 0, signal = 0;
        for (int i = 0; i < r * c; i++) {
            noise += ((double)back[i] - from[i]) * ((double)back[i] - from[i]);
            signal += (double)from[i] * from[i];
        }
        printf("ok %.9g %.9g %zu\n", noise, signal, 8 * bytes);
    } else {
        printf("error cannot quantise %s to %s\n", file, row);
    }
    free(back);
    free(from);
}

static bool writefile(const char *name, const float *values, int n) {
    FILE *f = fopen(name, "wb");
    bool fine = f && fwrite(values, sizeof(float), n, f) == (size_t)n;
    return f && !fclose(f) && fine;
}

static void answer_rebuild(const char *row, const char *file, const char *importance, int r, int c, const char *to) {
    size_t bytes;
    float *from, *back = rebuilt(row, file, strcmp(importance, "-") ? importance : NULL, r, c, &from, &bytes);
    if (back && writefile(to, back, r * c)) printf("ok %zu\n", 8 * bytes);
    else printf("error cannot rebuild %s from %s\n", file, row);
    free(back);
    free(from);
}

int main(void) {
    char line[8192], a[1024], b[1024], d[1024], e[1024];
    int r, c, n;
    double ms, least;
    backend = ggml_backend_cpu_init();
    ggml_backend_cpu_set_n_threads(backend, 1);
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "load %d %d %1023s %1023s", &r, &c, a, b) == 4) {
            rows = r, cols = c;
            free(w), free(x);
            w = readfile(a, &n);
            given = n / cols;
            x = readfile(b, &n);
            batch = n / cols;
            for (int t = 0; t < GGML_TYPE_COUNT; t++) free(kept[t].q), kept[t].q = NULL;
            puts(w && x ? "ok" : "error cannot read");
        } else if (sscanf(line, "row %1023s", a) == 1) {
            char where[64];
            enum ggml_type type = type_of(a, where);
            if (type == GGML_TYPE_COUNT || !buffer_type(where)) printf("error this build has no %s on this CPU\n", a);
            else printf("ok %f %s %s\n", 8. * ggml_row_size(type, cols) / cols, where, where);
        } else if (sscanf(line, "time %1023s %1023s %lf %lf", a, b, &ms, &least) == 4) {
            answer_time(a, b, ms, least);
        } else if (sscanf(line, "output %1023s", a) == 1) {
            puts(writefile(a, y, ny) ? "ok" : "error cannot write");
        } else if (sscanf(line, "error %1023s %1023s %d %d", a, b, &r, &c) == 4) {
            answer_error(a, b, r, c);
        } else if (sscanf(line, "rebuild %1023s %1023s %1023s %d %d %1023s", a, b, d, &r, &c, e) == 6) {
            answer_rebuild(a, b, d, r, c, e);
        } else {
            puts("error no such request");
        }
        fflush(stdout);
    }
    return 0;
}
