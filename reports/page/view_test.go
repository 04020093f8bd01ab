package page_test

import (
	"encoding/xml"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var (
	picture = regexp.MustCompile(`(?s)<svg role="img".*?</svg>\n`)
	figures = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?`)
)

// shapes are the elements below the first of an SVG, with the numbers of their
// attributes apart.
func shapes(t *testing.T, svg string) (names []string, numbers []float64) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for first := true; ; {
		token, err := d.Token()
		if err != nil {
			return names, numbers
		}
		switch e := token.(type) {
		case xml.StartElement:
			if first {
				first = false
				continue
			}
			slices.SortFunc(e.Attr, func(a, b xml.Attr) int { return strings.Compare(a.Name.Local, b.Name.Local) })
			names = append(names, e.Name.Local)
			for _, a := range e.Attr {
				if slices.Contains([]string{"class", "fill", "text-anchor"}, a.Name.Local) {
					names = append(names, a.Name.Local+"="+a.Value)
					continue
				}
				for _, s := range figures.FindAllString(a.Value, -1) {
					v, _ := strconv.ParseFloat(s, 64)
					numbers = append(numbers, v)
				}
				names = append(names, a.Name.Local+"="+figures.ReplaceAllString(a.Value, "0"))
			}
		case xml.CharData:
			names = append(names, string(e))
		}
	}
}

// The page is drawn by Go and, once it is open, by its script. Each is tested by the
// other: they share no code.
func TestScriptDrawsWhatGoDrew(t *testing.T) {
	text := write(t, fixture())
	b := open(t, text)
	drawn := js[[]string](b, `charts.flatMap((c) => c.panels.map((p) => picture(["svg", {}, draw(place(p.data, 360))]).outerHTML))`)
	static := picture.FindAllString(text, -1)
	if len(static) != 7 || len(drawn) != len(static) {
		t.Fatalf("%d pictures by Go, %d by the script", len(static), len(drawn))
	}
	for i := range static {
		names, numbers := shapes(t, static[i])
		names2, numbers2 := shapes(t, drawn[i])
		for len(names) > 0 && names[len(names)-1] == "\n" {
			names = names[:len(names)-1]
		}
		for j := range min(len(names), len(names2)) {
			if names[j] != names2[j] {
				t.Fatalf("picture %d, from %d on: by Go %.400q, by the script %.400q", i, j, names[j:], names2[j:])
			}
		}
		if len(names) < 20 || len(names) != len(names2) || len(numbers) != len(numbers2) {
			t.Fatalf("picture %d: %d and %d numbers", i, len(numbers), len(numbers2))
		}
		for j := range numbers {
			if math.Abs(numbers[j]-numbers2[j]) > 0.11 {
				t.Errorf("picture %d: number %d is %v by Go, %v by the script", i, j, numbers[j], numbers2[j])
			}
		}
	}
}

// misfits are what a reader of a narrow page would stumble over: elements that stick
// out, text of pictures that is cut off or too small to read.
const misfits = `[
	...(document.documentElement.scrollWidth > document.documentElement.clientWidth ? ["the page: " + document.documentElement.scrollWidth] : []),
	...[...document.querySelectorAll("body *:not(.wide *):not(svg *):not(.unseen):not(.skip)")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 200)),
	...[...document.querySelectorAll("svg text")].flatMap((e) => {
		const at = e.getBoundingClientRect(), box = e.closest(".panel > svg").getBoundingClientRect();
		return at.left < box.left - 1 || at.right > box.right + 1 || at.top < box.top - 1 || at.bottom > box.bottom + 1 ? ["cut off: " + e.textContent] : [];
	}),
	...[...document.querySelectorAll(".panel > svg")].filter((e) => 12 * e.clientWidth / e.viewBox.baseVal.width < 12).map((e) => "small: " + e.clientWidth),
	...[...document.querySelectorAll("body *")].filter((e) => e.textContent && parseFloat(getComputedStyle(e).fontSize) < 12 && !e.matches(".link")).map((e) => "small: " + e.outerHTML.slice(0, 200)),
]`

// lookAt checks the page in both themes at three widths, with less care for one without
// its script, and keeps pictures of it where RINGBENCH_SCREENSHOTS names a directory.
func lookAt(b *tab, name string) {
	b.Helper()
	for _, width := range []int64{400, 800, 1280} {
		for _, theme := range []string{"light", "dark"} {
			if !b.scripted && (theme == "light") != (width == 400) {
				continue
			}
			b.size(width, theme)
			if found := js[[]string](b, misfits); len(found) > 0 {
				b.Errorf("%s, %d pixels, %s: %q", name, width, theme, found)
			}
			if dir := os.Getenv("RINGBENCH_SCREENSHOTS"); dir != "" {
				b.keep(filepath.Join(dir, name+"-"+strconv.FormatInt(width, 10)+"-"+theme+".png"))
			}
		}
	}
}

func (b *tab) keep(file string) {
	b.Helper()
	all := true
	shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &all})
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(file, shot.Data, 0o666); err != nil {
		b.Fatal(err)
	}
}

func TestFits(t *testing.T) {
	lookAt(open(t, write(t, fixture())), "fixture")
}

// axe-core finds nothing that is serious, and the keyboard reaches whatever can be used.
func TestIsAccessible(t *testing.T) {
	source := axe(t)
	b := open(t, write(t, fixture()))
	js[bool](b, source+"; true")
	const run = `axe.run({ resultTypes: ["violations"] }).then((r) => r.violations.filter((v) => v.impact === "serious" || v.impact === "critical")
		.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 200) + " " + n.failureSummary)))`
	for _, theme := range []string{"light", "dark"} {
		b.size(400, theme)
		if faults := js[[]string](b, run); len(faults) > 0 {
			t.Errorf("%s: %d faults: %s", theme, len(faults), strings.Join(faults[:min(len(faults), 8)], "\n"))
		}
	}
	js[bool](b, `document.activeElement.blur(), window.reached = new Set(), addEventListener("focusin", (e) => reached.add(e.target)), true`)
	usable := js[int](b, `document.querySelectorAll("a, button:not(:disabled), summary, svg[role=application], .wide").length`)
	b.do(chromedp.KeyEvent(strings.Repeat(kb.Tab, usable+1)))
	b.holds(`[...document.querySelectorAll("a, button:not(:disabled), summary, svg[role=application], .wide")].every((e) => reached.has(e))`)
}

func TestReadsWithoutScript(t *testing.T) {
	b := open(t, write(t, fixture()), withoutScript)
	lookAt(b, "unscripted")
	if n := js[int](b, `document.querySelectorAll("button").length`); n > 0 {
		t.Errorf("%d buttons that do nothing", n)
	}
	if n := js[int](b, `document.querySelectorAll(".panel > svg path.line, .panel > svg rect.bar").length`); n < 15 {
		t.Errorf("%d lines and bars", n)
	}
}

const foldedAway = `[...document.querySelectorAll("details li")].filter((e) => !e.checkVisibility({ contentVisibilityAuto: true })).length`

func TestPrints(t *testing.T) {
	d := fixture()
	d.Limits = slices.Repeat(d.Limits, 9)
	b := open(t, write(t, d))
	if folded := js[int](b, foldedAway); folded != 3 {
		t.Errorf("%d of 9 lines are folded away", folded)
	}
	b.click("#theme")
	b.media("print", "dark")
	if got := js[string](b, `getComputedStyle(document.body).backgroundColor`); got != "rgb(255, 255, 255)" {
		t.Errorf("printed on %s", got)
	}
	if left := js[[]string](b, `[...document.querySelectorAll("button:not(.key):not(th button), nav, .tip")].filter((e) => e.checkVisibility()).map((e) => e.outerHTML)`); len(left) > 0 {
		t.Errorf("printed: %q", left)
	}
	if folded := js[int](b, foldedAway); folded > 0 {
		t.Errorf("%d lines are folded away on paper", folded)
	}
	if got := js[string](b, `getComputedStyle(document.querySelector(".wide")).overflowX`); got != "visible" {
		t.Errorf("a table's overflow is %s on paper", got)
	}
}
