package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/format"
	"github.com/palettize/palettize/kernels"
)

type compressOptions struct {
	out                 string
	force, quiet        bool
	as                  outputForm
	all, single, resume bool
	dry                 bool
	part                partFlag
	shardSize           byteSize
	size                byteSize
	tensors             []string
	calibration         string
	plan                bool
	planIn, planOut     string
	include, exclude    []string
	transposed          []string
	threads             int
	seed                uint64
	nonfinite           string
	flags               *pflag.FlagSet // all of them, those of settings too
	need                int64          // bytes of disk that the run takes, once that is known
}

func (o *compressOptions) addFlags(f *pflag.FlagSet) {
	o.flags = f
	f.SortFlags = false
	f.StringVarP(&o.out, "output", "o", "", "file or folder to write (default MODEL with .pal)")
	f.BoolVar(&o.force, "force", false, "overwrite the output")
	addShardFlags(f, &o.shardSize, &o.single)
	f.BoolVar(&o.resume, "resume", false,
		"go on where a run with these options was cut off: from OUT.partial, if there is one")
	f.Var(&o.part, "shard", "compress only this part, 0/4 to 3/4 of four; palettize merge joins them")
	addSettingFlags(f)
	f.Var(&o.size, "size", "instead of --bits: the `SIZE` of the whole file not to be exceeded, "+
		"such as 8MB (scheme trellis)")
	f.StringArrayVar(&o.tensors, "tensor", nil, "`GLOB=SETTINGS` for tensors whose name matches: "+
		"'*embed*=bits:3' gives each of them 3 bits, '*embed*=pool:3' all of them together, "+
		"'*.out*=scheme:scalar,k:16,group:16' stores them by another scheme (repeatable, the last "+
		"counts)")
	f.StringVar(&o.calibration, "calibration", "", "`FILE` with the mean squares, or the second "+
		"moments, of the layers' inputs: safetensors or imatrix (scheme trellis)")
	f.BoolVar(&o.plan, "plan", false,
		"print what each matrix would take, and could take, and write no model")
	f.BoolVar(&o.dry, "dry-run", false, "print what would be done, by headers and a sample of the "+
		"weights: size, time, memory and disk; write nothing")
	f.StringVar(&o.planOut, "plan-out", "",
		"write what is allotted to each matrix to `FILE` (JSON)")
	f.StringVar(&o.planIn, "plan-in", "", "allot to each matrix what `FILE` says")
	f.StringArrayVar(&o.include, "include", nil,
		"compress only tensors whose name matches `GLOB` (repeatable)")
	f.StringArrayVar(&o.exclude, "exclude", nil,
		"pass tensors whose name matches `GLOB` through (repeatable)")
	f.StringArrayVar(&o.transposed, "transposed", nil,
		"tensors whose name matches `GLOB` are stored as [in, out] (repeatable)")
	f.StringVar(&o.nonfinite, "allow-nonfinite", "",
		"`passthrough` keeps a tensor that holds a NaN or an infinity as it is")
	f.IntVar(&o.threads, "threads", 0, "threads to use (default: one a processor)")
	f.Uint64Var(&o.seed, "seed", 0, "seed of k-means")
	f.BoolVar(&o.quiet, "quiet", false, "print no progress and no report")
	f.BoolVar(&o.all, "all", false, "list vectors, integers, single values, slices one by one")
	o.as.addFlags(f, "print the report as JSON, with each tensor")
}

