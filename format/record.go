package format

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/version"
)

// newestVersion is the newest version of the codebook file that this package writes and reads.
// Files that version 1 can describe are written as such: only folded layers, windows, layers of
// 8-bit floats, tensors that are kept as F16, stacks and unusual blocks of scales need version 2.
const newestVersion = 2

// producer is what this package writes into a file as its maker.
const producer = version.Producer

// Keys of __metadata__. All other keys are those of the input.
const (
	ourPrefix    = "palettize."
	versionKey   = ourPrefix + "format"
	producerKey  = ourPrefix + "producer"
	settingsKey  = ourPrefix + "settings"
	checksumsKey = ourPrefix + "checksums"
	headerKey    = ourPrefix + "header"
	narrowedKey  = ourPrefix + "narrowed"
	stacksKey    = ourPrefix + "stacks"
	blockKey     = ourPrefix + "block"
	layerPrefix  = ourPrefix + "layer."
)

var ourKeys = []string{
	versionKey, producerKey, settingsKey, checksumsKey, headerKey, narrowedKey, stacksKey, blockKey,
}

// Parts of a layer: the tensors NAME + suffix.
const (
	centroidsSuffix   = ".centroids"
	assignmentsSuffix = ".assignments"
	scalesSuffix      = ".scales"
	multipliersSuffix = ".multipliers"
	trellisSuffix     = ".trellis" // all of the above of a layer of scheme trellis
)

var suffixes = []string{
	centroidsSuffix, assignmentsSuffix, scalesSuffix, multipliersSuffix, trellisSuffix,
}

// record is what __metadata__ says of a layer. The shapes of its parts say the rest. It is a JSON
// list of the fields in this order, without names: with them, and a backslash before each quote,
// long tensor names would take a layer over its 800 bytes of header. K is there for layers of
// scheme trellis, and K and Fold for layers that are folded otherwise than by their first
// dimension.
type record struct {
	DType      string
	Shape      []int
	Group      int
	Zero       byte
	Scale      float32   // the shortest decimal that reads back as the same float32
	Distortion []decimal // signal, noise, approx, dot, max
	K          int       // centroids; 0: as the shape of a part says
	Fold       codebook.Fold
}

// fields lists pointers to what the JSON list holds.
func (r *record) fields() []any {
	return []any{&r.DType, &r.Shape, &r.Group, &r.Zero, &r.Scale, &r.Distortion, &r.K, &r.Fold}
}

// decimal is a number that is written with six digits: enough for a report, and short.
type decimal float64

func (d decimal) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(d)) || math.IsInf(float64(d), 0) {
		return nil, fmt.Errorf("a distortion of %v", float64(d))
	}
	return strconv.AppendFloat(nil, float64(d), 'g', 6, 64), nil
}

// What records have of the fields: those of all layers, of layers of scheme trellis, of folded
// ones.
const (
	plainFields   = 6
	trellisFields = 7
	foldedFields  = 8
)

func newRecord(t codebook.Tensor, l *codebook.Layer, d codebook.Distortion) (string, error) {
	r := record{
		DType: t.DType, Shape: t.Shape, Group: l.Group, Zero: l.ZeroPoint, Scale: l.Scale,
		Distortion: []decimal{
			decimal(d.Signal), decimal(d.Noise), decimal(d.Approx), decimal(d.Dot), decimal(d.Max),
		},
		Fold: t.Folding(),
	}
	n := plainFields
	if l.Stream != nil {
		r.K, n = l.K(), trellisFields
	}
	if r.Fold != 1 {
		n = foldedFields
	}
	text, err := json.Marshal(r.fields()[:n])
	return string(text), err
}

func parseRecord(text string) (*record, error) {
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	r := record{Fold: 1}
	fields := r.fields()
	if len(list) < plainFields || len(list) > foldedFields {
		return nil, fmt.Errorf("%d fields, expected %d to %d", len(list), plainFields, foldedFields)
	}
	if strings.Contains(text, "null") { // which json would take for any value
		return nil, errors.New("has null in it")
	}
	for i := range list {
		if err := json.Unmarshal(list[i], fields[i]); err != nil {
			return nil, fmt.Errorf("field %d: %w", i, err)
		}
	}
	trellis := r.K != 0 || len(list) == trellisFields
	if trellis && (r.K < 1 || r.K > codebook.MaxCentroids || r.Group != 0) {
		return nil, fmt.Errorf("%d centroids, groups of %d", r.K, r.Group)
	}
	if len(list) == foldedFields && (r.Fold == 1 || !validFold(r.Fold, len(r.Shape))) {
		return nil, fmt.Errorf("fold %d of a shape of %d dimensions", r.Fold, len(r.Shape))
	}
	if len(r.Distortion) != 5 {
		return nil, fmt.Errorf("%d numbers of distortion, expected 5", len(r.Distortion))
	}
	return &r, nil
}

