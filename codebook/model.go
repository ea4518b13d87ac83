package codebook

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Store is a compressed model as it is stored. Its methods may be called at the same time. Package
// format implements it for files.
type Store interface {
	// Layers lists the names of the tensors that are layers.
	Layers() []string
	// Original describes the tensor that a layer stands for.
	Original(layer string) Tensor
	// Stored calls use with a layer, which need not be decoded: its Stream is enough. The layer and
	// what it holds are valid until use returns. Reading stops soon after ctx is done.
	Stored(ctx context.Context, layer string, use func(l *Layer) error) error
	// Rest has all other tensors, which are stored as they were.
	Rest() Source
}

// Model multiplies with the matrices of a stored model by their names. A matrix is read when it is
// first used, and laid out for a plan: once for single vectors and, where another plan is faster
// for batches, once more for these. Nothing else of it stays in memory. Its methods may be called
// at the same time, and allocate nothing but at a first use.
type Model struct {
	store    Store
	opts     RunOptions
	names    []string
	matrices map[string]*matrix
	linears  map[string]*linear // by the names of modules
	closed   atomic.Bool
}

// matrix is a tensor of a model, by what is laid out of it.
type matrix struct {
	tensor Tensor
	layer  bool
	mu     sync.Mutex // held while a plan is laid out
	plans  [len(classes)]atomic.Pointer[Plan]
	uses   [len(classes)]uses
}

// classes of batches have plans of their own: of single vectors, and of more, as many as this for
// choosing a plan.
var classes = [...]int{1, 32}

func classOf(batch int) int { return min(max(batch, 1), len(classes)) - 1 }

// NewModel returns a model of what is stored. Kernels, Threads and Plan of the options hold for all
// layers; Batch does not count, since each call says how many vectors there are.
func NewModel(store Store, opts RunOptions) *Model {
	m := &Model{store: store, opts: opts, matrices: make(map[string]*matrix),
		linears: make(map[string]*linear)}
	add := func(t Tensor, layer bool) {
		m.names = append(m.names, t.Name)
		m.matrices[t.Name] = &matrix{tensor: t, layer: layer}
	}
	for _, name := range store.Layers() {
		add(store.Original(name), true)
	}
	for _, t := range store.Rest().Tensors() {
		add(t, false)
	}
	slices.Sort(m.names)
	m.joinLinears()
	return m
}

// Transpose says that these tensors are stored as [in, out], as those of Conv1D modules are: MatMul
// then takes them for matrices of out rows. Layers know that of themselves. It must be called
// before the first use of a tensor, and not at the same time as other methods.
func (m *Model) Transpose(names ...string) error {
	for _, name := range names {
		x, err := m.matrix(name)
		if err != nil {
			return about(name, err)
		}
		if !x.layer {
			x.tensor.Fold = FoldTransposed
		}
	}
	return nil
}

// Names lists the model's tensors, sorted.
func (m *Model) Names() []string { return slices.Clone(m.names) }

// Describe returns what is known of a tensor; of a layer, what the original was like. The error is
// [ErrNoTensor] where there is none.
func (m *Model) Describe(name string) (Tensor, error) {
	x, err := m.matrix(name)
	if err != nil {
		return Tensor{}, about(name, err)
	}
	return x.tensor, nil
}

// MatMul writes batch results, dst [batch, rows], for as many inputs, x [batch, cols], of the
// matrix of this name: of its layer or, where the tensor is none, of its float32 values.
// Rows and cols are those of [Tensor.Matrix]. A layer of weights stored as [in, out] has out rows;
// of other tensors, Transpose tells.
// A first use of a matrix reads it, which nothing interrupts: Load can be. Errors name the tensor:
// [ErrNoTensor], [ErrClosed], a [ShapeError], a [NotFiniteError], or what reading it met.
func (m *Model) MatMul(dst []float32, name string, x []float32, batch int) error {
	w, err := m.matrix(name)
	if err == nil {
		err = m.mul(dst, w, x, batch)
	}
	return about(name, err)
}

// mul is MatMul once the matrix is found.
func (m *Model) mul(dst []float32, w *matrix, x []float32, batch int) error {
	class := classOf(batch)
	p, err := m.plan(context.Background(), w, class)
	if err != nil {
		return err
	}
	start := time.Now()
	err = p.MulMat(dst, x, batch)
	w.uses[class].add(batch, time.Since(start))
	return err
}

// Row writes row i of a matrix to dst, which must have its number of columns: this looks up an
// embedding.
func (m *Model) Row(dst []float32, name string, i int) error {
	x, err := m.matrix(name)
	if err != nil {
		return about(name, err)
	}
	p, err := m.anyPlan(x)
	if err != nil {
		return about(name, err)
	}
	switch {
	case i < 0 || i >= p.rows:
		return about(name, fmt.Errorf("row %d of %d", i, p.rows))
	case len(dst) != p.cols:
		return about(name, &ShapeError{"dst", len(dst), p.cols})
	}
	p.Row(dst, i)
	return nil
}

