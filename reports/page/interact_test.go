package page_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/reports"
	"github.com/ringbench/ringbench/reports/page"
)

// hover moves the mouse to a point of a series, which the page's own geometry places,
// and returns what the tip then says.
func (b *tab) hover(panel, series string, point int) string {
	b.Helper()
	xy := b.at(panel, series, point)
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, xy[0], xy[1]))
	return js[string](b, `tip.hidden ? "" : tip.innerText`)
}

// at is where a point stands in the window.
func (b *tab) at(panel, series string, point int) []float64 {
	b.Helper()
	return js[[]float64](b, fmt.Sprintf(`(() => {
		const p = charts.flatMap((c) => c.panels).find((p) => p.key === %q), hit = p.hits.filter((h) => h.s.name === %q)[%d];
		p.svg.scrollIntoView({ block: "center" });
		return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => { // the event of the scroll has come
			const box = p.svg.getBoundingClientRect();
			done([box.left + hit.x, box.top + hit.y]);
		})));
	})()`, panel, series, point))
}

func TestShowsValues(t *testing.T) {
	b := open(t, write(t, fixture()))
	if got := b.hover("throughput.0", "epoll", 0); got != "epoll, user\nuser: 1400 ns" {
		t.Errorf("of a bar with words of its own: %q", got)
	}
	if got := b.hover("knee.0", "uring", 3); got != "uring\n657.8 p99 µs at 80,000 messages/s answered" { // 40·e^2.8
		t.Errorf("of a point: %q", got)
	}
	if got := b.hover("grid.0", "uring / epoll", 4); got != "uring / epoll\n1,024, 64 B: 2.20" {
		t.Errorf("of a tile: %q", got)
	}
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 2, 2))
	b.holds(`tip.hidden`)

	xy := b.at("order.0", "threadpool", 7)
	touch := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
		p := input.DispatchTouchEventParams{Type: kind, TouchPoints: append([]*input.TouchPoint{}, points...)}
		if _, err := chromedp.Call(b.ctx, input.DispatchTouchEvent, p); err != nil {
			t.Fatal(err)
		}
	}
	touch(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: xy[0], Y: xy[1]})
	touch(input.DispatchTouchEventTypeTouchEnd)
	b.holds(`!tip.hidden && tip.innerText === "threadpool\n101,300 messages/s at 23 trial"`) // 118e3 - 18e3 + 2e3·sin 7
}

func TestReadsValuesByKeys(t *testing.T) {
	b := open(t, write(t, fixture()))
	b.do(chromedp.Focus(chromedp.CSS("#chart-knee .panel > svg")))
	for _, step := range []struct{ key, says string }{ // 40·e^0.7r of uring, 40·e^0.9r of epoll, of which the last is cut off
		{kb.ArrowRight, "uring: 80.55 p99 µs at 20,000 messages/s answered"},
		{kb.ArrowRight, "uring: 162.2 p99 µs at 40,000 messages/s answered"},
		{kb.ArrowDown, "uring, knee: 326.6 p99 µs at 60,000 messages/s answered"},
		{kb.ArrowDown, "epoll: 595.2 p99 µs at 60,000 messages/s answered"},
		{kb.End, "epoll: 3,601 p99 µs at 100,000 messages/s answered"},
		{kb.Home, "epoll: 98.38 p99 µs at 20,000 messages/s answered"},
		{kb.ArrowLeft, "epoll: 98.38 p99 µs at 20,000 messages/s answered"},
	} {
		b.do(chromedp.KeyEvent(step.key))
		said, tip := js[string](b, `status.textContent`), js[string](b, `tip.hidden ? "" : tip.innerText.replace("\n", ": ")`)
		if said != step.says || tip != said {
			t.Errorf("%q is said and %q shown, not %q", said, tip, step.says)
		}
	}
	b.do(chromedp.KeyEvent(kb.Escape))
	b.holds(`tip.hidden && !document.querySelector(".hit")`)
}

// ticks are the labels below a panel, of which there is one.
func (b *tab) ticks(id string) []string {
	b.Helper()
	return js[[]string](b, fmt.Sprintf(`charts.find((c) => c.id === %q).panels[0].frame.x.ticks.map((t) => t.text)`, id))
}

func TestSwitchesSeries(t *testing.T) {
	b := open(t, write(t, fixture()))
	const lines = `["throughput", "latency", "knee", "order"].map((id) => charts.find((c) => c.id === id).panels.reduce((n, p) => n + p.svg.querySelectorAll("g[class] > *").length, 0)).join()`
	before := js[string](b, lines)
	b.click(`#chart-latency .legend li[data-series="uring"] button`)
	if got := js[string](b, `[...document.querySelectorAll('li[data-series="uring"] button')].map((e) => e.getAttribute("aria-pressed")).join()`); strings.Contains(got, "true") {
		t.Errorf("the buttons of the series: %s", got)
	}
	after := js[string](b, lines)
	if before != "8,10,15,24" || after != "6,8,7,16" {
		t.Errorf("marks: %s before, %s after", before, after)
	}
	b.click(`#chart-order .legend li[data-series="uring"] button`)
	if got := js[string](b, lines); got != before {
		t.Errorf("marks: %s before, %s after switching on again", before, got)
	}
}