// validFold reports whether so many dimensions can be folded like this.
func validFold(f codebook.Fold, dimensions int) bool {
	return f >= 1 && int(f) < dimensions || f == codebook.FoldTransposed && dimensions >= 2
}

func (r *record) distortion() codebook.Distortion {
	d := r.Distortion
	return codebook.Distortion{
		Signal: float64(d[0]), Noise: float64(d[1]), Approx: float64(d[2]), Dot: float64(d[3]),
		Max: float64(d[4]),
	}
}

// layerBytes is what a layer takes in the file: its parts, their entries and checksums, and its
// record. The offsets in the entries are counted as ten digits each: they are known only when the
// file is complete, and the number is to be the same before and after.
func layerBytes(name string, parts []codebook.Tensor, record string) int64 {
	n := entryBytes(layerPrefix+name, record)
	total := int64(0)
	for _, p := range parts {
		shape, _ := json.Marshal(p.Shape)
		const entry = `:{"dtype":"U8","shape":,"data_offsets":[,]},`
		n += quotedBytes(p.Name) + len(entry) + len(shape) + 2*10
		total += p.Bytes
	}
	return total + int64(n+base64.RawStdEncoding.EncodedLen(8*len(parts)))
}

// entryBytes is what an entry of __metadata__ takes in the header.
func entryBytes(key, value string) int {
	return quotedBytes(key) + len(":") + quotedBytes(value) + len(",")
}

func quotedBytes(s string) int {
	quoted, _ := json.Marshal(s)
	return len(quoted)
}

// encodeObject is the JSON object of what is said of some tensors, by name, sorted: of the original
// dtypes of those that are kept as F16, of the numbers of slices of stacks.
func encodeObject[V string | int](about map[string]V) string {
	text, _ := json.Marshal(about) // strings and numbers always marshal
	return string(text)
}

// parseObject undoes encodeObject; value reads a value from its first byte on. Like a header's, its
// keys are there once each.
func parseObject[V string | int](text string, value func(s *scanner, first byte) (V, error)) (
	map[string]V, error) {
	s := &scanner{r: bufio.NewReader(strings.NewReader(text))}
	about := make(map[string]V)
	err := s.expect('{', "at its beginning")
	if err == nil {
		err = s.object(func(name string) error {
			if _, ok := about[name]; ok {
				return s.fail("tensor %s is there twice", quote(name))
			}
			first, err := s.token()
			if err == nil {
				about[name], err = value(s, first)
			}
			return err
		})
	}
	var bad *CorruptError
	switch {
	case errors.As(err, &bad): // its offset is in the text
		return nil, fmt.Errorf("%s at byte %d", bad.Reason, bad.Offset)
	case err != nil:
		return nil, err
	case s.pos < int64(len(text)):
		return nil, fmt.Errorf("%d bytes follow the JSON", int64(len(text))-s.pos)
	case len(about) == 0:
		return nil, errors.New("names no tensor")
	}
	return about, nil
}

// encodeChecksums puts the checksums of all tensors, in the order of their names, into one string.
func encodeChecksums(sums map[string]uint64) string {
	var raw []byte
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		raw = binary.LittleEndian.AppendUint64(raw, sums[name])
	}
	return base64.RawStdEncoding.EncodeToString(raw)
}

func decodeChecksums(text string, entries []entry) (map[string]uint64, error) {
	// Strict: else the last digit could change and mean the same bytes.
	raw, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("is not base64")
	}
	if len(raw) != 8*len(entries) {
		return nil, fmt.Errorf("has %d bytes for %d tensors", len(raw), len(entries))
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	slices.Sort(names)
	sums := make(map[string]uint64, len(names))
	for i, name := range names {
		sums[name] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return sums, nil
}

func byName(a, b entry) int { return strings.Compare(a.Name, b.Name) }

// headerChecksum is the XXH3-64, in hexadecimal, of all that a header says but for this checksum
// itself: see FORMAT.md for the bytes. It does not depend on how the JSON is written.
func headerChecksum(entries []entry, metadata map[string]string) string {
	sum := xxh3.New()
	number := func(n int64) {
		sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	}
	text := func(s string) {
		number(int64(len(s)))
		sum.WriteString(s)
	}
	sorted := slices.SortedFunc(slices.Values(entries), byName)
	number(int64(len(sorted)))
	for _, e := range sorted {
		text(e.Name)
		text(e.DType)
		number(int64(len(e.Shape)))
		for _, d := range e.Shape {
			number(int64(d))
		}
		number(e.begin)
		number(e.end)
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if key != headerKey {
			text(key)
			text(metadata[key])
		}
	}
	return fmt.Sprintf("%016x", sum.Sum64())
}
