//go:build unix

package format

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPipes: a pipe in a folder of a model is refused, not waited for.
func TestPipes(t *testing.T) {
	for _, name := range []string{
		"model-00002-of-00002.safetensors", "model.safetensors.index.json", "config.json",
		"tokenizer.json",
	} {
		t.Run(name, func(t *testing.T) {
			model := writeFolder(t, 2)
			path := filepath.Join(model, name)
			os.Remove(path)
			if err := syscall.Mkfifo(path, 0o666); err != nil {
				t.Skip(err)
			}
			out := filepath.Join(t.TempDir(), "out")
			opts := CreateOptions{ShardSize: 760}
			_, err := compressFolder(t.Context(), model, out, opts)
			if err == nil || !strings.HasPrefix(err.Error(), path+": is a device or a pipe") &&
				!strings.HasPrefix(err.Error(), out+": "+path+": is a device or a pipe") {
				t.Error(err)
			}
			if got := filesIn(t, filepath.Dir(out)); len(got) != 0 {
				t.Errorf("left behind: %q", got)
			}
		})
	}
}