func TestSwitchesScales(t *testing.T) {
	b := open(t, write(t, fixture()))
	b.holds(`charts.find((c) => c.id === "latency").panels[1].frame.y.kind === "log"`)
	high := js[float64](b, `charts.find((c) => c.id === "latency").panels[1].hits[20].y`)
	b.click(`#chart-latency [data-axis="y"]`)
	b.holds(`charts.find((c) => c.id === "latency").panels.every((p) => p.frame.y.kind === "linear")`)
	b.holds(`document.querySelector('#chart-latency [data-axis="y"]').getAttribute("aria-pressed") === "false"`)
	if low := js[float64](b, `charts.find((c) => c.id === "latency").panels[1].hits[20].y`); low < high+20 {
		t.Errorf("the median stands at %v on a logarithmic axis, %v on a linear one", high, low)
	}
	b.click(`#chart-latency [data-axis="y"]`)
	if again := js[float64](b, `charts.find((c) => c.id === "latency").panels[1].hits[20].y`); again != high {
		t.Errorf("the median stands at %v, then at %v on the same axis", high, again)
	}
	even := js[[]float64](b, `charts.find((c) => c.id === "knee").panels[0].hits.slice(0, 3).map((h) => h.x)`) // 20, 40 and 60 k
	b.click(`#chart-knee [data-axis="x"]`)
	b.holds(`charts.find((c) => c.id === "knee").panels[0].frame.x.kind === "log" && charts.find((c) => c.id === "knee").panels[0].frame.y.kind === "log"`)
	odd := js[[]float64](b, `charts.find((c) => c.id === "knee").panels[0].hits.slice(0, 3).map((h) => h.x)`)
	if ratio := (odd[1] - odd[0]) / (odd[2] - odd[1]); math.Abs((even[1]-even[0])/(even[2]-even[1])-1) > 0.01 || math.Abs(ratio-math.Log(2)/math.Log(1.5)) > 0.01 {
		t.Errorf("across at %v, on a logarithmic axis at %v", even, odd)
	}
	if js[bool](b, `!!document.querySelector("#chart-throughput [data-axis]")`) {
		t.Error("bars can be set on a logarithmic axis, which has no zero")
	}
}

func TestZooms(t *testing.T) {
	b := open(t, write(t, fixture()))
	whole := b.ticks("order")
	from, to := b.at("order.0", "uring", 2), b.at("order.0", "uring", 4)
	b.do(chromedp.DragAndDropXY(from[0], from[1]+100, to[0], to[1]+102, 4))
	ends := js[[]float64](b, `[charts.find((c) => c.id === "order").panels[0].frame.x].flatMap((s) => [s.lo, s.hi])`)
	if ends[0] < 5.9 || ends[0] > 6.1 || ends[1] < 11.9 || ends[1] > 12.1 {
		t.Errorf("dragged from trial 6 to trial 12: %v", ends)
	}
	b.holds(`!document.querySelector("#chart-order [data-reset]").disabled`)
	b.click("#chart-order [data-reset]")
	if got := b.ticks("order"); strings.Join(got, " ") != strings.Join(whole, " ") {
		t.Errorf("ticks %q, after a zoom and back %q", whole, got)
	}
	const width = `(({ lo, hi }) => hi - lo)(charts.find((c) => c.id === "order").panels[0].frame.x)`
	before := js[float64](b, width)
	b.do(chromedp.Focus(chromedp.CSS("#chart-order .panel > svg")), chromedp.KeyEvent("+"))
	if got := js[float64](b, width); got != before/2 {
		t.Errorf("by the key the axis went from %v to %v", before, got)
	}
	b.do(chromedp.KeyEvent("-"), chromedp.KeyEvent("-"), chromedp.KeyEvent("0"))
	if got := js[float64](b, width); got != before {
		t.Errorf("an axis of %v was reset to %v", before, got)
	}
	b.click(`#chart-order .tools button:nth-last-child(3)`)
	b.holds(width + fmt.Sprintf(" === %v", before/2))
	b.click(`#chart-order .tools button:nth-last-child(2)`)
	b.holds(width + fmt.Sprintf(" === %v", before))

	// Only what lies within is drawn and can be pointed at.
	from, to = b.at("order.0", "uring", 0), b.at("order.0", "epoll", 0) // 118 k and 109 k
	b.do(chromedp.DragAndDropXY(from[0]+20, (from[1]+to[1])/2, from[0]+22, from[1]-20, 4))
	b.holds(`(({ lo, hi }) => lo > 110e3 && hi > 118e3 && hi < 130e3)(charts.find((c) => c.id === "order").panels[0].frame.y)`)
	b.holds(`charts.find((c) => c.id === "order").panels[0].hits.every((h) => h.s.name === "uring")`)
}

