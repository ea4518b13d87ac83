package format

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
)

// resumable is a model of five layers and a run that compresses it.
type resumable struct {
	model, out string
	opts       CreateOptions
}

func newResumable(t testing.TB) resumable {
	dir := t.TempDir()
	model := writeModel(t, dir, nil, random("a", "F32", 30, 40), random("b", "F32", 30, 40),
		random("c", "F16", 30, 40), random("d", "F32", 30, 40), random("e", "F32", 30, 40),
		random("norm", "F32", 40), random("wide", "F64", 40, 5))
	return resumable{model, filepath.Join(dir, "out"), CreateOptions{Settings: `{"seed":1}`}}
}

// run puts tensors until so many layers have been made, and ends there; -1: it commits. It returns
// how many were taken up.
func (r resumable) run(ctx context.Context, opts CreateOptions, make int,
	end func(*Writer)) (resumed int, err error) {
	src, err := Open(r.model)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	w, err := Create(r.out, src, opts)
	if err != nil {
		return 0, err
	}
	defer w.Abort()
	if w.Plan() == nil {
		if err := w.SetPlan([]byte(`{"plan":1}`)); err != nil {
			return 0, err
		}
	}
	for _, t := range src.Tensors() {
		switch {
		case len(t.Name) > 1:
			err = w.PutTensor(ctx, t)
		default:
			l, d, size, lookErr := w.Finished(ctx, t)
			if lookErr != nil {
				return resumed, lookErr
			}
			if l != nil {
				resumed++
				if !sameLayer(l, layerOf(t)) || d != distortionOf(t) || size == 0 {
					return resumed, errors.New(t.Name + " comes back as another layer")
				}
				continue
			}
			if make == 0 {
				end(w)
				return resumed, nil
			}
			make--
			_, err = w.PutLayer(ctx, t, layerOf(t), distortionOf(t))
		}
		if err != nil {
			return resumed, err
		}
	}
	_, err = w.Commit(ctx)
	return resumed, err
}

func layerOf(t codebook.Tensor) *codebook.Layer {
	return makeLayer(30, 40, 2, 100+int(t.Name[0]), 0, true)
}

func distortionOf(t codebook.Tensor) codebook.Distortion {
	d := someDistortion
	d.Noise = 1 / float64(t.Name[0]) // more digits than a record has
	return d
}

// whole is the file that a run makes that nothing interrupts.
func (r resumable) whole(t testing.TB) []byte {
	t.Helper()
	if _, err := r.run(t.Context(), r.opts, -1, nil); err != nil {
		t.Fatal(err)
	}
	whole := contentOf(t, r.out)
	os.Remove(r.out)
	return whole
}

// TestResume: a run that is taken up makes the same bytes, wherever it was cut off, and what was
// finished is not made again.
func TestResume(t *testing.T) {
	r := newResumable(t)
	whole := r.whole(t)
	resume := r.opts
	resume.Resume = true
	for first := range 6 {
		for second := range 6 - first {
			if _, err := r.run(t.Context(), r.opts, first, suspend); err != nil {
				t.Fatal(err)
			}
			if first == 5 { // it was finished
				os.Remove(r.out)
				continue
			}
			if _, err := r.run(t.Context(), resume, second, suspend); err != nil {
				t.Fatal(err)
			}
			if first+second < 5 {
				if n, err := r.run(t.Context(), resume, -1, nil); err != nil || n != first+second {
					t.Fatalf("after %d and %d layers %d are taken up, %v", first, second, n, err)
				}
			}
			if !bytes.Equal(contentOf(t, r.out), whole) {
				t.Errorf("after %d and %d layers the file is another", first, second)
			}
			os.Remove(r.out)
			want := []string{"model.safetensors"}
			if got := filesIn(t, filepath.Dir(r.out)); !slices.Equal(got, want) {
				t.Fatalf("left behind: %q", got)
			}
		}
	}
}