func newCompress(env *env) *cobra.Command {
	var o compressOptions
	cmd := &cobra.Command{
		Use:   "compress MODEL [-o OUT]",
		Short: "Write a codebook file of a model",
		Long: `compress turns the weight matrices of MODEL into layers of centroids, assignments and
scales and writes them to a codebook file, itself a valid safetensors file. MODEL is a .safetensors
file or a folder of Hugging Face, with one or with several and their index. Of a folder the output
is a folder too, with files of up to --shard-size and a copy of all that is no weights; its
config.json names palettize, so that programs which do not know it refuse it.

Matrices of 8-bit floats (F8_E4M3, F8_E5M2) are compressed as what their scales make of them, one
for each block in NAME_scale_inv, and become BF16; those without scales stay what they are. Blocks
are 128 x 128, or what config.json says. Of matrices that are stored twice the later gets the layer
of the first. Vectors, integers, masks, parts of weights that are quantised already and a short list
of fragile tensors pass through bit for bit. Fragile ones are compressed where --tensor matches
them, or --include has their full name or is '*'. F32 and F64 matrices that no codebook makes
smaller are kept as F16 where that leaves no visible error, at most 2^-11 of each row; else they
pass through too.

The report has a line for every matrix, compressed or not and why not, and names the worst, the one
with the largest error of its own, which the error of all together hides, and how many are beyond
their cap. Tensors that are no matrices of floats share a line, and so do the slices of a stack;
--all lists each, as --json does.

A tensor T of large matrices on top of each other, such as the experts of a mixture [experts, out,
in], is compressed slice by slice, T[0], T[1] and so on. A GLOB that matches T matches all of them.

Bits: all layers together take --bits a weight. A matrix gets more where that takes off more of its
error as a part of its size, tables of rows that are looked up counting half, but none so few that
its own error is beyond about twice what it would be at the mean rate; --uniform gives each as many.
--max-error E is kept by each matrix, total:E by all together. Above 6.5 bits groups of 256 values
compete with the trellis.

Schemes: trellis (the smallest file) gives each weight one of up to 255 values, chosen together
along the paths of a trellis and stored entropy coded. With --storage window they are stored as 2,
3, 4 or 5 bits a weight, which stay as few in memory, at more error for as many bits: for models
larger than the caches. segments cuts each row into pieces of --segment columns, which share --k
centroids; scalar gives each weight one of --k values; rows gives each whole row one of --k
centroids, good only where rows repeat. In a GLOB, * matches any characters, dots and slashes too.

` + exitHelp(false),
		Example: `  palettize compress model.safetensors
  palettize compress model.safetensors --bits 3 -o smaller.pal
  palettize compress model.safetensors --max-error 0.05
  palettize compress model.safetensors --scheme scalar --k 16 --group 16 -o small.pal
  palettize compress model.safetensors --scheme segments --segment 4 --include 'encoder.*'`,
		Args: takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCompress(cmd.Context(), env, o, args[0])
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runCompress(ctx context.Context, env *env, o compressOptions, model string) error {
	opts, err := o.options()
	if err != nil {
		return err
	}
	src, err := openModel(model)
	if err != nil {
		return err
	}
	defer src.Close()
	calibration := new(calibration) // without a file, it has nothing to warn of
	if o.calibration != "" {
		calibration, err = openCalibration(env, o.calibration, src)
		if err != nil {
			return err
		}
		defer calibration.Close()
		opts.Moments = calibration.moments
		opts.Transposed = append(opts.Transposed, calibration.Transposed(src.Tensors())...)
	}
	if kind := compress.Quantisation(src.Tensors()); kind != "" {
		env.warn("%s: weights are quantised already (%s) and pass through: compress the model that "+
			"they were made from, or what its own tools write of it as BF16", model, kind)
	}
	warnRagged(env, src)
	if o.dry {
		return o.dryRun(ctx, env, src, opts)
	}
	dst, err := o.create(src, opts)
	if err != nil {
		return err
	}
	bar := env.newProgress(o.quiet)
	defer bar.close()
	opts.Progress = bar.update
	if o.plan || o.planOut != "" {
		if opts.Allocation, err = o.allocate(ctx, dst, src, opts); err != nil {
			return o.end(dst, err)
		}
	}
	if o.plan {
		dst.Abort()
		bar.close()
		calibration.warn(env)
		return env.show(newAllocationReport(model, opts.Allocation), o.as)
	}
	report, size, err := o.run(ctx, dst, src, opts, bar)
	if err != nil {
		bar.close()
		return o.end(dst, err)
	}
	calibration.warn(env)
	if o.part.Of > 0 {
		return o.finishPart(env, dst, report)
	}
	if err := warnHeader(env, o.output(src)); err != nil {
		return err
	}
	facts := newCompressReport(report, model, src.Size(), o.output(src), size)
	return o.show(env, facts, report, opts.For)
}

// run makes the layers and writes the output, unless it is a part that is made.
func (o *compressOptions) run(ctx context.Context, dst *format.Writer, src *format.File,
	opts compress.Options, bar *progress) (report *compress.Report, size int64, err error) {
	if err := o.takeUp(dst, &opts); err != nil {
		return nil, 0, err
	}
	if report, err = compress.Compress(ctx, dst, src, opts); err != nil {
		return nil, 0, inFile(src.Path(), err)
	}
	bar.close()
	if o.part.Of == 0 {
		size, err = dst.Commit(ctx)
	}
	return report, size, err
}

// finishPart leaves a part for merge.
func (o *compressOptions) finishPart(env *env, dst *format.Writer, report *compress.Report) error {
	path, err := dst.Finish()
	if err != nil || o.quiet {
		return err
	}
	resumed := ""
	if report.Resumed > 0 {
		resumed = fmt.Sprintf(", %d by an earlier run", report.Resumed)
	}
	return env.print(fmt.Sprintf("%s: part %d of %d, %d tensors, of them %d compressed%s\n",
		path, o.part.Index, o.part.Of, len(report.Entries), report.Total(0, 0).Compressed, resumed))
}

// warnRagged says which tensors other programs multiply by their scales otherwise.
func warnRagged(env *env, src *format.File) {
	if names := src.Ragged(); len(names) > 0 {
		env.warn("%s: %d tensors, such as %s, are no whole number of blocks that share a scale: "+
			"transformers 5.24.0 refuses to dequantise them or, where it finds other blocks, "+
			"loads other weights", src.Path(), len(names), printable(names[0]))
	}
}

// output is the name of the file or folder to write, that of a part among those of the others.
func (o *compressOptions) output(src *format.File) string {
	out := o.out
	if out == "" {
		out = besideModel(src, src.Path(), "", ".pal", ".pal")
	}
	if o.part.Of > 0 {
		out = fmt.Sprintf("%s.%d-of-%d", filepath.Clean(out), o.part.Index, o.part.Of)
	}
	return out
}

// create begins the output, which says what it is made with. A plan alone has none.
func (o *compressOptions) create(src *format.File, opts compress.Options) (*format.Writer, error) {
	settings, err := json.Marshal(opts)
	if err != nil {
		return nil, err
	}
	if o.plan {
		return format.NewWriter(io.Discard, src, string(settings))
	}
	run, err := o.runValues()
	if err != nil {
		return nil, err
	}
	w, err := format.Create(o.output(src), src, format.CreateOptions{
		Overwrite: o.force, Settings: string(settings), Resume: o.resume, Run: run,
		ShardSize: shardSize(src, o.shardSize, o.single || o.part.Of > 0),
	})
	if errors.Is(err, format.ErrUnfinished) {
		return nil, fmt.Errorf("%w: --resume goes on from there, --force begins anew", err)
	}
	return w, hintForce(err)
}

// allocate finds an allocation, and writes it where that is asked for.
func (o *compressOptions) allocate(ctx context.Context, dst *format.Writer, src *format.File,
	opts compress.Options) (*compress.Allocation, error) {
	a, err := compress.Allocate(ctx, dst, src, opts)
	if err != nil {
		return nil, inFile(src.Path(), err)
	}
	return a, writeAllocation(ctx, o.planOut, o.force, src, a)
}

// show prints what a run has done, for this purpose.
func (o *compressOptions) show(env *env, facts *compressReport, report *compress.Report,
	purpose string) error {
	facts.all = o.all
	if text := facts.warning(); text != "" {
		env.warn("%s", text)
	}
	if err := warnWrittenOut(env, report, purpose); err != nil {
		return err
	}
	if o.quiet && o.as == (outputForm{}) {
		return nil
	}
	return env.show(facts, o.as)
}

// warnWrittenOut says where a file is not what --for asks for on this CPU.
func warnWrittenOut(env *env, report *compress.Report, purpose string) error {
	if purpose != compress.ForMemory && purpose != compress.ForSpeed {
		return nil
	}
	set, err := kernels.Best()
	if err != nil {
		return err
	}
	if n := report.WrittenOut(set); n > 0 {
		env.warn("--for %s gains nothing here for %d layers: this CPU, unlike one with AVX-512 "+
			"and VBMI, multiplies them written out as bytes or float32 (palettize cpu)", purpose, n)
	}
	return nil
}

// calibration is an open calibration file.
type calibration struct {
	*format.Calibration
	known []string // matrices that it has something for, in the order of the file

	mu      sync.Mutex
	nothing map[string]bool // that there were no moments of, as far as it was asked
}

// moments is Moments, and notes where there are none. It is called from several goroutines.
func (c *calibration) moments(ctx context.Context, tensor string, cols int) (
	*moments.Moments, error) {
	m, err := c.Moments(ctx, tensor, cols)
	if m == nil && err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.nothing[tensor] = true
	}
	return m, err
}

// warn says which matrices no token has reached, such as experts that were never chosen.
func (c *calibration) warn(env *env) {
	unreached := slices.DeleteFunc(c.known, func(name string) bool { return !c.nothing[name] })
	if len(unreached) > 0 {
		env.warn("%s has no token for %d matrices, whose columns count alike: %s",
			c.Path(), len(unreached), strings.Join(stackedNames(unreached), ", "))
	}
}

// openCalibration opens a calibration file and says which matrices it has nothing for.
func openCalibration(env *env, name string, src *format.File) (*calibration, error) {
	c, err := format.OpenCalibration(name)
	if err != nil {
		return nil, err
	}
	var matrices []string
	for _, t := range src.Tensors() {
		if _, _, ok := t.Matrix(); ok && t.Float() && !t.Vector() {
			matrices = append(matrices, t.Name)
		}
	}
	missing, err := c.Missing(matrices)
	if err != nil {
		c.Close()
		return nil, err
	}
	if len(missing) > 0 {
		env.warn("%s has no moments for %d matrices, whose columns count alike: %s",
			c.Path(), len(missing), strings.Join(stackedNames(missing), ", "))
	}
	unknown := make(map[string]bool, len(missing))
	for _, name := range missing {
		unknown[name] = true
	}
	known := slices.DeleteFunc(matrices, func(name string) bool { return unknown[name] })
	return &calibration{Calibration: c, known: known, nothing: make(map[string]bool)}, nil
}

// options checks the flags, as far as that needs no model.
func (o *compressOptions) options() (compress.Options, error) {
	opts := compress.Options{
		Size:          int64(o.size),
		Include:       o.include,
		Exclude:       o.exclude,
		Transposed:    o.transposed,
		Seed:          o.seed,
		Threads:       o.threads,
		PassNonfinite: o.nonfinite != "",
		Part:          compress.Part(o.part),
	}
	var err error
	if opts.Settings, err = parsedSettings(o.flags); err != nil {
		return opts, usagef("%v", err)
	}
	if o.size > 0 {
		opts.Bits = 0 // they follow
	}
	if opts.Overrides, err = o.overrides(opts.Scheme); err != nil {
		return opts, err
	}
	if err := o.check(opts.Scheme.Name); err != nil {
		return opts, err
	}
	if o.planIn != "" {
		if opts.Allocation, err = readAllocation(o.planIn); err != nil {
			return opts, err
		}
	}
	if err := opts.Validate(); err != nil {
		return opts, usagef("%v", err)
	}
	return opts, nil
}

// overrides reads --tensor.
func (o *compressOptions) overrides(base codebook.Scheme) ([]compress.Override, error) {
	var overrides []compress.Override
	for _, text := range o.tensors {
		override, err := compress.ParseOverride(text, base)
		if err != nil {
			return nil, usagef("--tensor %s: %v", text, asFlags(err))
		}
		overrides = append(overrides, override)
	}
	return overrides, nil
}

// check reports flags that do not go together, and values that no other place checks.
func (o *compressOptions) check(scheme string) error {
	if flag := o.given("bits", "uniform"); flag != "" && o.size > 0 {
		return usagef("--size and --%s: the size is divided as a pool of bits", flag)
	}
	planned := slices.Concat(settingFlags, []string{"size", "tensor"})
	if flag := o.given(planned...); flag != "" && o.planIn != "" {
		return usagef("--%s and --plan-in: the plan says it", flag)
	}
	switch {
	case o.calibration != "" && scheme != "trellis":
		return usagef("--calibration goes with --scheme trellis, not %s", scheme)
	case o.nonfinite != "" && o.nonfinite != "passthrough":
		return usagef("--allow-nonfinite %s: the one choice is passthrough", o.nonfinite)
	case o.threads < 0:
		return usagef("--threads %d", o.threads)
	case o.dry && (o.plan || o.planOut != ""):
		return usagef("--dry-run reads a sample, --plan and --plan-out all weights: give one of them")
	case o.planIn != "" && (o.plan || o.planOut != ""):
		return usagef("--plan-in says what to allot, --plan and --plan-out find it")
	}
	for _, glob := range slices.Concat(o.include, o.exclude, o.transposed) {
		if _, err := path.Match(glob, ""); err != nil {
			return usagef("pattern %q: %v", glob, err)
		}
	}
	return nil
}

// given returns the first of these flags that the user gave, "" where none is.
func (o *compressOptions) given(flags ...string) string {
	for _, flag := range flags {
		if o.flags.Changed(flag) {
			return flag
		}
	}
	return ""
}