func TestSortsTables(t *testing.T) {
	b := open(t, write(t, fixture()))
	for _, step := range []struct{ column, order, names string }{
		{"2", "ascending", "epoll,thread|pool, \"old\",uring,of it iou-sqp (1)"},
		{"2", "descending", "uring,of it iou-sqp (1),thread|pool, \"old\",epoll"},
		{"2", "", "uring,of it iou-sqp (1),epoll,thread|pool, \"old\""},
		{"3", "ascending", "uring,of it iou-sqp (1),epoll,thread|pool, \"old\""},
		{"3", "descending", "epoll,uring,of it iou-sqp (1),thread|pool, \"old\""}, // what has no figure stays last
		{"1", "ascending", "epoll,thread|pool, \"old\",uring,of it iou-sqp (1)"},
	} {
		b.do(chromedp.Focus(chromedp.CSS("thead th:nth-child("+step.column+") button")), chromedp.KeyEvent(kb.Enter))
		names := js[string](b, `[...document.querySelectorAll("#figures tbody th")].map((e) => e.textContent).join()`)
		order := js[string](b, `[...document.querySelectorAll("#figures th[aria-sort]")].map((e) => e.getAttribute("aria-sort")).join()`)
		if names != step.names || order != step.order {
			t.Errorf("by column %s: %s, %s; want %+v", step.column, order, names, step)
		}
	}
}

func TestTakesAway(t *testing.T) {
	d := fixture()
	d.Raw = map[string]any{"host": "</script>\u0085\u2028&", "values": []float64{0.1, 1e21, 12345678.9}}
	b := open(t, write(t, d))
	b.mayCopy()
	copied := func(selector string) string {
		b.click(selector)
		b.holds(`status.textContent === "Copied"`)
		js[bool](b, `(status.textContent = "", true)`)
		return js[string](b, `navigator.clipboard.readText()`)
	}
	if got := copied("#figures .table .tools button:nth-child(1)"); got != `| name | messages/s | p99 µs |
|---|---:|---:|
| uring | 118,000 | 808 |
| of it iou-sqp (1) |  |  |
| epoll | 9,000 | 1,032 |
| thread\|pool, "old" | 81,000 | – |
` {
		t.Errorf("as Markdown:\n%s", got)
	}
	if got := copied("#figures .table .tools button:nth-child(2)"); got != `name,messages/s,p99 µs
uring,"118,000",808
of it iou-sqp (1),,
epoll,"9,000","1,032"
"thread|pool, ""old""","81,000",–
` {
		t.Errorf("as CSV:\n%s", got)
	}
	if got := copied("#latency > .link"); got != "file://"+b.path+"#s=latency" {
		t.Errorf("as a link: %s", got)
	}

	dir, yes := t.TempDir(), true
	if _, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, EventsEnabled: &yes}); err != nil {
		t.Fatal(err)
	}
	done := make(chan browser.DownloadProgressState, 100)
	if err := chromedp.ListenBrowser(b.ctx, func(e any) {
		if p, ok := e.(*browser.EventDownloadProgress); ok && p.State != browser.DownloadProgressStateInProgress {
			done <- p.State
		}
	}); err != nil {
		t.Fatal(err)
	}
	b.click("#download")
	select {
	case state := <-done:
		if state != browser.DownloadProgressStateCompleted {
			t.Fatalf("the download is %s", state)
		}
	case <-b.ctx.Done():
		t.Fatal("no download")
	}
	got, err := os.ReadFile(filepath.Join(dir, "ringbench.json"))
	if err != nil {
		t.Fatal(err)
	}
	var a, c any
	want, _ := json.Marshal(d.Raw)
	if json.Unmarshal(got, &a) != nil || json.Unmarshal(want, &c) != nil || fmt.Sprint(a) != fmt.Sprint(c) {
		t.Errorf("downloaded %s, embedded %s", got, want)
	}
}