// TestDamagedPartial: whatever is torn or flipped in what a run has left, the one that takes it up
// makes the right bytes, or says what is wrong.
func TestDamagedPartial(t *testing.T) {
	r := newResumable(t)
	whole := r.whole(t)
	if _, err := r.run(t.Context(), r.opts, 4, suspend); err != nil {
		t.Fatal(err)
	}
	left := r.out + partialExt
	pristine := contentsIn(t, left)
	resume := r.opts
	resume.Resume = true
	rng := rand.New(rand.NewPCG(1, 2))
	redone, times := 0, 300
	if testing.Short() {
		times = 60
	}
	for range times {
		os.RemoveAll(left)
		for name, text := range pristine {
			put(t, filepath.Join(left, name), text)
		}
		name := []string{partsName, journalName}[rng.IntN(2)]
		file := []byte(pristine[name])
		switch at := rng.IntN(len(file)); rng.IntN(4) {
		case 0:
			file = file[:at]
		case 1:
			file = slices.Insert(file, at, byte(rng.Uint32()))
		case 2:
			file = append(file, file[at:]...)
		default:
			file[at] ^= 1 << rng.IntN(8)
		}
		put(t, filepath.Join(left, name), string(file))
		n, err := r.run(t.Context(), resume, -1, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(contentOf(t, r.out), whole) {
			t.Fatalf("%s: the file is another, %d layers taken up", name, n)
		}
		redone += 4 - n
		os.Remove(r.out)
	}
	if redone == 0 || redone == 4*times {
		t.Errorf("%d layers of %d were made again", redone, 4*times)
	}
}

// TestOtherRuns: what an earlier run has left is taken up by the same run only, and lost only where
// that is wanted; and there is one run at a time.
func TestOtherRuns(t *testing.T) {
	r := newResumable(t)
	begin := func() {
		t.Helper()
		opts := r.opts
		opts.Overwrite, opts.Run = true, map[string]string{"calibration": "a.dat"}
		if _, err := r.run(t.Context(), opts, 2, suspend); err != nil {
			t.Fatal(err)
		}
	}
	run := map[string]string{"calibration": "a.dat"}
	for _, tt := range []struct {
		opts CreateOptions
		want string
	}{
		{CreateOptions{Settings: `{"seed":1}`, Run: run}, ErrUnfinished.Error()},
		{CreateOptions{Settings: `{"seed":2}`, Run: run, Resume: true},
			"was begun with seed 1, not with 2"},
		{CreateOptions{Settings: `{"seed":1,"bits":3}`, Run: run, Resume: true},
			"was begun without bits, not with 3"},
		{CreateOptions{Settings: `{"seed":1}`, Resume: true},
			"was begun with calibration a.dat, not without"},
		{CreateOptions{Settings: `{"seed":2}`, Overwrite: true}, ""},
		{CreateOptions{Settings: `{"seed":1}`, Run: run, Resume: true}, ""},
	} {
		begin()
		before := contentsIn(t, r.out+partialExt)
		_, err := r.run(t.Context(), tt.opts, -1, nil)
		if tt.want == "" {
			if err != nil {
				t.Error(err)
			}
			os.Remove(r.out)
			continue
		}
		if err == nil || err.Error() != r.out+partialExt+": "+tt.want {
			t.Errorf("got %v, want %q", err, tt.want)
		}
		if !maps.Equal(contentsIn(t, r.out+partialExt), before) {
			t.Errorf("after %q something is lost", tt.want)
		}
	}
	begin()
	model := contentOf(t, r.model)
	writeModel(t, filepath.Dir(r.model), nil, random("a", "F32", 30, 40))
	again := CreateOptions{Settings: `{"seed":1}`, Run: run, Resume: true}
	_, err := r.run(t.Context(), again, -1, nil)
	if err == nil || !strings.Contains(err.Error(), "is of another model") {
		t.Error(err)
	}
	model[len(model)-1] ^= 1 // of a tensor that is not a layer
	put(t, r.model, string(model))
	src, err := Open(r.model)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	e := src.find("a")
	model[src.shards[0].layout.data+e.begin] ^= 1
	put(t, r.model, string(model))
	_, err = r.run(t.Context(), again, -1, nil)
	if corrupt := new(CorruptError); !errors.As(err, &corrupt) || corrupt.Tensor != "a" ||
		!strings.Contains(corrupt.Reason, "has changed since") {
		t.Error(err)
	}
}

// TestKilledInCommit: what is written of an output is where the next run finds and removes it.
func TestKilledInCommit(t *testing.T) {
	for _, shardSize := range []int64{0, 1000} {
		r := newResumable(t)
		r.opts.ShardSize = shardSize
		if _, err := r.run(t.Context(), r.opts, 4, suspend); err != nil {
			t.Fatal(err)
		}
		dir, left := filepath.Dir(r.out), r.out+partialExt
		src, err := Open(r.model)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		out, err := newDestination(r.out, r.opts, src)
		if err != nil {
			t.Fatal(err)
		}
		torn := errors.New("as if it were killed")
		fill := func(_ context.Context, w io.Writer) error {
			if _, err := w.Write([]byte("some")); err != nil {
				return err
			}
			if got := filesIn(t, dir); !slices.Equal(got, []string{
				"model.safetensors", "out.partial",
			}) {
				t.Errorf("while the output is written there are %q", got)
			}
			for _, name := range filesIn(t, left) {
				if strings.HasPrefix(name, temporaryPrefix) {
					return errors.Join(torn, os.Rename(filepath.Join(left, name),
						filepath.Join(left, name+"2")))
				}
			}
			return errors.New("nothing is written")
		}
		if _, err := out.write(t.Context(), left, content{name: "a", fill: fill}); !errors.Is(err, torn) {
			t.Fatal(err)
		}
		if got := filesIn(t, left); len(got) != 4 {
			t.Fatalf("there are %q", got)
		}
		resume := r.opts
		resume.Resume = true
		if _, err := r.run(t.Context(), resume, -1, nil); err != nil {
			t.Fatal(err)
		}
		if got := filesIn(t, dir); !slices.Equal(got, []string{"model.safetensors", "out"}) {
			t.Errorf("left behind: %q", got)
		}
	}
}

// TestKilledDecompress: what is written of an output is where the next run finds and removes it,
// and what a run can be taken up from stays.
func TestKilledDecompress(t *testing.T) {
	const killed = temporaryPrefix + "12345678.tmp"
	c := openBook(t, goldenPath("tiny.pal"))
	for _, shardSize := range []int64{0, 1000} {
		dir := t.TempDir()
		out := filepath.Join(dir, "out")
		left, opts := out+partialExt, CreateOptions{ShardSize: shardSize}
		put(t, filepath.Join(left, killed), "some")
		ctx := &watched{t.Context(), func() {
			if got := filesIn(t, dir); !slices.Equal(got, []string{"out.partial"}) {
				t.Errorf("while the output is written there are %q", got)
			}
			if got := filesIn(t, left); len(got) > 2 || slices.Contains(got, killed) {
				t.Errorf("while the output is written its folder has %q", got)
			}
		}}
		if _, err := Decompress(ctx, c, out, opts); err != nil {
			t.Fatal(err)
		}
		if got := filesIn(t, dir); !slices.Equal(got, []string{"out"}) {
			t.Errorf("left behind: %q", got)
		}
		journal := filepath.Join(left, journalName)
		put(t, journal, "of a run")
		opts.Overwrite = true
		_, err := Decompress(t.Context(), c, out, opts)
		if !errors.Is(err, ErrUnfinished) || string(contentOf(t, journal)) != "of a run" {
			t.Errorf("beside a run that can be taken up: %v", err)
		}
	}
}

// watched looks whenever it is asked whether to go on.
type watched struct {
	context.Context
	look func()
}

func (w *watched) Err() error {
	w.look()
	return w.Context.Err()
}

func TestOneRunAtATime(t *testing.T) {
	r := newResumable(t)
	src, err := Open(r.model)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	w, err := Create(r.out, src, r.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, opts := range []CreateOptions{{}, {Overwrite: true}, {Resume: true}} {
		_, err := Create(r.out, src, opts)
		if err == nil || err.Error() != r.out+partialExt+": "+errRunning.Error() {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

func suspend(w *Writer) { w.Suspend() }

// TestMerge: parts of a model make the bytes of one run, and parts of other runs, unfinished or
// incomplete ones are refused.
func TestMerge(t *testing.T) {
	r := newResumable(t)
	whole := r.whole(t)
	src, err := Open(r.model)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	part := func(name, tensors, settings string, finish bool) string {
		t.Helper()
		w, err := Create(r.out+"."+name, src, CreateOptions{Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort()
		for _, name := range strings.Fields(tensors) {
			tensor := tensorOf(t, src, name)
			if len(name) > 1 {
				err = w.PutTensor(t.Context(), tensor)
			} else {
				_, err = w.PutLayer(t.Context(), tensor, layerOf(tensor), distortionOf(tensor))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if !finish {
			return w.Suspend()
		}
		path, err := w.Finish()
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	const settings = `{"seed":1}`
	one, two := part("1", "a norm c", settings, true), part("2", "e d b wide", settings, true)
	merge := func(parts ...string) error {
		_, err := Merge(t.Context(), r.out, "", parts, CreateOptions{})
		return err
	}
	for range 2 { // the parts stay
		if err := merge(two, one); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(contentOf(t, r.out), whole) {
			t.Error("parts make another file than one run")
		}
		os.Remove(r.out)
	}
	left := contentsIn(t, filepath.Dir(r.out))
	for want, err := range map[string]error{
		`tensor "a": is in none of the 1 parts`:  merge(two),
		"was begun with seed 1, not with 2":      merge(one, part("3", "b", `{"seed":2}`, true)),
		"is not finished: run it again":          merge(one, part("4", "b d", settings, false)),
		"another run is writing to it":           merge(one, one),
		"is no part of a model: no such file or": merge(filepath.Dir(r.out)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for _, name := range []string{"3", "4"} {
		os.RemoveAll(r.out + "." + name + partialExt)
	}
	if !maps.Equal(contentsIn(t, filepath.Dir(r.out)), left) {
		t.Error("something was left behind")
	}
}
