package main

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/examples/internal/cli"
)

const (
	mostInputs  = 2048     // texts of a request
	mostRequest = 16 << 20 // bytes of one
	// drain is how long requests that are under way may take once the server is to stop.
	drain = 10 * time.Second
)

type serveOptions struct {
	source
	listen string
}

func newServe(e *env) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve -m MODEL",
		Short: "Answer requests for vectors over HTTP",
		Long: fmt.Sprintf(`serve answers POST /v1/embeddings as the embeddings API of OpenAI does, so
that clients made for that work: "input" is a text or a list of up to %d texts, "encoding_format" is
"float" or "base64". It stops on an interrupt, when the requests that are under way are answered,
with exit code 0.`, mostInputs),
		Example: `  encoder serve -m model.pal &
  curl localhost:8080/v1/embeddings -d '{"input": "a text"}'`,
		Args: cli.Takes(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd.Context(), e, o) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.listen, "listen", "localhost:8080", "`ADDRESS` to listen at")
	return cmd
}

func runServe(ctx context.Context, e *env, o serveOptions) error {
	m, err := o.open(ctx, e.threads)
	if err != nil {
		return err
	}
	defer m.close()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/embeddings", &embeddings{m, filepath.Base(o.model)})
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		ErrorLog: log.New(e.stderr, "encoder: ", 0),
	}
	fmt.Fprintf(e.stderr, "encoder: listening at http://%s\n", listener.Addr())
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		stopped <- server.Shutdown(ctx)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// embeddings answers requests for vectors.
type embeddings struct {
	*embedder
	name string // of the model
}

// inputs is a text or a list of them.
type inputs []string

func (in *inputs) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*in = inputs{one}
		return nil
	}
	var several []string
	if err := json.Unmarshal(text, &several); err != nil {
		return errors.New("input: expected a text or a list of texts")
	}
	*in = several
	return nil
}

type embeddingsRequest struct {
	Input    inputs `json:"input"`
	Encoding string `json:"encoding_format"`
}

type embeddingsResponse struct {
	Object string      `json:"object"` // "list"
	Data   []embedding `json:"data"`
	Model  string      `json:"model"`
	Usage  struct {
		Prompt int `json:"prompt_tokens"`
		Total  int `json:"total_tokens"`
	} `json:"usage"`
}

type embedding struct {
	Object string `json:"object"` // "embedding"
	Index  int    `json:"index"`
	Vector any    `json:"embedding"` // numbers, or their little-endian bytes in base64
}

func (s *embeddings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request embeddingsRequest
	body := http.MaxBytesReader(w, r.Body, mostRequest)
	if err := json.NewDecoder(body).Decode(&request); err != nil {
		code := http.StatusBadRequest
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			code = http.StatusRequestEntityTooLarge
		}
		fail(w, code, err)
		return
	}
	n := len(request.Input)
	switch {
	case n == 0 || n > mostInputs:
		fail(w, http.StatusBadRequest, fmt.Errorf("input: %d texts, expected 1 to %d", n, mostInputs))
		return
	case request.Encoding != "" && request.Encoding != "float" && request.Encoding != "base64":
		fail(w, http.StatusBadRequest,
			fmt.Errorf(`encoding_format: %q, expected "float" or "base64"`, request.Encoding))
		return
	}
	answer := embeddingsResponse{Object: "list", Model: s.name}
	sentences := make([][]int, n)
	for i, text := range request.Input {
		sentences[i] = s.words.Encode(nil, text)
		answer.Usage.Prompt += len(sentences[i])
	}
	answer.Usage.Total = answer.Usage.Prompt
	vectors := make([]float32, n*s.Width())
	if err := s.Embed(r.Context(), vectors, sentences); err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	for i := range n {
		vector := vectors[i*s.Width():][:s.Width()]
		e := embedding{"embedding", i, vector}
		if request.Encoding == "base64" {
			e.Vector = base64.StdEncoding.EncodeToString(littleEndian(vector))
		}
		answer.Data = append(answer.Data, e)
	}
	reply(w, http.StatusOK, answer)
}

// littleEndian returns the bytes of x.
func littleEndian(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func fail(w http.ResponseWriter, code int, err error) {
	kind := "invalid_request_error"
	if code >= http.StatusInternalServerError {
		kind = "server_error"
	}
	reply(w, code, map[string]any{"error": map[string]string{"message": err.Error(), "type": kind}})
}

func reply(w http.ResponseWriter, code int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer) // the client may be gone
}
