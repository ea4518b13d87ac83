//go:build linux && amd64

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a tab of a headless Chromium that notes what pages do that they should not.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string // but for the pages themselves
	problems []string // exceptions, messages on the console
}

// openBrowser starts the program that PALETTIZE_CHROMIUM names.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	program := os.Getenv("PALETTIZE_CHROMIUM")
	if program == "" {
		t.Skip("set PALETTIZE_CHROMIUM to a Chromium, or run make check-page, which fetches one")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.Flag("hide-scrollbars", true),
	}
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Request.URL != e.DocumentURL {
			b.requests = append(b.requests, e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprint(e.ExceptionDetails.Text))
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, fmt.Sprint("console.", e.Type))
	case *log.EventEntryAdded:
		b.problems = append(b.problems, e.Entry.Text)
	}
}

// noted returns what has been noted so far and forgets it.
func (b *browser) noted() (requests, problems []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	requests, problems = b.requests, b.problems
	b.requests, b.problems = nil, nil
	return requests, problems
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate("file://" + path))
}

// width makes the window as wide as that.
func (b *browser) width(pixels int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(pixels, 800))
}

// scheme is what the user prefers: light or dark.
func (b *browser) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// picture writes a picture of the window, or of all of the page.
func (b *browser) picture(path string, whole bool) {
	b.t.Helper()
	shot := chromedp.CaptureScreenshot()
	if whole {
		shot = chromedp.FullScreenshot(100)
	}
	png, err := chromedp.Run(b.ctx, shot)
	if err == nil {
		err = os.WriteFile(path, png, 0o666)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// ask evaluates an expression in the page.
func ask[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// TestBrowser looks at pages in a real browser.
func TestBrowser(t *testing.T) {
	b := openBrowser(t)
	t.Run("it notices requests and errors", func(t *testing.T) {
		bad := filepath.Join(t.TempDir(), "bad.html")
		text := `<!doctype html><img src="http://127.0.0.1:9/x">
			<script>console.error("a"); throw 1</script>`
		if err := os.WriteFile(bad, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		b.open(bad)
		requests, problems := b.noted()
		if len(requests) != 1 || len(problems) < 2 {
			t.Fatalf("noted %q and %q", requests, problems)
		}
	})
	out := reported(t, hostileModel(t, 30), "--speed")
	b.noted()
	b.width(1280)
	b.open(out)
	t.Run("it sorts", func(t *testing.T) { testSorting(t, b) })
	t.Run("it shows the layer that is chosen", func(t *testing.T) { testChoice(t, b) })
	t.Run("it filters", func(t *testing.T) {
		shown := ask[int](b, `(() => {
			const find = document.querySelector('input[type=search]');
			find.value = 'SCRIPT>';
			find.oninput();
			const n = document.querySelectorAll('#layers tbody tr:not([hidden])').length;
			find.value = '';
			find.oninput();
			return n;
		})()`)
		if want := ask[int](b, `[...document.querySelectorAll('#layers tbody th')]
			.filter((name) => name.textContent.includes('script>')).length`); shown != want || shown < 2 {
			t.Errorf("%d layers, want %d", shown, want)
		}
	})
	t.Run("it takes names for text", func(t *testing.T) {
		inside := ask[int](b, `document.querySelectorAll('img, iframe, link, body script').length`)
		if inside != 2 {
			t.Errorf("%d elements that could load something, want the 2 scripts", inside)
		}
		if ask[bool](b, `'pwned' in window`) {
			t.Error("a name was executed")
		}
	})
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 800, 1280} {
			t.Run(fmt.Sprintf("it is readable %s and %d wide", scheme, width), func(t *testing.T) {
				b.scheme(scheme)
				b.width(width)
				testLooks(t, b, scheme)
			})
		}
	}
	if requests, problems := b.noted(); requests != nil || problems != nil {
		t.Errorf("requests %q, problems %q", requests, problems)
	}
	t.Run("its policy stops what was put into it", func(t *testing.T) {
		ask[bool](b, `(() => {
			const script = document.createElement('script');
			script.textContent = 'pwned = 1';
			document.body.append(script);
			document.body.insertAdjacentHTML('beforeend', '<b onclick="pwned = 1">x</b>');
			document.body.lastChild.click();
			return true;
		})()`)
		// The browser says so, twice.
		if _, problems := b.noted(); ask[bool](b, `'pwned' in window`) || len(problems) != 2 {
			t.Errorf("problems %q", problems)
		}
	})
}

func testSorting(t *testing.T, b *browser) {
	var shown struct {
		Sort  string
		Cells []string
	}
	click := func(head string) {
		t.Helper()
		text := ask[string](b, fmt.Sprintf(`(() => {
			const heads = [...document.querySelectorAll('#layers thead th')];
			const at = heads.findIndex((th) => th.textContent === %q);
			heads[at].querySelector('button').click();
			const rows = [...document.querySelectorAll('#layers tbody tr')];
			return JSON.stringify({
				sort: heads[at].getAttribute('aria-sort'),
				cells: rows.map((row) => row.cells[at].textContent),
			});
		})()`, head))
		if err := json.Unmarshal([]byte(text), &shown); err != nil {
			t.Fatal(err)
		}
	}
	bytes := func(a, b string) int {
		var x, y int
		fmt.Sscan(strings.ReplaceAll(a, ",", ""), &x)
		fmt.Sscan(strings.ReplaceAll(b, ",", ""), &y)
		return x - y
	}
	click("bytes")
	if shown.Sort != "descending" || len(shown.Cells) != 30 ||
		!slices.IsSortedFunc(shown.Cells, func(x, y string) int { return bytes(y, x) }) {
		t.Errorf("by bytes, %s: %q", shown.Sort, shown.Cells)
	}
	click("bytes")
	if shown.Sort != "ascending" || !slices.IsSortedFunc(shown.Cells, bytes) ||
		bytes(shown.Cells[0], shown.Cells[29]) == 0 {
		t.Errorf("by bytes again, %s: %q", shown.Sort, shown.Cells)
	}
	click("layer")
	at := func(text string) int {
		return slices.IndexFunc(shown.Cells, func(s string) bool { return strings.Contains(s, text) })
	}
	if shown.Sort != "ascending" || !(at("layer.2.") < at("layer.11.")) {
		t.Errorf("by name, %s: %q", shown.Sort, shown.Cells)
	}
	click("error")
	if shown.Sort != "descending" || slices.Max(shown.Cells) != shown.Cells[0] {
		t.Errorf("by error, %s: %q", shown.Sort, shown.Cells)
	}
}

func testChoice(t *testing.T, b *browser) {
	type state struct {
		Value, About, Current, Histogram string
		Marks                            []string
	}
	look := func() (s state) {
		t.Helper()
		text := ask[string](b, `JSON.stringify({
			value: document.querySelector('select').value,
			about: document.querySelector('output').textContent,
			current: document.querySelector('tr[aria-current] th').textContent,
			histogram: document.querySelector('svg .before').getAttribute('d'),
			marks: [...document.querySelectorAll('svg .chosen')].map((e) => e.getAttribute('d')),
		})`)
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := look()
	ask[bool](b, `(() => {
		const select = document.querySelector('select');
		select.value = '7';
		select.dispatchEvent(new Event('change'));
		return true;
	})()`)
	seventh := look()
	if seventh.Value != "7" || seventh.About == first.About || seventh.Current == first.Current ||
		seventh.Histogram == first.Histogram || len(seventh.Marks) != 4 {
		t.Errorf("was %+v, is %+v", first, seventh)
	}
	for i, mark := range seventh.Marks {
		if mark == first.Marks[i] || !strings.HasPrefix(mark, "M") {
			t.Errorf("plot %d marks %s, before %s", i, mark, first.Marks[i])
		}
	}
	// The script draws what Go has drawn.
	const clickFirst = `document.querySelector('#layers tbody tr').click(); true`
	ask[bool](b, clickFirst)
	again := look()
	if again.Value != "0" || again.About != first.About || !slices.Equal(again.Marks, first.Marks) {
		t.Errorf("chosen again: %+v, was %+v", again, first)
	}
	// A click beside a dot, in each plot.
	for i := range 4 {
		ask[bool](b, clickFirst)
		place := ask[[]float64](b, fmt.Sprintf(`(() => {
			const dots = document.querySelectorAll('svg .dots')[%d];
			dots.closest('svg').scrollIntoView({block: 'center'});
			const ninth = dots.getAttribute('d').split('M')[1 + 9].split('L')[0].split(',');
			const p = new DOMPoint(...ninth.map(Number)).matrixTransform(dots.getScreenCTM());
			return [p.x, p.y];
		})()`, i))
		b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, place[0]+0.5, place[1]),
			chromedp.MouseClickXY(place[0]+0.5, place[1]))
		about := ask[string](b, `document.querySelector('.tip').textContent`)
		if s := look(); s.Value == "0" || !strings.Contains(about, s.About[:12]) {
			t.Errorf("plot %d, click at %v: layer %s is chosen, the tip says %q", i, place, s.Value, about)
		}
	}
}

func testLooks(t *testing.T, b *browser, scheme string) {
	var looks struct {
		Wide, Window, Smallest, Least, Page float64
		Where                               string
	}
	text := ask[string](b, string(content(t, "testdata/looks.js")))
	if err := json.Unmarshal([]byte(text), &looks); err != nil {
		t.Fatal(err)
	}
	if looks.Wide > looks.Window {
		t.Errorf("the page is %v wide in a window of %v", looks.Wide, looks.Window)
	}
	if looks.Smallest < 9 {
		t.Errorf("the smallest text has %.1f pixels", looks.Smallest)
	}
	if looks.Least < 4.5 { // as WCAG asks for
		t.Errorf("contrast of %.2f: %q", looks.Least, looks.Where)
	}
	if dark := looks.Page < 0.1; dark != (scheme == "dark") {
		t.Errorf("the page has a lightness of %.2f", looks.Page)
	}
}

// TestPicture makes the picture of README.md, where PALETTIZE_PICTURE says where it goes: what is
// seen of the page first. Beside it, it puts the whole page in both schemes, and as a phone has it.
func TestPicture(t *testing.T) {
	model, picture := os.Getenv("PALETTIZE_MODEL"), os.Getenv("PALETTIZE_PICTURE")
	if model == "" || picture == "" {
		t.Skip("set PALETTIZE_MODEL and PALETTIZE_PICTURE, or run make picture")
	}
	b := openBrowser(t)
	b.scheme("light")
	b.do(chromedp.EmulateViewport(1280, 1500))
	b.open(reported(t, model, "--speed"))
	b.picture(picture, false)
	if info, err := os.Stat(picture); err != nil || info.Size() > 200_000 {
		t.Errorf("%v, %v: at most 200,000 bytes are for README.md", info.Size(), err)
	}
	if more := os.Getenv("PALETTIZE_PICTURES"); more != "" {
		for _, c := range []struct {
			scheme string
			width  int64
		}{{"light", 1280}, {"dark", 1280}, {"light", 360}, {"dark", 360}} {
			b.scheme(c.scheme)
			b.width(c.width)
			b.picture(filepath.Join(more, fmt.Sprintf("%s-%d.png", c.scheme, c.width)), true)
		}
	}
}
