package format

import (
	"fmt"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/bitstream"
	"github.com/palettize/palettize/internal/dtype"
)

// part is one of the tensors that store a layer.
type part struct {
	codebook.Tensor
	data []byte
}

// encode returns the parts of a valid layer.
func encode(name string, l *codebook.Layer) []part {
	if l.Stream != nil {
		return []part{newPart(name+trellisSuffix, l.Stream, len(l.Stream))}
	}
	bits := bitstream.Width(l.K())
	packed := bitstream.Pack(l.Assignments, l.Rows, l.Segments(), bits)
	parts := []part{
		newPart(name+centroidsSuffix, l.Centroids, l.K(), l.Width),
		newPart(name+assignmentsSuffix, packed, l.Rows, bitstream.RowBytes(l.Segments(), bits)),
	}
	if l.RowScales != nil {
		parts = append(parts, newPart(name+scalesSuffix, l.RowScales, l.Rows))
	}
	if l.Group != 0 {
		packed := bitstream.Pack(l.Multipliers, l.Rows, l.Groups(), codebook.MultiplierBits)
		rowBytes := bitstream.RowBytes(l.Groups(), codebook.MultiplierBits)
		parts = append(parts, newPart(name+multipliersSuffix, packed, l.Rows, rowBytes))
	}
	return parts
}

func newPart(name string, data []byte, shape ...int) part {
	t := codebook.Tensor{Name: name, DType: dtype.U8, Shape: shape, Bytes: int64(len(data))}
	return part{t, data}
}

// stored is a layer in a codebook file: what the header says of it.
type stored struct {
	tensor     codebook.Tensor // the original
	record     *record
	rows, cols int
	k, width   int
	// parts are centroids, assignments and, where they are there, scales and multipliers; of scheme
	// trellis, all in one.
	parts []codebook.Tensor
	bytes int64 // in the file
}

// secondVersion says what version 1 of the format does not know in the layer of a tensor, "" if
// nothing.
func secondVersion(t codebook.Tensor) string {
	switch {
	case t.Folding() != 1:
		return "a fold"
	case dtype.Of(t.DType).Bits == 8:
		return "dtype " + t.DType
	}
	return ""
}

// layer returns the layer without its data.
func (s *stored) layer() *codebook.Layer {
	return &codebook.Layer{
		Rows: s.rows, Cols: s.cols, Width: s.width,
		ZeroPoint: s.record.Zero, Scale: s.record.Scale, Group: s.record.Group,
	}
}

// scheme is what the layer amounts to, as far as the header says it.
func (s *stored) scheme() codebook.Scheme {
	l := s.layer()
	if s.record.K != 0 {
		l.Stream = []byte{}
	}
	scheme := l.Scheme()
	scheme.K = s.k
	return scheme
}

// newStored holds the record of a layer and the shapes of its parts against each other. All sizes
// are derived from shapes of tensors that are in the file. find returns an entry of the header.
func newStored(name, text string, find func(string) *entry) (*stored, error) {
	r, err := parseRecord(text)
	if err != nil {
		return nil, fmt.Errorf("its record: %w", err)
	}
	t := codebook.Tensor{Name: name, DType: r.DType, Shape: r.Shape, Fold: r.Fold}
	for _, d := range r.Shape {
		if d < 1 {
			return nil, fmt.Errorf("its record has shape %s", shapeText(r.Shape))
		}
	}
	if t.Bytes, err = dtype.Of(r.DType).Size(r.Shape); err != nil {
		return nil, fmt.Errorf("its record: %w: %s", err, describe(t))
	}
	rows, cols, ok := t.Matrix()
	if !ok || !t.Float() {
		return nil, fmt.Errorf("its record has %s, no matrix of floats", describe(t))
	}
	s := &stored{tensor: t, record: r, rows: rows, cols: cols}
	if r.K != 0 {
		s.k, s.width = r.K, 1
		_, err = s.part(find, trellisSuffix, -1)
	} else {
		err = s.findParts(find)
	}
	if err != nil {
		return nil, err
	}
	s.bytes = layerBytes(name, s.parts, text)
	return s, nil
}

// findParts finds the tensors of a layer that is not of scheme trellis.
func (s *stored) findParts(find func(string) *entry) error {
	rows, cols, name, r := s.rows, s.cols, s.tensor.Name, s.record
	centroids, err := s.part(find, centroidsSuffix, -1, -1)
	if err != nil {
		return err
	}
	s.k, s.width = centroids[0], centroids[1]
	if s.k < 1 || s.k > codebook.MaxCentroids ||
		s.width < 1 || s.width > codebook.MaxWidth && s.width != cols {
		return fmt.Errorf("its centroids have shape %s for %d columns", shapeText(centroids), cols)
	}
	l := s.layer()
	rowBytes := bitstream.RowBytes(l.Segments(), bitstream.Width(s.k))
	if _, err := s.part(find, assignmentsSuffix, rows, rowBytes); err != nil {
		return err
	}
	if find(name+scalesSuffix) != nil {
		if _, err := s.part(find, scalesSuffix, rows); err != nil {
			return err
		}
	}
	if r.Group != 0 {
		if !codebook.ValidGroup(r.Group) || s.width != 1 {
			return fmt.Errorf("its record has groups of %d for segments of width %d",
				r.Group, s.width)
		}
		rowBytes := bitstream.RowBytes(l.Groups(), codebook.MultiplierBits)
		if _, err := s.part(find, multipliersSuffix, rows, rowBytes); err != nil {
			return err
		}
	}
	return nil
}

// part takes in the entry of one part and checks its shape: -1 stands for any length.
func (s *stored) part(find func(string) *entry, suffix string, shape ...int) ([]int, error) {
	e := find(s.tensor.Name + suffix)
	if e == nil {
		return nil, fmt.Errorf("tensor %s is missing", quote(s.tensor.Name+suffix))
	}
	ok := e.DType == dtype.U8 && len(e.Shape) == len(shape)
	for i := 0; ok && i < len(shape); i++ {
		ok = shape[i] < 0 || e.Shape[i] == shape[i]
	}
	if !ok {
		return nil, fmt.Errorf("tensor %s is %s, expected U8 %s",
			quote(e.Name), describe(e.Tensor), shapeText(shape))
	}
	s.parts = append(s.parts, e.Tensor)
	return e.Shape, nil
}

// decode makes the layer from the data of its parts, by their names. It takes some as they are.
func (s *stored) decode(parts map[string][]byte) (*codebook.Layer, error) {
	l := s.layer()
	for _, p := range s.parts {
		var err error
		data := parts[p.Name]
		switch p.Name[len(s.tensor.Name):] {
		case trellisSuffix:
			l.Stream = data
			if err = l.Decode(0); err == nil && l.K() != s.k {
				err = fmt.Errorf("%d centroids, the record says %d", l.K(), s.k)
			}
		case centroidsSuffix:
			l.Centroids = data
		case assignmentsSuffix:
			bits := bitstream.Width(s.k)
			l.Assignments, err = bitstream.Unpack[byte](data, l.Rows, l.Segments(), bits)
		case scalesSuffix:
			l.RowScales = data
		case multipliersSuffix:
			bits := codebook.MultiplierBits
			l.Multipliers, err = bitstream.Unpack[int8](data, l.Rows, l.Groups(), bits)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name[len(s.tensor.Name)+1:], err)
		}
	}
	return l, l.Validate()
}
