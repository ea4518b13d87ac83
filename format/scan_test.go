package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	lib "github.com/nlpodyssey/safetensors"
)

// TestScanAcceptsWhatIsValid includes what few readers do: scalars, empty tensors in any place,
// white space, escapes, dtypes that are passed through.
func TestScanAcceptsWhatIsValid(t *testing.T) {
	tests := []struct {
		name, header string
		data         int
		want         string // names in order
	}{
		{"nothing", `{}      `, 0, ""},
		{"metadata only", `{"__metadata__":{"a":"b","":""}}`, 0, ""},
		{"metadata null", `{"__metadata__":null,` + tensorText("a", "U8", "[1]", 0, 1) + "}",
			1, "a"},
		{"metadata null at the end, among white space",
			"{" + tensorText("a", "U8", "[1]", 0, 1) + ", \"__metadata__\" : null }", 1, "a"},
		{"scalar", "{" + tensorText("s", "F64", "[]", 0, 8) + "}", 8, "s"},
		{"empty tensors among others", "{" + strings.Join([]string{
			tensorText("z", "F32", "[0]", 0, 0), tensorText("a", "F32", "[2,0]", 0, 0),
			tensorText("m", "U8", "[3]", 0, 3), tensorText("b", "F32", "[0,7]", 3, 3),
		}, ",") + "}", 3, "a z m b"},
		{"order of offsets", "{" + tensorText("a", "U8", "[1]", 1, 2) + "," +
			tensorText("b", "U8", "[1]", 0, 1) + "}", 2, "b a"},
		{"fields in any order", `{"a":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}}`, 1, "a"},
		{"white space",
			"{\n\t\"a\" : { \"dtype\" : \"U8\" , \"shape\":[ 1 , 1 ], \"data_offsets\":[0,1]\r} } ",
			1, "a"},
		{"escapes", `{"\u00e9\ud83d\ude00\/\n\"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`,
			1, "é😀/\n\""},
		{"dtypes to pass through", "{" + strings.Join([]string{
			tensorText("a", "F8_E4M3", "[2]", 0, 2), tensorText("b", "F4", "[4]", 2, 4),
			tensorText("c", "F6_E2M3", "[4]", 4, 7), tensorText("d", "C64", "[1]", 7, 15),
		}, ",") + "}", 15, "a b c d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := fileOf(tt.header, tt.data)
			l, err := scan(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, e := range l.entries {
				names = append(names, e.Name)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("got tensors %q, want %q", got, tt.want)
			}
		})
	}
}

// asLibrary holds a header that scan has accepted against the library's reading of it.
func asLibrary(t *testing.T, file []byte, l *layout) {
	t.Helper()
	for _, e := range l.entries {
		if unknownToLibrary(blob{Tensor: e.Tensor}) {
			return // the library would refuse the file
		}
	}
	n, m, err := lib.ReadMetadata(file)
	if err != nil {
		t.Fatalf("scan accepts what the library refuses: %v", err)
	}
	if int64(n)+8 != l.data || len(m.Tensors()) != len(l.entries) ||
		len(m.Metadata()) != len(l.metadata) {
		t.Fatalf("got %d tensors after %d bytes, the library reads %d after %d", len(l.entries),
			l.data, len(m.Tensors()), n+8)
	}
	for key, value := range m.Metadata() {
		if l.metadata[key] != value {
			t.Errorf("got metadata %q = %q, the library reads %q", key, l.metadata[key], value)
		}
	}
	for _, e := range l.entries {
		info := m.Tensors()[e.Name]
		if info == nil || info.DType.String() != e.DType ||
			fmt.Sprint(info.Shape) != fmt.Sprint(e.Shape) ||
			info.DataOffsets != [2]uint64{uint64(e.begin), uint64(e.end)} {
			t.Errorf("got %+v, the library reads %+v", e, info)
		}
	}
}

// large is a file with a header of many bytes that is not in memory.
type large struct {
	prefix []byte // length and the header's first bytes
	item   string // then this again and again
	size   int64
}

func (l large) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		switch at := off + int64(i); {
		case at >= l.size:
			return i, io.EOF
		case at < int64(len(l.prefix)):
			p[i] = l.prefix[at]
		default:
			p[i] = l.item[(at-int64(len(l.prefix)))%int64(len(l.item))]
		}
	}
	return len(p), nil
}

// TestMemoryOfHeaderClaims bounds what a file can make scan allocate by its size: nothing for a
// claim without bytes behind it, little for bytes that are no header.
func TestMemoryOfHeaderClaims(t *testing.T) {
	claim := func(n uint64, rest string) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, n), rest...)
	}
	tests := []struct {
		name  string
		file  large
		limit uint64 // bytes
	}{
		{"90 MB claimed, 100 there", large{claim(90e6, "{"), " ", 108}, 1 << 20},
		{"90 MB of zeros", large{claim(90e6, "\x00"), "\x00", 90e6 + 8}, 1 << 20},
		{"90 MB of brackets", large{claim(90e6, `{"a":{"shape":`), "[", 90e6 + 8}, 1 << 20},
		{"90 MB of dimensions", large{claim(90e6, `{"a":{"shape":[1`), ",1", 90e6 + 8}, 1 << 20},
		{"one string of 20 MB", large{claim(20e6, `{"`), "a", 20e6 + 8}, 120e6},
		{"20 MB of white space", large{claim(20e6, "{"), " ", 20e6 + 8}, 1 << 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := scan(tt.file, tt.file.size); err == nil {
				t.Fatal("accepted")
			}
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > tt.limit {
				t.Errorf("allocated %d bytes, the limit is %d", took, tt.limit)
			}
		})
	}
}

// TestMemoryOfManyTensors bounds what a valid header takes to a few times its size.
func TestMemoryOfManyTensors(t *testing.T) {
	var text strings.Builder
	text.WriteByte('{')
	for i := range int64(50_000) {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(tensorText(fmt.Sprintf("model.layers.%d.weight", i), "U8", "[0]", 0, 0))
	}
	text.WriteByte('}')
	file := fileOf(text.String(), 0)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f, err := NewFile(bytes.NewReader(file), int64(len(file)), "many")
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	kept, total := after.HeapAlloc-before.HeapAlloc, after.TotalAlloc-before.TotalAlloc
	if size := uint64(len(file)); kept > 5*size || total > 15*size {
		t.Errorf("a header of %d bytes keeps %d and allocates %d", len(file), kept, total)
	} else {
		t.Logf("a header of %d bytes keeps %d and allocates %d", len(file), kept, total)
	}
	runtime.KeepAlive(f)
}
