package kernels

import (
	"fmt"
	"os"
	"strings"
)

// tier is one implementation of an operation.
type tier[F any] struct {
	name string
	need features // every bit must be set on the host
	fn   F
}

// pick returns the first row of a table that runs on a CPU with these features. Tables end with a
// row that needs nothing, so there always is one.
func pick[F any](table []tier[F], have features) tier[F] {
	for _, t := range table {
		if t.need&^have == 0 {
			return t
		}
	}
	panic("kernels: a table without a scalar row")
}

// host is what this machine offers, less what PALETTIZE_CPU_OFF takes away. Read once, never
// changed.
var host, amxRefusal, hostErr = hostFeatures(detect(), os.Getenv("PALETTIZE_CPU_OFF"), allowTiles)

// hostFeatures returns what is left of the CPU's features without those named in off. The operating
// system is asked to allow the tiles of AMX, which costs every thread of the process some memory,
// only when they would be used; the error is its refusal, if it refused.
func hostFeatures(have features, off string, allowTiles func() error) (left features,
	refusal, err error) {
	have, unknown := have.without(off)
	if unknown != nil {
		err = fmt.Errorf("PALETTIZE_CPU_OFF: unknown CPU feature %q (known: %s)", unknown,
			strings.Join(featureNames, ", "))
	}
	if have&amx != 0 {
		if refusal = allowTiles(); refusal != nil {
			have &^= amx
		}
	}
	return have, refusal, err
}

// lacks names the features in need that this machine lacks, and says why where the CPU is not to
// blame.
func lacks(need, host features, amxRefusal error) string {
	names := (need &^ host).String()
	if amxRefusal != nil {
		names = strings.Replace(names, "amx", fmt.Sprintf("amx (%v)", amxRefusal), 1)
	}
	return names
}