// Tensor reads the values of a tensor of floats, in the order of its shape; those of a layer are
// rebuilt. The model does not keep them.
func (m *Model) Tensor(ctx context.Context, name string) ([]float32, error) {
	x, err := m.matrix(name)
	if err != nil {
		return nil, about(name, err)
	}
	if !x.layer {
		values, err := m.store.Rest().Floats(ctx, name)
		return values, about(name, err)
	}
	var values []float32
	err = m.store.Stored(ctx, name, func(l *Layer) error {
		if l.Assignments == nil {
			if err := l.Decode(0); err != nil {
				return err
			}
		}
		values = x.tensor.Restored(l.Dense())
		return nil
	})
	return values, about(name, err)
}

// Load reads all layers and lays them out for batches of this size, which otherwise the first uses
// do. Beside their plans it holds one layer at a time.
func (m *Model) Load(ctx context.Context, batch int) error {
	for _, name := range m.names {
		if err := ctx.Err(); err != nil {
			return err
		}
		x := m.matrices[name]
		if !x.layer {
			continue
		}
		if _, err := m.plan(ctx, x, classOf(batch)); err != nil {
			return about(name, err)
		}
	}
	return nil
}

// BitsResident is what the model holds in memory for weights, in bits: of the matrices that have
// been used, and of biases.
func (m *Model) BitsResident() int64 {
	var bits int64
	for _, x := range m.matrices {
		var counted []*Plan
		for i := range x.plans {
			p := x.plans[i].Load()
			shared := func(o *Plan) bool { return o.engine == p.engine }
			if p != nil && !slices.ContainsFunc(counted, shared) {
				bits += p.BitsResident()
				counted = append(counted, p)
			}
		}
	}
	for _, l := range m.linears {
		if bias := l.values.Load(); bias != nil {
			bits += 32 * int64(len(*bias))
		}
	}
	return bits
}

// Close frees the memory and closes the store, if that can be closed. Calls that are under way may
// still return results; later ones return [ErrClosed].
func (m *Model) Close() error {
	if m.closed.Swap(true) {
		return ErrClosed
	}
	for _, x := range m.matrices {
		x.mu.Lock()
		for i := range x.plans {
			x.plans[i].Store(nil)
		}
		x.mu.Unlock()
	}
	for _, l := range m.linears {
		l.loading.Lock()
		l.values.Store(nil)
		l.loading.Unlock()
	}
	if c, ok := m.store.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// about names the tensor of an error.
func about(name string, err error) error {
	if err == nil {
		return nil
	}
	return &TensorError{name, err}
}

func (m *Model) matrix(name string) (*matrix, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	if x := m.matrices[name]; x != nil {
		return x, nil
	}
	return nil, ErrNoTensor
}

// anyPlan returns a plan that is there, or that for single vectors.
func (m *Model) anyPlan(x *matrix) (*Plan, error) {
	for i := range x.plans {
		if p := x.plans[i].Load(); p != nil {
			return p, nil
		}
	}
	return m.plan(context.Background(), x, 0)
}

// plan returns the plan of a matrix for a class of batches.
func (m *Model) plan(ctx context.Context, x *matrix, class int) (*Plan, error) {
	if p := x.plans[class].Load(); p != nil {
		return p, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if p := x.plans[class].Load(); p != nil {
		return p, nil
	}
	if m.closed.Load() { // and its plans are gone
		return nil, ErrClosed
	}
	opts := m.opts
	opts.Batch = classes[class]
	lay := x.layDense
	if x.layer {
		lay = x.layLayer
	}
	p, err := lay(ctx, m.store, opts)
	if err == nil {
		x.plans[class].Store(p)
	}
	return p, err
}

// layLayer lays a layer out, unless the plan is that of another class, which then shares it.
func (x *matrix) layLayer(ctx context.Context, store Store, opts RunOptions) (p *Plan, err error) {
	err = store.Stored(ctx, x.tensor.Name, func(l *Layer) error {
		c, err := l.choosePlan(opts)
		if err != nil {
			return err
		}
		if p = x.shared(c.name(), c.threads); p == nil {
			p, err = c.lay()
		}
		return err
	})
	return p, err
}

// layDense reads a tensor that passed through.
func (x *matrix) layDense(ctx context.Context, store Store, opts RunOptions) (*Plan, error) {
	rows, cols, ok := x.tensor.Matrix()
	if !ok || !x.tensor.Float() {
		return nil, fmt.Errorf("%s %v is no matrix of floats", x.tensor.DType, x.tensor.Shape)
	}
	d := &Dense{Rows: rows, Cols: cols}
	p, err := d.plan(opts, denseEngine{d})
	if err != nil {
		return nil, err
	}
	if shared := x.shared(p.name, p.threads); shared != nil {
		return shared, nil
	}
	values, err := store.Rest().Floats(ctx, x.tensor.Name)
	d.W = x.tensor.Arranged(values)
	return p, err
}

// shared returns a plan of this name that is there already, for other threads, nil if there is
// none.
func (x *matrix) shared(name string, threads int) *Plan {
	for i := range x.plans {
		if p := x.plans[i].Load(); p != nil && p.name == name {
			other := *p
			other.threads = threads
			return &other
		}
	}
	return nil
}
