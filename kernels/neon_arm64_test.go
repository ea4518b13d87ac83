//go:build !purego

package kernels

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// vector is a register: lanes of bytes, of int16, int32 or float32.
type vector [16]byte

func (v *vector) i8(i int) int32  { return int32(int8(v[i])) }
func (v *vector) i16(i int) int32 { return int32(int16(binary.LittleEndian.Uint16(v[2*i:]))) }
func (v *vector) u32(i int) uint32 {
	return binary.LittleEndian.Uint32(v[4*i:])
}
func (v *vector) i32(i int) int32   { return int32(v.u32(i)) }
func (v *vector) f32(i int) float32 { return math.Float32frombits(v.u32(i)) }
func (v *vector) set16(i int, value int32) {
	binary.LittleEndian.PutUint16(v[2*i:], uint16(value))
}
func (v *vector) set32(i int, value int32) {
	binary.LittleEndian.PutUint32(v[4*i:], uint32(value))
}
func (v *vector) setF32(i int, value float32) { v.set32(i, int32(math.Float32bits(value))) }

func each16(f func(i int, d, n, m *vector) int32) func(d, n, m *vector) {
	return func(d, n, m *vector) {
		for i := range 8 {
			d.set16(i, f(i, d, n, m))
		}
	}
}

func each32(f func(i int, d, n, m *vector) int32) func(d, n, m *vector) {
	return func(d, n, m *vector) {
		for i := range 4 {
			d.set32(i, f(i, d, n, m))
		}
	}
}

func eachF32(f func(i int, d, n, m *vector) float32) func(d, n, m *vector) {
	return func(d, n, m *vector) {
		for i := range 4 {
			d.setF32(i, f(i, d, n, m))
		}
	}
}

func sdot(lane int) func(d, n, m *vector) {
	return each32(func(i int, d, n, m *vector) int32 {
		sum := d.i32(i)
		for j := range 4 {
			sum += n.i8(4*i+j) * m.i8(4*lane+j)
		}
		return sum
	})
}

func usdot(lane int) func(d, n, m *vector) {
	return each32(func(i int, d, n, m *vector) int32 {
		sum := d.i32(i)
		for j := range 4 {
			sum += int32(n[4*i+j]) * m.i8(4*lane+j)
		}
		return sum
	})
}

func fmulLane(lane int) func(d, n, m *vector) {
	return eachF32(func(i int, _, n, m *vector) float32 { return n.f32(i) * m.f32(lane) })
}

