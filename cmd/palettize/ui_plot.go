package main

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Plots are drawn by gonum/plot: as SVG they need no script, follow the page's colours and take
// some kilobytes. go-echarts, which is kept as well, draws with a script of 1 MB that each page
// would have to hold. gonum/plot costs 6.7 MB of the program, which has 7.6 without it: fonts, and
// formats that are not used.

// chart is a figure of a page: a plot as SVG. What is drawn of the layers is there in their order,
// so that a script can tell which is where.
type chart struct {
	title string
	about string // what is seen, in a sentence or two
	x, y  axis
	marks []mark
}

// axis is the range of an axis, and what it says.
type axis struct {
	label    string
	min, max float64
	log      bool
	ticks    []tick // nil: at round numbers
}

// tick is a place on an axis, and what it is called there.
type tick struct {
	at    float64
	label string
}

// mark is something that is drawn: lines, each of one point or more, all in one path. Points are
// lines of one.
type mark struct {
	class class
	lines [][]point
	fill  bool
}

type point struct{ x, y float64 }

// class is how something looks. The page's style sheet says that, for light and dark; a plot has
// but colours, and so each class is one, of which the SVG keeps the name.
type class uint8

const (
	classAxis class = 1 + iota
	classTick
	classLabel
	classGrid
	classDots
	classWas
	classLink
	classBound
	classCurves
	classBefore
	classAfter
)

var classNames = map[class]string{
	classAxis: "axis", classTick: "tick", classLabel: "label", classGrid: "grid",
	classDots: "dots", classWas: "was", classLink: "link", classBound: "bound",
	classCurves: "curves", classBefore: "before", classAfter: "after",
}

// color is one that rounding leaves in the eight that are a class's.
func (c class) color() color.Color { return color.RGBA{B: uint8(8*c + 4), A: 255} }

const chartWidth, chartHeight = 400, 270

// Plot draws a mark.
func (m mark) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var path vg.Path
	for _, line := range m.lines {
		for i, at := range line {
			to := vg.Point{X: x(at.x), Y: y(at.y)}
			if i == 0 {
				path.Move(to)
			}
			if i > 0 || len(line) == 1 { // a point is a line of no length, with round ends
				path.Line(to)
			}
		}
	}
	c.SetColor(m.class.color())
	if m.fill {
		c.Fill(path)
		return
	}
	c.SetLineWidth(1)
	c.Stroke(path)
}

// set arranges an axis of a plot.
func (a axis) set(to *plot.Axis) {
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	to.Min, to.Max, to.Padding = a.min, a.max, 4
	to.Label.Text, to.Label.Padding = a.label, 3
	to.Label.TextStyle.Font, to.Label.TextStyle.Color = font.From(sans, 13), classLabel.color()
	to.Tick.Label.Font, to.Tick.Label.Color = font.From(sans, 12), classTick.color()
	to.Tick.Length, to.LineStyle.Width = 0, 0
	if a.log {
		to.Scale = plot.LogScale{}
	}
	var ticks plot.ConstantTicks
	for _, t := range a.marked() {
		ticks = append(ticks, plot.Tick{Value: t.at, Label: t.label})
	}
	to.Tick.Marker = ticks
}

// marked are the ticks of an axis: of a logarithmic one at round multiples of powers of ten, the
// fewer the more powers there are.
func (a axis) marked() []tick {
	switch {
	case a.ticks != nil:
		return a.ticks
	case !a.log:
		var major []tick
		for _, t := range (plot.DefaultTicks{}).Ticks(a.min, a.max) {
			if !t.IsMinor() {
				major = append(major, tick{t.Value, tickText(t.Value)})
			}
		}
		return major
	}
	steps, decades := []float64{1, 2, 5}, math.Log10(a.max/a.min)
	switch {
	case decades < 1.2:
		steps = []float64{1, 1.5, 2, 3, 4, 5, 6, 8}
	case decades > 5:
		steps = []float64{1}
	case decades > 2:
		steps = []float64{1, 3}
	}
	var ticks []tick
	for power := math.Floor(math.Log10(a.min)); power <= math.Log10(a.max); power++ {
		for _, step := range steps {
			if v := step * math.Pow(10, power); v >= a.min && v <= a.max {
				ticks = append(ticks, tick{v, tickText(v)})
			}
		}
	}
	return ticks
}

// tickText is a number in a few characters: 0.05, 200, 3k, 40M.
func tickText(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= unit.size {
			return strconv.FormatFloat(v/unit.size, 'g', 3, 64) + unit.name
		}
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// grid is a line at every tick of y.
func (c *chart) grid() mark {
	m := mark{class: classGrid}
	for _, t := range c.y.marked() {
		m.lines = append(m.lines, []point{{c.x.min, t.at}, {c.x.max, t.at}})
	}
	return m
}

// styled is where the SVG says how an element looks, by a colour that stands for a class.
var styled = regexp.MustCompile(`\s+style="[^"]*#0000([0-9A-F]{2})[^"]*"`)

// svg is the plot as an element of a page. The attribute data-area has the rectangle of the data:
// left, bottom, right, top, in the coordinates of the paths.
func (c *chart) svg() string {
	p := plot.New()
	p.BackgroundColor = nil
	c.x.set(&p.X)
	c.y.set(&p.Y)
	p.Add(c.grid())
	for _, m := range c.marks {
		p.Add(m)
	}
	canvas := vgsvg.New(chartWidth, chartHeight)
	whole := draw.Crop(draw.New(canvas), 1, -8, 4, -8) // the ends of what lies at the border
	p.Draw(whole)
	area := p.DataCanvas(whole)
	var drawn bytes.Buffer
	if _, err := canvas.WriteTo(&drawn); err != nil {
		panic(err) // which no buffer returns
	}
	_, inside, _ := strings.Cut(drawn.String(), "<svg")
	_, inside, _ = strings.Cut(inside, ">")
	inside = styled.ReplaceAllStringFunc(inside, func(style string) string {
		number, _ := strconv.ParseUint(styled.FindStringSubmatch(style)[1], 16, 8)
		return fmt.Sprintf(` class="%s"`, classNames[class(number/8)])
	})
	return fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s" `+
		`data-area="%.5g %.5g %.5g %.5g">%s`, chartWidth, chartHeight,
		html.EscapeString(c.title+". "+c.about), area.Min.X, area.Min.Y, area.Max.X, area.Max.Y,
		strings.TrimRight(inside, "\n"))
}

func (c *chart) html() string {
	return fmt.Sprintf("<figure>\n<figcaption><h3>%s</h3><p>%s</p></figcaption>\n%s\n</figure>\n",
		html.EscapeString(c.title), html.EscapeString(c.about), c.svg())
}

// padded returns a range that has room around values, which are more than 0 where it is to be
// logarithmic.
func padded(values []float64, log bool) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	if len(values) == 0 {
		low, high = 1, 1
	}
	if log {
		return low / 1.5, high * 1.5
	}
	return 0, max(high*1.1, 1e-3)
}
