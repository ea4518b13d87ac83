package format

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/zeebo/xxh3"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// A run that writes to OUT keeps what it has done in the folder OUT.partial until OUT is there: a
// run that was killed can be taken up again. The folder has three files:
//
//	lock     is locked while a run is under way
//	layers   has the parts of layers, one after the other
//	journal  says what they are. Each line is the XXH3-64 of its text, in hexadecimal, a space,
//	         and the text, JSON: first what tells the run from others, then a line for each tensor
//	         that is done, and one for the plan
//
// and, while it is written, the output. Nothing in it is believed that does not match its checksum:
// a layer whose line or whose parts are torn or damaged is made again.
const (
	partialExt   = ".partial"
	lockName     = "lock"
	partsName    = "layers"
	journalName  = "journal"
	journalLimit = 1 << 30 // bytes of it that are read
)

// Names of what tells a run from others, beside those of its settings.
const (
	runModel   = "model"
	runProgram = "program"
	// RunParts is the name in [CreateOptions.Run] of the number of parts that a model is made in:
	// Merge wants as many.
	RunParts = "parts"
)

// partial is the folder of a run that is under way, or of one that was cut off; or a file without a
// name, which nothing can be taken up from.
type partial struct {
	path    string // "": it is no folder
	lock    *flock.Flock
	parts   *os.File
	end     int64 // of what is in parts
	journal *os.File
	run     runLine
	layers  map[string]*finished // by the name of their tensor, that an earlier run has made
	kept    map[string]keptLine  // tensors that get no layer, by name
	plan    json.RawMessage
	noted   bool // a layer is done
	whole   bool // all that the run was to do is done
}

// newNameless returns one for an output without a path.
func newNameless() (*partial, error) {
	f, err := os.CreateTemp("", "palettize-*.tmp")
	if err != nil {
		return nil, err
	}
	// Where the system lets an open file be removed, nothing can be left behind, whatever ends the
	// program. Where it does not, remove removes it.
	os.Remove(f.Name())
	return &partial{parts: f}, nil
}

// finished is a layer that a run has made.
type finished struct {
	Tensor     string              `json:"tensor"`
	Source     sum64               `json:"source"` // checksum of the tensor's bytes in the model
	Record     string              `json:"record"`
	Distortion codebook.Distortion `json:"distortion"`
	Parts      []finishedPart      `json:"parts"`
	second     bool                // see item
	from       io.ReaderAt
}

type finishedPart struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	Offset int64  `json:"offset"` // in the file of parts
	Bytes  int64  `json:"bytes"`
	Sum    sum64  `json:"sum"`
}

// journalLine is a line of the journal: one of its fields.
type journalLine struct {
	Run   *runLine        `json:"run,omitempty"`
	Plan  json.RawMessage `json:"plan,omitempty"`
	Layer *finished       `json:"layer,omitempty"`
	Kept  *keptLine       `json:"kept,omitempty"`
	Whole bool            `json:"whole,omitempty"` // all that the run was to do is done
}

// runLine is what tells a run from others, and where its model was and what its output says of it.
type runLine struct {
	Values   map[string]string `json:"values"`
	Model    []byte            `json:"model"` // a path: JSON's strings are UTF-8, it need not be
	Settings string            `json:"settings"`
}

// keptLine is a tensor that gets no layer.
type keptLine struct {
	Tensor string `json:"tensor"`
	Half   bool   `json:"half,omitempty"` // it is kept as F16
	Source sum64  `json:"source"`
}

// sum64 is a checksum, in JSON as 16 hexadecimal digits.
type sum64 uint64

func (s sum64) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(s)), nil }

func (s *sum64) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 16, 64)
	*s = sum64(n)
	return err
}

// Errors of Create about a run before this one, or beside it.
var (
	// ErrUnfinished says that an earlier run was cut off and that neither Resume nor Overwrite says
	// what to do with what it has left.
	ErrUnfinished = errors.New("a run that was cut off has left this")
	errRunning    = errors.New("another run is writing to it")
)