// instructions are those of neon_arm64.s in its order.
var instructions = []struct {
	name   string
	need   features
	floats bool // of operands n and m
	fn     func(d, n, m *vector)
}{
	{"SDOT 0", asimddp, false, sdot(0)},
	{"SDOT 1", asimddp, false, sdot(1)},
	{"SDOT 2", asimddp, false, sdot(2)},
	{"SDOT 3", asimddp, false, sdot(3)},
	{"USDOT 0", i8mm, false, usdot(0)},
	{"USDOT 1", i8mm, false, usdot(1)},
	{"USDOT 2", i8mm, false, usdot(2)},
	{"USDOT 3", i8mm, false, usdot(3)},
	{"SMULL", 0, false, each16(func(i int, _, n, m *vector) int32 { return n.i8(i) * m.i8(i) })},
	{"SMULL2", 0, false, each16(func(i int, _, n, m *vector) int32 { return n.i8(i+8) * m.i8(i+8) })},
	{"SADDLP", 0, false, each16(func(i int, _, n, _ *vector) int32 { return n.i8(2*i) + n.i8(2*i+1) })},
	{"SADALP", 0, false, each32(func(i int, d, n, _ *vector) int32 { return d.i32(i) + n.i16(2*i) + n.i16(2*i+1) })},
	{"SXTLB", 0, false, each16(func(i int, _, n, _ *vector) int32 { return n.i8(i) })},
	{"SXTLB2", 0, false, each16(func(i int, _, n, _ *vector) int32 { return n.i8(i + 8) })},
	{"SXTLH", 0, false, each32(func(i int, _, n, _ *vector) int32 { return n.i16(i) })},
	{"SXTLH2", 0, false, each32(func(i int, _, n, _ *vector) int32 { return n.i16(i + 4) })},
	{"MLA", 0, false, each32(func(i int, d, n, m *vector) int32 { return d.i32(i) + n.i32(i)*m.i32(i) })},
	{"ABS", 0, false, each32(func(i int, _, n, _ *vector) int32 { return max(n.i32(i), -n.i32(i)) })},
	{"UMAXV", 0, false, func(d, n, _ *vector) {
		*d = vector{}
		d.set32(0, int32(max(n.u32(0), n.u32(1), n.u32(2), n.u32(3))))
	}},
	{"FMUL", 0, true, eachF32(func(i int, _, n, m *vector) float32 { return n.f32(i) * m.f32(i) })},
	{"FMULLANE 0", 0, true, fmulLane(0)},
	{"FMULLANE 1", 0, true, fmulLane(1)},
	{"FMULLANE 2", 0, true, fmulLane(2)},
	{"FMULLANE 3", 0, true, fmulLane(3)},
	{"FADD", 0, true, eachF32(func(i int, _, n, m *vector) float32 { return n.f32(i) + m.f32(i) })},
	{"FSUB", 0, true, eachF32(func(i int, _, n, m *vector) float32 { return n.f32(i) - m.f32(i) })},
	{"FADDP", 0, true, eachF32(func(i int, _, n, m *vector) float32 {
		if i < 2 {
			return n.f32(2*i) + n.f32(2*i+1)
		}
		return m.f32(2*i-4) + m.f32(2*i-3)
	})},
	{"FCMGT", 0, true, each32(func(i int, _, n, m *vector) int32 {
		if n.f32(i) > m.f32(i) {
			return -1
		}
		return 0
	})},
	{"SCVTF", 0, false, eachF32(func(i int, _, n, _ *vector) float32 { return float32(n.i32(i)) })},
	{"FCVTNS", 0, true, each32(func(i int, _, n, _ *vector) int32 { return int32(math.RoundToEven(float64(n.f32(i)))) })},
	{"MULH", 0, false, each16(func(i int, _, n, m *vector) int32 { return n.i16(i) * m.i16(i) })},
	{"FMIN", 0, true, eachF32(func(i int, _, n, m *vector) float32 { return min(n.f32(i), m.f32(i)) })},
	{"SMIN", 0, false, each32(func(i int, _, n, m *vector) int32 { return min(n.i32(i), m.i32(i)) })},
	{"SSHL", 0, false, each32(func(i int, _, n, m *vector) int32 {
		by := m.i8(4 * i)
		if by < 0 {
			return n.i32(i) >> -by
		}
		return n.i32(i) << by
	})},
	{"FMAX", 0, true, eachF32(func(i int, _, n, m *vector) float32 { return max(n.f32(i), m.f32(i)) })},
	{"FABS", 0, true, eachF32(func(i int, _, n, _ *vector) float32 { return max(n.f32(i), -n.f32(i)) })},
	{"FDIV", 0, true, eachF32(func(i int, _, n, m *vector) float32 { return n.f32(i) / m.f32(i) })},
}

func TestInstructions(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for op, in := range instructions {
		t.Run(in.name, func(t *testing.T) {
			if lack := in.need &^ host; lack != 0 {
				t.Skipf("this machine lacks %v", lack)
			}
			for range 200 {
				var v [3][16]byte
				for i := range v {
					fill(rng, v[i][:])
					if in.floats && i > 0 {
						for j := range 4 { // halves, so that some are equal and some are ties
							(*vector)(&v[i]).setF32(j, float32(rng.IntN(41)-20)/2)
						}
					}
				}
				d, n, m := vector(v[0]), vector(v[1]), vector(v[2])
				in.fn(&d, &n, &m)
				before := v
				execute(op, &v)
				if vector(v[0]) != d {
					t.Fatalf("%x, %x, %x: got %x, want %x", before[0], before[1], before[2], v[0],
						d)
				}
			}
		})
	}
}
