package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/palettize/palettize/examples/internal/cli"
)

// TestServe holds what the server answers against what embed prints.
func TestServe(t *testing.T) {
	t.Chdir(folder(t))
	o := source{model: "model.pal"}
	m, err := o.open(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	s := &embeddings{m, "model.pal"}
	post := func(body string) (int, string) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/embeddings", strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	texts := []string{"a cat.", "", "where?"}
	want, err := m.embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			code, body := post(fmt.Sprintf(`{"input": %s, "model": "any"}`, list))
			var answer struct {
				Object, Model string
				Data          []struct {
					Object    string
					Index     int
					Embedding []float32
				}
				Usage struct {
					Prompt int `json:"prompt_tokens"`
				}
			}
			if err := json.Unmarshal([]byte(body), &answer); err != nil || code != http.StatusOK {
				t.Errorf("%d, %v: %s", code, err, body)
				return
			}
			if answer.Object != "list" || answer.Model != "model.pal" || len(answer.Data) != len(texts) ||
				answer.Usage.Prompt < 2*len(texts) {
				t.Errorf("%s", body)
				return
			}
			for i, d := range answer.Data {
				for j, v := range d.Embedding {
					if d.Index != i || len(d.Embedding) != m.Width() || v != want[i*m.Width()+j] {
						t.Errorf("text %d: value %d is %v", i, j, v)
						return
					}
				}
			}
		})
	}
	wg.Wait()

	code, body := post(`{"input": "a cat.", "encoding_format": "base64"}`)
	var packed struct{ Data []struct{ Embedding string } }
	if err := json.Unmarshal([]byte(body), &packed); err != nil || code != http.StatusOK {
		t.Fatalf("%d, %v: %s", code, err, body)
	}
	raw, err := base64.StdEncoding.DecodeString(packed.Data[0].Embedding)
	if err != nil || !bytes.Equal(raw, littleEndian(want[:m.Width()])) {
		t.Errorf("base64: %v, %d bytes", err, len(raw))
	}

	for body, says := range map[string]string{
		``:                    "EOF",
		`{"input": []}`:       "0 texts",
		`{}`:                  "0 texts",
		`{"input": 3}`:        "a text or a list",
		`{"input": [[1, 2]]}`: "a text or a list",
		`{"input": "a", "encoding_format": "hex"}`:                 "hex",
		`{"input": "` + strings.Repeat("a", mostRequest) + `"}`:    "too large",
		`{"input": [` + strings.Repeat(`"",`, mostInputs) + `""]}`: fmt.Sprint(mostInputs),
	} {
		code, answer := post(body)
		if code < 400 || code > 499 || !strings.Contains(answer, says) ||
			!strings.Contains(answer, "invalid_request_error") {
			t.Errorf("%.40s: %d %s", body, code, answer)
		}
	}
}

// TestServeStops starts the server, asks it something, and interrupts it.
func TestServeStops(t *testing.T) {
	t.Chdir(folder(t))
	ctx, cancel := context.WithCancel(t.Context())
	said, saying := io.Pipe()
	ended := make(chan int)
	go func() {
		args := []string{"serve", "-m", "model.pal", "--listen", "localhost:0"}
		ended <- run(ctx, args, nil, io.Discard, saying)
	}()
	line := make([]byte, 200)
	n, err := said.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	address := regexp.MustCompile(`http://\S+`).FindString(string(line[:n]))
	client := http.Client{Timeout: time.Minute}
	for path, code := range map[string]int{
		"/v1/embeddings": http.StatusOK, "/": http.StatusNotFound,
	} {
		r, err := client.Post(address+path, "application/json", strings.NewReader(`{"input": "a"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != code {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	cancel()
	if code := <-ended; code != cli.Fine {
		t.Errorf("exit code %d", code)
	}
}
