package kernels

import "strings"

// features is a set of CPU abilities. Each bit means that both the CPU and the operating system
// let a program use them.
type features uint32

const (
	avx2 features = 1 << iota
	fma
	avxvnni
	avx512f
	avx512bw
	avx512dq
	avx512vl
	avx512vnni
	avx512vbmi
	amx // tiles and their products of bytes, allowed by the operating system

	asimd
	asimddp // dot products of bytes of the same sign
	i8mm    // and of unsigned by signed bytes
)

// avx512 is what every AVX-512 row needs: foundation, byte and word, double word, and the short
// vectors.
const avx512 = avx512f | avx512bw | avx512dq | avx512vl

// featureNames lists the bits in order, under the names that PALETTIZE_CPU_OFF takes.
var featureNames = []string{
	"avx2", "fma", "avxvnni", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni",
	"avx512vbmi", "amx",
	"asimd", "asimddp", "i8mm",
}

// implied lists what a missing feature takes away with it: whoever switches AVX2 off means a CPU
// that has nothing newer either. AVX-VNNI came after AVX-512 but does without it.
var implied = map[features]features{
	avx2:       fma | avxvnni | avx512 | avx512vnni | avx512vbmi | amx,
	fma:        avxvnni | avx512 | avx512vnni | avx512vbmi | amx,
	avx512f:    avx512bw | avx512dq | avx512vl | avx512vnni | avx512vbmi | amx,
	avx512bw:   avx512vnni | avx512vbmi | amx,
	avx512dq:   avx512vnni | avx512vbmi | amx,
	avx512vl:   avx512vnni | avx512vbmi | amx,
	avx512vnni: avx512vbmi | amx,
	asimd:      asimddp | i8mm,
	asimddp:    i8mm,
}

// String names the features in the set, joined with commas.
func (f features) String() string {
	var names []string
	for i, name := range featureNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// withBasis returns f and all that it builds on: a CPU that has AVX-512 VNNI has AVX2 and FMA too.
func (f features) withBasis() features {
	for basis, above := range implied {
		if f&above != 0 {
			f |= basis
		}
	}
	return f
}

// without returns f less the features named in list (separated by commas) and all that builds on
// them. Unknown names are returned too, so that a misspelling does not pass for a switch.
func (f features) without(list string) (features, []string) {
	var unknown []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		bit := featureBit(name)
		if bit == 0 {
			unknown = append(unknown, name)
			continue
		}
		f &^= bit | implied[bit]
	}
	return f, unknown
}

// featureBit returns the bit of a name in featureNames, or 0.
func featureBit(name string) features {
	for i, n := range featureNames {
		if n == name {
			return 1 << i
		}
	}
	return 0
}
