package format

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk writes to a file system with little room.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	defer syscall.Unmount(dir, 0)
	src := newModel(t, t.TempDir(), nil, random("w", "F32", 300, 400))
	path := filepath.Join(dir, "out")
	for name, run := range map[string]func(w *Writer) error{
		"the spool": func(w *Writer) error {
			_, err := w.PutLayer(t.Context(), tensorOf(t, src, "w"),
				makeLayer(300, 400, 1, 256, 0, true), someDistortion)
			return err
		},
		"the output": func(w *Writer) error {
			if err := w.PutTensor(t.Context(), tensorOf(t, src, "w")); err != nil {
				return err
			}
			_, err := w.Commit(t.Context())
			return err
		},
	} {
		w, err := Create(path, src, CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := run(w); !errors.Is(err, syscall.ENOSPC) ||
			err.Error() != path+": no space left on device" {
			t.Errorf("%s: got %v", name, err)
		}
		w.Abort()
		if got := filesIn(t, dir); len(got) != 0 {
			t.Errorf("%s: left %v", name, got)
		}
	}
}

// TestUnwritableFolder is not root for the file system while it runs.
func TestUnwritableFolder(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, random("w", "F32", 3, 4))
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o777)
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setfsuid(0)
	}
	path := filepath.Join(dir, "out")
	if _, err := Create(path, src, CreateOptions{}); !errors.Is(err, syscall.EACCES) ||
		!strings.HasPrefix(err.Error(), path+": ") ||
		!strings.HasSuffix(err.Error(), ": permission denied") {
		t.Errorf("got %v", err)
	}
}
