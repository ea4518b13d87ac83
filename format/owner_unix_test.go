//go:build unix

package format

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOutputKeepsTheOwner of a file that it replaces, where the system lets it.
func TestOutputKeepsTheOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	src := newModel(t, dir, nil, random("bias", "F32", 30))
	path := filepath.Join(dir, "out")
	err := errors.Join(os.WriteFile(path, []byte("old"), 0o640), os.Chown(path, 1234, 2345))
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(t.Context(), path, always([]byte("new")), true, src); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 1234 || stat.Gid != 2345 ||
		info.Mode() != 0o640 {
		t.Errorf("owner %d:%d and mode %v, want 1234:2345 and 0640",
			stat.Uid, stat.Gid, info.Mode())
	}
}

// owned is what the system says of a file of another owner, which this process is not to become.
type owned struct {
	os.FileInfo
	mode os.FileMode
}

func (o owned) Mode() os.FileMode { return o.mode }
func (o owned) Sys() any          { return &syscall.Stat_t{Uid: 1, Gid: 1} }

// TestOtherGroupsGetNothing: where a group cannot be kept, its permissions are not for another
// group.
func TestOtherGroupsGetNothing(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "bad", "empty.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close() // whose owner cannot be changed, not even by root
	for mode, want := range map[os.FileMode]os.FileMode{0o640: 0o600, 0o664: 0o644, 0o600: 0o600,
		0o604: 0o604, 0o777: 0o777} {
		if got := takeOwner(f, owned{mode: mode}); got != want {
			t.Errorf("got %o for %o, want %o", got, mode, want)
		}
	}
}
