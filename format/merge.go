package format

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Merge writes the model that parts make up, each in the folder that [Writer.Finish] has left. The
// parts must be of one run, finished, and together have all tensors of the model, which must be
// what it was; its path is "" where it still lies where it was. What Merge returns is the size of
// the output: a folder where the model is one and the options have a ShardSize. Settings of the
// options and Run are those of the parts. The parts stay.
func Merge(ctx context.Context, path, model string, parts []string, opts CreateOptions) (
	size int64, err error) {
	all, err := openParts(parts)
	defer func() {
		for _, p := range all {
			err = errors.Join(err, p.close())
		}
	}()
	if err != nil {
		return 0, err
	}
	src, err := Open(cmp.Or(model, string(all[0].run.Model)))
	if err != nil {
		return 0, err
	}
	defer src.Close()
	if !src.Folder() {
		opts.ShardSize = 0
	}
	opts.Settings, opts.Run, opts.Resume = all[0].run.Settings, nil, false
	w, err := Create(path, src, opts)
	if err != nil {
		return 0, err
	}
	defer w.Abort()
	if now, then := src.fingerprint(), all[0].run.Values[runModel]; now != then {
		return 0, at(src.path, fmt.Errorf("is not the model of %s", all[0].path))
	}
	for _, t := range src.Tensors() {
		if err := w.putPart(ctx, t.Name, all); err != nil {
			return 0, err
		}
	}
	return w.Commit(ctx)
}

// openParts opens the folders of parts and checks that they are of one run, and finished.
func openParts(paths []string) (parts []*partial, err error) {
	for _, path := range paths {
		p := emptyPartial(filepath.Clean(path))
		if _, err := os.Stat(filepath.Join(p.path, journalName)); err != nil {
			return parts, at(p.path, fmt.Errorf("is no part of a model: %w", cause(err)))
		}
		if p.lock, err = lockFolder(p.path); err != nil {
			return parts, err
		}
		parts = append(parts, p)
		err := p.open(true)
		if err == nil {
			_, err = p.read()
		}
		switch {
		case err != nil:
		case p.run.Values == nil:
			err = errors.New("is no part of a model, or a damaged one")
		case !p.whole:
			err = errors.New("is not finished: run it again with --resume")
		default:
			err = sameRun(parts[0].run.Values, p.run.Values)
		}
		if err != nil {
			return parts, at(p.path, err)
		}
	}
	if parts == nil {
		return nil, errors.New("no parts")
	}
	if of := parts[0].run.Values[RunParts]; of != "" && of != strconv.Itoa(len(parts)) {
		return parts, at(parts[0].path, fmt.Errorf("is one of %s parts, %d are given", of, len(parts)))
	}
	return parts, nil
}

// putPart puts what a part has of a tensor of the source.
func (w *Writer) putPart(ctx context.Context, name string, parts []*partial) error {
	e, err := w.src.entry(name)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if layer := p.layers[name]; layer != nil {
			_, _, err := w.takeUp(ctx, e, layer, p.path)
			return err
		}
		kept, ok := p.kept[name]
		if !ok {
			continue
		}
		if err := w.unchanged(ctx, e, kept.Source, p.path); err != nil {
			return err
		}
		if kept.Half {
			return w.PutHalf(ctx, e.tensor())
		}
		return w.PutTensor(ctx, e.tensor())
	}
	return atTensor(w.out.name(), name, fmt.Errorf("is in none of the %d parts, or damaged there: "+
		"run the part again with --resume", len(parts)))
}
