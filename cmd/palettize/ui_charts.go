package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook/verify"
)

// shown is where a layer or an alternative to it is drawn, on scales without zero. What files and
// plans say may be anything.
func shown(bits, relative float64) point {
	return point{within(bits, 0.01, 64), within(relative, 1e-6, 10)}
}

// within is v, or the nearest that is drawn. What is no number is drawn as the most.
func within(v, least, most float64) float64 {
	if v != v {
		return most
	}
	return min(max(v, least), most)
}

// points is where each layer is, in their order.
func (p *page) points(at func(l *pageLayer) point) [][]point {
	lines := make([][]point, len(p.layers))
	for i := range p.layers {
		lines[i] = []point{at(&p.layers[i])}
	}
	return lines
}

// charts are the plots that there are data for.
func (p *page) charts() []*chart {
	charts := []*chart{p.errorChart(), p.sizeChart(), p.bitsChart()}
	if p.speed != nil {
		charts = append(charts, p.speedChart())
	}
	if p.model != nil {
		charts = append(charts, p.weightsChart())
	}
	return charts
}

// errorChart sets errors against bits, of what was chosen and of what could have been.
func (p *page) errorChart() *chart {
	c := &chart{
		title: "Error against bits",
		about: "The relative error of each layer. Dashed: the least that Gaussian weights can have, " +
			"whatever the method.",
		x: axis{label: "bits a weight, all counted", log: true}, y: axis{label: "error", log: true},
	}
	var dots, curves [][]point
	for i := range p.layers {
		l := &p.layers[i]
		at := shown(l.Stored, l.Error)
		dots = append(dots, []point{at})
		curve := []point{at} // so that those of the others stay in order
		if len(l.rates) > 0 {
			curve = nil
		}
		for _, r := range l.rates {
			curve = append(curve, shown(r.Bits, r.Error))
		}
		curves = append(curves, curve)
	}
	var bits, errors []float64
	for _, at := range slices.Concat(slices.Concat(dots...), slices.Concat(curves...)) {
		bits, errors = append(bits, at.x), append(errors, at.y)
	}
	c.x.min, c.x.max = padded(bits, true)
	c.y.min, c.y.max = padded(errors, true)
	var bound []point
	const steps = 100
	for i := range steps + 1 {
		at := point{x: c.x.min + (c.x.max-c.x.min)*float64(i)/steps}
		if at.y = math.Exp2(-at.x); at.y >= c.y.min && at.y <= c.y.max {
			bound = append(bound, at)
		}
	}
	c.marks = append(c.marks, mark{class: classBound, lines: [][]point{bound}})
	if p.rates != nil {
		c.about += " Lines: what each could have had, by the plan."
		c.marks = append(c.marks, mark{class: classCurves, lines: curves})
	}
	c.marks = append(c.marks, mark{class: classDots, lines: dots})
	return c
}

// inOrder is the axis of layers in the order of the file.
func (p *page) inOrder() axis {
	return axis{label: "layer, in the order of the file", min: 0, max: float64(len(p.heads) + 1)}
}

func (l *pageLayer) at(y float64) point { return point{float64(l.place + 1), y} }

func (p *page) sizeChart() *chart {
	c := &chart{
		title: "Size by layer",
		about: "Bytes before (above) and after (below) of each layer: the line between is how much " +
			"smaller it is, on a logarithmic scale.",
		x: p.inOrder(), y: axis{label: "bytes", log: true},
	}
	var bytes []float64
	links := p.points(func(l *pageLayer) point {
		bytes = append(bytes, float64(l.bytesIn), float64(max(l.Bytes, 1)))
		return l.at(float64(l.bytesIn))
	})
	c.y.min, c.y.max = padded(bytes, true)
	after := func(l *pageLayer) point { return l.at(float64(max(l.Bytes, 1))) }
	for i := range links {
		links[i] = append(links[i], after(&p.layers[i]))
	}
	was := p.points(func(l *pageLayer) point { return l.at(float64(l.bytesIn)) })
	c.marks = []mark{
		{class: classLink, lines: links}, {class: classWas, lines: was},
		{class: classDots, lines: p.points(after)},
	}
	return c
}

func (p *page) bitsChart() *chart {
	mean := p.Codebook.BitsStored
	c := &chart{
		title: "Bits by layer",
		about: fmt.Sprintf("Bits that a weight of each layer takes in the file. Dashed: the mean, %.2f.",
			mean),
		x: p.inOrder(), y: axis{label: "bits a weight"},
	}
	var bits []float64
	dots := p.points(func(l *pageLayer) point {
		at := l.at(within(l.Stored, 0, 64))
		bits = append(bits, at.y)
		return at
	})
	c.y.min, c.y.max = padded(bits, false)
	c.marks = []mark{level(c, mean), {class: classDots, lines: dots}}
	return c
}

func (p *page) speedChart() *chart {
	c := &chart{
		title: "Speed against dense by layer",
		about: "How many times as fast each layer is as dense float32 multiplication, both walked " +
			"through in order as a model does. Dashed: dense.",
		x: p.inOrder(), y: axis{label: "speed-up"},
	}
	var speeds []float64
	dots := p.points(func(l *pageLayer) point {
		speeds = append(speeds, l.checked.Speedup)
		return l.at(l.checked.Speedup)
	})
	c.y.min, c.y.max = padded(append(speeds, 1), false)
	c.marks = []mark{level(c, 1), {class: classDots, lines: dots}}
	return c
}

// level is a dashed line at a height.
func level(c *chart, y float64) mark {
	return mark{class: classBound, lines: [][]point{{{c.x.min, y}, {c.x.max, y}}}}
}

// weightsChart has the histogram of the first layer. The page's script draws the others in the same
// axes, which fit all: weights in root mean squares, bins as parts of the fullest.
func (p *page) weightsChart() *chart {
	c := &chart{
		title: "Weights before and after",
		about: "How many weights of the chosen layer have which value: before (filled) and after " +
			"(line).",
		x: axis{label: "weight, in root mean squares", min: -verify.HistogramSpan,
			max: verify.HistogramSpan},
		y: axis{label: "of the fullest bin", max: 1, ticks: []tick{{0, "0"}, {0.5, "½"}, {1, "1"}}},
	}
	h := p.layers[0].histogram
	c.marks = []mark{
		{class: classBefore, lines: [][]point{outline(heights(h, h.Before))}, fill: true},
		{class: classAfter, lines: [][]point{outline(heights(h, h.After))}},
	}
	return c
}

// outline goes around bins, from 0 to 0.
func outline(heights []byte) []point {
	x := func(i int) float64 {
		return verify.HistogramSpan * (2*float64(i)/float64(len(heights)) - 1)
	}
	line := []point{{x(0), 0}}
	for i, h := range heights {
		y := float64(h) / 255
		line = append(line, point{x(i), y}, point{x(i + 1), y})
	}
	return append(line, point{x(len(heights)), 0})
}