// newPartial begins the folder of a run, or takes that of an earlier run up.
func newPartial(path string, run runLine, opts CreateOptions) (p *partial, err error) {
	p = emptyPartial(path)
	err = os.Mkdir(path, 0o777)
	there := errors.Is(err, fs.ErrExist)
	if err != nil && !there {
		return nil, at(path, cause(err))
	}
	if p.lock, err = lockFolder(path); err != nil {
		return nil, err
	}
	if there && !opts.Resume {
		if _, err := os.Stat(filepath.Join(path, journalName)); err == nil && !opts.Overwrite {
			return nil, errors.Join(at(path, ErrUnfinished), p.lock.Close())
		}
	}
	p.sweep()
	if err = p.open(opts.Resume); err == nil {
		err = p.begin(run)
	}
	if err != nil {
		return nil, errors.Join(at(path, err), p.close())
	}
	return p, nil
}

// newScratch makes the folder for an output that nothing can be taken up from, and removes what a
// run that was killed has written in it. What can be taken up stays.
func newScratch(path string) (*partial, error) {
	p := emptyPartial(path)
	if err := os.Mkdir(path, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, at(path, cause(err))
	}
	var err error
	if p.lock, err = lockFolder(path); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(path, journalName)); err == nil {
		return nil, errors.Join(at(path, ErrUnfinished), p.lock.Close())
	}
	p.sweep()
	return p, nil
}

func emptyPartial(path string) *partial {
	return &partial{
		path: path, layers: make(map[string]*finished), kept: make(map[string]keptLine),
	}
}

// lockFolder locks a folder of a run.
func lockFolder(path string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(path, lockName))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, at(path, cause(err))
	case !ok:
		return nil, at(path, errRunning)
	}
	return lock, nil
}

// open opens the files, as they are or empty.
func (p *partial) open(keep bool) (err error) {
	flags := os.O_RDWR | os.O_CREATE
	if !keep {
		flags |= os.O_TRUNC
	}
	if p.parts, err = os.OpenFile(filepath.Join(p.path, partsName), flags, 0o666); err != nil {
		return err
	}
	p.journal, err = os.OpenFile(filepath.Join(p.path, journalName), flags, 0o666)
	return err
}

// begin reads the journal, of a run that must be the same, or begins it.
func (p *partial) begin(run runLine) error {
	end, err := p.read()
	if err != nil {
		return err
	}
	if p.run.Values == nil {
		p.run = run
		if err := errors.Join(p.journal.Truncate(0), p.parts.Truncate(0)); err != nil {
			return err
		}
		return p.note(journalLine{Run: &run})
	}
	if err := sameRun(p.run.Values, run.Values); err != nil {
		return err
	}
	if err := p.journal.Truncate(end); err != nil { // what is torn
		return err
	}
	_, err = p.journal.Seek(end, io.SeekStart)
	return err
}

// sameRun names what tells two runs apart.
func sameRun(earlier, run map[string]string) error {
	all := maps.Clone(earlier)
	maps.Copy(all, run)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		was, is := earlier[key], run[key]
		switch {
		case was == is:
		case key == runModel:
			return errors.New("is of another model, or the model has changed since")
		case was == "":
			return fmt.Errorf("was begun without %s, not with %s", key, is)
		case is == "":
			return fmt.Errorf("was begun with %s %s, not without", key, was)
		default:
			return fmt.Errorf("was begun with %s %s, not with %s", key, was, is)
		}
	}
	return nil
}

