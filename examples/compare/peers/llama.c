/* The side of llama.cpp as a whole in `make compare COMPARE=decoder`: libllama, on its CPU backend.
 *
 *   llama-side quantize FROM TO TYPE       writes a GGUF file of another type, a number of enum llama_ftype
 *   llama-side run MODEL THREADS TOKENS    answers requests, one a line, like palettize's side (decode.go):
 *                                          "PROMPT MORE" -> "ok SECONDS SECONDS BYTES": to take in a prompt of so many
 *                                          tokens, and for each of so many more, the most likely ones; of all weights
 *
 * TOKENS is the most that a text has. */
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void quiet(enum ggml_log_level level, const char *text, void *data) {
    (void)data;
    if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

static int quantize(const char *from, const char *to, int type) {
    llama_model_quantize_params p = llama_model_quantize_default_params();
    p.ftype = type;
    p.allow_requantize = true;
    return llama_model_quantize(from, to, &p) != 0;
}

static int run(const char *path, int threads, int tokens) {
    struct llama_model_params mp = llama_model_default_params();
    struct llama_model *model = llama_model_load_from_file(path, mp);
    struct llama_context_params cp = llama_context_default_params();
    cp.n_ctx = tokens;
    cp.n_threads = cp.n_threads_batch = threads;
    struct llama_context *ctx = model ? llama_init_from_model(model, cp) : NULL;
    if (!ctx) {
        puts("error cannot open the model");
        return 1;
    }
    int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
    llama_token *prompt = malloc(tokens * sizeof *prompt);
    int first, more;
    while (scanf("%d %d", &first, &more) == 2) {
        if (first < 1 || more < 1 || first + more > tokens) {
            puts("error too many tokens");
            return 1;
        }
        for (int i = 0; i < first; i++) prompt[i] = 1000 + i * 7919 % 20000;
        llama_memory_clear(llama_get_memory(ctx), true);
        double start = now(), taken = 0;
        llama_token *next = prompt;
        for (int i = 0, n = first; i <= more; i++, n = 1) {
            if (llama_decode(ctx, llama_batch_get_one(next, n))) {
                puts("error llama_decode failed");
                return 1;
            }
            const float *logits = llama_get_logits_ith(ctx, -1);
            int best = 0;
            for (int t = 1; t < vocabulary; t++)
                if (logits[t] > logits[best]) best = t;
            next = prompt;
            *next = best;
            if (i == 0) {
                taken = now() - start;
                start = now();
            }
        }
        printf("ok %.6f %.6f %llu\n", taken, (now() - start) / more, (unsigned long long)llama_model_size(model));
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv) {
    llama_log_set(quiet, NULL);
    llama_backend_init();
    if (argc == 5 && !strcmp(argv[1], "quantize")) return quantize(argv[2], argv[3], atoi(argv[4]));
    if (argc == 5 && !strcmp(argv[1], "run")) return run(argv[2], atoi(argv[3]), atoi(argv[4]));
    fputs("usage: llama-side quantize FROM TO TYPE | run MODEL THREADS TOKENS\n", stderr);
    return 2;
}
