package main

import (
	"archive/zip"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstall runs go install of a version of this module, as a proxy would hand it out: from a zip
// file of the source alone, without cgo. All other modules come from the cache of downloads.
func TestInstall(t *testing.T) {
	long(t)
	const module, version = "github.com/palettize/palettize", "v0.0.1-test"
	proxy, bin := t.TempDir(), t.TempDir()
	dir := filepath.Join(proxy, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"list":            version + "\n",
		version + ".info": `{"Version":"` + version + `"}`,
		version + ".mod":  string(mod),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	zipModule(t, filepath.Join(dir, version+".zip"), module+"@"+version)

	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	downloads := filepath.Join(strings.TrimSpace(string(cache)), "cache", "download")
	install := exec.CommandContext(t.Context(), "go", "install", module+"/cmd/palettize@"+version)
	install.Dir = bin // which is in no module
	install.Env = append(os.Environ(), "GOBIN="+bin, "GOMODCACHE="+filepath.Join(bin, "mod"),
		"GOPROXY="+fileURL(proxy)+","+fileURL(downloads), "GOSUMDB=off", "GOVCS=*:off",
		"GOFLAGS=-modcacherw -trimpath", "CGO_ENABLED=0")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "palettize"),
		"version", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var report versionReport
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	if report.Module != version {
		t.Errorf("installed %+v, want module %s", report, version)
	}
}

func fileURL(path string) string {
	return "file:///" + strings.TrimPrefix(filepath.ToSlash(path), "/")
}

// zipModule writes what is in the module's folder to a zip file, as the go command packs it: all
// regular files, below a prefix.
func zipModule(t *testing.T, name, prefix string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	root := os.DirFS("../..")
	err = fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == "build" || path == ".git" || d.Name() == "__pycache__":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil // .git of a worktree
		case !d.Type().IsRegular():
			return nil
		}
		content, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		w, err := archive.Create(prefix + "/" + path)
		if err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
}