func TestLinksToViews(t *testing.T) {
	b := open(t, write(t, fixture()))
	b.click(`#chart-latency .legend li[data-series="epoll"] button`)
	b.click(`#chart-latency [data-axis="y"]`)
	b.click(`#chart-order .tools button:nth-last-child(3)`)
	b.click(`#order > .link`)
	link := js[string](b, `location.href`)
	const state = `JSON.stringify([view.section, [...view.off], [...view.scales], [...view.zooms], charts.map((c) => c.panels.map((p) => [p.frame.x.lo, p.frame.x.hi, p.frame.y.kind, p.hits.length]))])`
	want := js[string](b, state)
	if !strings.HasPrefix(want, `["order",["epoll"],[["latency.y","linear"]],[["order.0",[`) {
		t.Errorf("state %s", want)
	}
	fresh := open(t, write(t, fixture()))
	fresh.do(chromedp.Navigate("file://" + fresh.path + link[strings.Index(link, "#"):]))
	if got := js[string](fresh, state); got != want {
		t.Errorf("the link %s shows\n%s, not\n%s", link, got, want)
	}
	fresh.holds(`Math.abs(document.getElementById("order").getBoundingClientRect().top) < 300 && scrollY > 0`)
	for _, nonsense := range []string{"#s=none&off=nobody&scale=x&scale=latency.y:cubic&zoom=order.0:1,2&zoom=order.0:5,5,,&zoom=%zz", "#effects"} {
		fresh.do(chromedp.Navigate("file://" + fresh.path + nonsense))
	}
	fresh.do(chromedp.Reload())
}

func TestSwitchesTheme(t *testing.T) {
	b := open(t, write(t, fixture()))
	paper := func() string { return js[string](b, `getComputedStyle(document.body).backgroundColor`) }
	b.media("", "dark")
	system := paper()
	b.click("#theme")
	button := paper()
	b.click("#theme")
	if system != "rgb(22, 24, 27)" || button != "rgb(255, 255, 255)" || paper() != system {
		t.Errorf("dark by the system %s, light by the button %s, then %s", system, button, paper())
	}
}

// What others named runs nothing, neither at once nor when it is pointed at, and what
// is not there breaks nothing.
func TestRunsNothingOfOthers(t *testing.T) {
	b := open(t, write(t, hostile()))
	b.size(400, "light")
	if found := js[[]string](b, misfits+`.filter((s) => !s.startsWith("cut off"))`); len(found) > 0 { // brackets are wider than most letters
		t.Errorf("what sticks out: %q", found)
	}
	b.isHarmless()
	b.holds(`document.querySelector("h1").textContent.startsWith("</script></text></svg></style><script>window.hacked=1")`)
}

// isHarmless uses whatever can be used and finds that nothing of others has run.
func (b *tab) isHarmless() {
	b.Helper()
	js[bool](b, `document.querySelectorAll("button:not(#download)").forEach((e) => e.click()), charts.forEach((c) => c.panels.forEach((p) => p.hits.forEach((_, i) => { p.at = i; mark(p); }))), true`)
	if !js[bool](b, `window.hacked === undefined && document.querySelectorAll("img, script:not([id]):not(:last-of-type)").length === 0`) {
		b.Error("the page runs what it was given")
	}
}

// The same of a result that a run wrote, in which others chose the words.
func TestRunsNothingOfAResult(t *testing.T) {
	s, err := result.Read("../../internal/result/testdata/1.json")
	if err != nil {
		t.Fatal(err)
	}
	s.Env.Host, s.Env.CPUModel, s.Env.Mitigations = payload, payload, []string{payload}
	s.Command, s.Warnings = []string{"ringbench", payload}, []string{payload}
	for i := range s.Plan.Cells {
		c := &s.Plan.Cells[i]
		c.Contestant, c.Command, c.Backend = payload+c.Contestant, payload, ""
	}
	for i := range s.Trials {
		s.Trials[i].Features, s.Trials[i].Tier = []string{payload}, payload
	}
	var page bytes.Buffer
	if err := reports.HTML(&page, s); err != nil {
		t.Fatal(err)
	}
	open(t, page.String()).isHarmless()
}

// A result of 10,000 cells, of which a page shows the first, opens like any other.
func TestOpensManyCells(t *testing.T) {
	testenv.Full(t)
	s, err := result.Read("../../internal/result/testdata/1.json")
	if err != nil {
		t.Fatal(err)
	}
	cells, trials := s.Plan.Cells, s.Trials
	s.Plan.Cells, s.Plan.Trials, s.Plan.Matches, s.Trials = nil, 1, nil, nil
	for n := range 10000 {
		c, tr := cells[n%2], trials[n%2]
		load := n / 2
		c.Conns, c.Size = 1+load%100, 1+load/100
		tr.Cell, tr.Order, tr.Block, tr.Pair, tr.Void = n, n, 0, 0, ""
		s.Plan.Cells, s.Trials = append(s.Plan.Cells, c), append(s.Trials, tr)
	}
	var text bytes.Buffer
	if err := reports.HTML(&text, s); err != nil {
		t.Fatal(err)
	}
	if text.Len() > page.Most {
		t.Errorf("%d bytes", text.Len())
	}
	b := open(t, text.String())
	b.holds(`charts.length > 2 && document.querySelectorAll("table").length > 20 && !document.getElementById("download")`)
}