// read reads the journal up to where it is torn, and returns where that is. Where there is none, or
// its first line is torn, it says nothing: then run has no values.
func (p *partial) read() (end int64, err error) {
	if _, err := p.journal.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	r := bufio.NewReader(io.LimitReader(p.journal, journalLimit))
	for {
		text, err := r.ReadBytes('\n')
		if err == io.EOF { // and what there is has no end
			return end, nil
		}
		if err != nil {
			return 0, err
		}
		end += int64(len(text))
		var line journalLine
		sum, body, _ := bytes.Cut(bytes.TrimSuffix(text, []byte("\n")), []byte(" "))
		var want sum64
		if want.UnmarshalText(sum) != nil || uint64(want) != xxh3.Hash(body) ||
			json.Unmarshal(body, &line) != nil {
			if p.run.Values == nil {
				return 0, nil
			}
			continue
		}
		switch {
		case p.run.Values == nil:
			if line.Run == nil || line.Run.Values == nil {
				return 0, nil
			}
			p.run = *line.Run
		case line.Kept != nil:
			p.kept[line.Kept.Tensor] = *line.Kept
		case line.Whole:
			p.whole = true
		case line.Plan != nil:
			p.plan = line.Plan
		case line.Layer != nil:
			if err := p.take(line.Layer); err != nil {
				return 0, err
			}
		}
	}
}

// take takes in a layer of the journal, unless a part of it is not what the journal says.
func (p *partial) take(l *finished) error {
	info, err := p.parts.Stat()
	if err != nil {
		return err
	}
	l.from = p.parts
	for _, part := range l.Parts {
		size, err := dtype.Of(dtype.U8).Size(part.Shape)
		if err != nil || size != part.Bytes || part.Offset < 0 ||
			part.Offset > info.Size()-part.Bytes {
			return nil
		}
		p.end = max(p.end, part.Offset+part.Bytes) // even if it is damaged: it may be another's
		sum := xxh3.New()
		if _, err := io.Copy(sum, io.NewSectionReader(p.parts, part.Offset, part.Bytes)); err != nil {
			return err
		}
		if sum.Sum64() != uint64(part.Sum) {
			return nil
		}
	}
	p.layers[l.Tensor], p.noted = l, true
	return nil
}

// note appends a line to the journal.
func (p *partial) note(line journalLine) error {
	if p.journal == nil {
		return nil
	}
	p.noted = p.noted || line.Layer != nil
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = p.journal.Write(fmt.Appendf(nil, "%016x %s\n", xxh3.Hash(text), text))
	return err
}

// append writes a part behind the others, until ctx is done, and returns where it is.
func (p *partial) append(ctx context.Context, data []byte) (offset int64, err error) {
	offset = p.end
	to := &untilDone{ctx: ctx, w: io.NewOffsetWriter(p.parts, offset)}
	n, err := to.Write(data)
	p.end += int64(n)
	return offset, err
}

// close leaves the folder for another run.
func (p *partial) close() error {
	err := p.closeFiles()
	if p.lock != nil {
		err = errors.Join(err, p.lock.Close())
	}
	return err
}

func (p *partial) closeFiles() error {
	var errs []error
	for _, f := range []*os.File{p.parts, p.journal} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// scratch is where the output can be until it is complete: what a run that is killed has written of
// it is found by the next. A folder that a link leads to may be on another disk than the output.
func (p *partial) scratch() string {
	if info, err := os.Lstat(p.path); err != nil || !info.IsDir() {
		return ""
	}
	return p.path
}

// sweep removes what an earlier run has written of the output.
func (p *partial) sweep() {
	entries, _ := os.ReadDir(p.path)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporaryPrefix) {
			os.RemoveAll(filepath.Join(p.path, e.Name()))
		}
	}
}

// remove removes all of it. The lock goes last, so that no other run begins in between.
func (p *partial) remove() {
	p.closeFiles()
	if p.path == "" {
		os.Remove(p.parts.Name())
		return
	}
	p.sweep()
	for _, name := range []string{partsName, journalName, lockName} {
		os.Remove(filepath.Join(p.path, name))
	}
	p.lock.Close()
	os.Remove(filepath.Join(p.path, lockName)) // where one that is locked cannot be removed
	os.Remove(p.path)
}

// fingerprint is what runs of one model have in common, however it is divided among files: its
// tensors and its metadata, but not their values.
func (f *File) fingerprint() string {
	sorted := slices.SortedFunc(slices.Values(f.entries), byName)
	for i := range sorted { // in the order of names, so that only these count
		sorted[i].begin, sorted[i].end = 0, sorted[i].Bytes
	}
	return headerChecksum(sorted, f.Metadata())
}
