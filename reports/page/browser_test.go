package page_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/ringbench/ringbench/internal/testenv"
)

// One browser serves all tests, each with a tab of its own.
var (
	browserOnce  sync.Once
	browserCtx   context.Context
	browserWhy   error
	closeBrowser = func() {}
)

func TestMain(m *testing.M) {
	code := m.Run()
	closeBrowser()
	os.Exit(code)
}

func startBrowser() {
	if browserWhy = testenv.Program("chromium"); browserWhy != nil {
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.Flag("hide-scrollbars", true))
	if testenv.Root() == nil {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	closeBrowser = func() { cancel(); stop() }
	browserCtx, browserWhy = ctx, chromedp.Do(ctx)
}

// A tab shows one page, without a network, and collects what should not be.
type tab struct {
	testing.TB
	ctx      context.Context
	path     string
	scripted bool

	mu       sync.Mutex
	requests []string // other than for the page
	errors   []string // of the console and of the log
}

// open shows a page. Whatever it asks the network for or complains of fails the test.
func open(t testing.TB, page string, before ...chromedp.Action[chromedp.Void]) *tab {
	testenv.Full(t)
	t.Helper()
	browserOnce.Do(startBrowser)
	testenv.Need(t, "browser", browserWhy)
	b := &tab{TB: t, path: filepath.Join(t.TempDir(), "page.html")}
	if err := os.WriteFile(b.path, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browserCtx)
	ctx, stop := context.WithTimeout(ctx, 4*time.Minute)
	b.ctx = ctx
	t.Cleanup(func() { stop(); cancel() })
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	offline := network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{{Offline: true, DownloadThroughput: -1, UploadThroughput: -1}}}
	if _, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule, offline); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(1280, 900))
	b.do(before...)
	b.do(chromedp.Navigate("file://" + b.path))
	t.Cleanup(b.isClean)
	b.scripted = js[bool](b, `typeof charts === "object" && Array.isArray(charts)`)
	return b
}

func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if url, _, _ := strings.Cut(e.Request.URL, "#"); url != "file://"+b.path && !strings.HasPrefix(url, "blob:") {
			b.requests = append(b.requests, url)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.errors = append(b.errors, e.Entry.Text)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			b.errors = append(b.errors, fmt.Sprint("console.error of ", len(e.Args), " values"))
		}
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, e.ExceptionDetails.Text)
		if e.ExceptionDetails.Exception != nil {
			b.errors = append(b.errors, e.ExceptionDetails.Exception.Description)
		}
	}
}

// isClean fails the test if the page asked for anything or complained.
func (b *tab) isClean() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requests) > 0 {
		b.Errorf("the page asked for %q", b.requests)
	}
	if len(b.errors) > 0 {
		b.Errorf("the console says %q", b.errors)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// js is the value of an expression in the page.
func js[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// holds fails the test unless a condition comes true in the page.
func (b *tab) holds(condition string) {
	b.Helper()
	const poll = `new Promise((done) => {
		const start = performance.now();
		const step = () => ((%s) ? done(true) : performance.now() - start > 20000 ? done(false) : setTimeout(step, 5));
		step();
	})`
	if !js[bool](b, fmt.Sprintf(poll, condition)) {
		b.Errorf("does not hold: %s", condition)
	}
}

func (b *tab) click(selector string) {
	b.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// size sets width and theme, and waits until charts are drawn so.
func (b *tab) size(width int64, theme string) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, 900))
	b.media("", theme)
	if b.scripted {
		b.holds(`charts.every((c) => c.panels.every((p) => p.frame.width === p.svg.clientWidth))`)
	}
}

func (b *tab) media(kind, theme string) {
	b.Helper()
	p := emulation.SetEmulatedMediaParams{Media: kind, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, p); err != nil {
		b.Fatal(err)
	}
}

// withoutScript is a browser whose user lets no page run any.
func withoutScript(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return chromedp.Void{}, err
}

// mayCopy lets pages write to the clipboard and read it, which is a question to the
// user otherwise.
func (b *tab) mayCopy() {
	b.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		p := browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted}
		if _, err := chromedp.CallBrowser(b.ctx, browser.SetPermission, p); err != nil {
			b.Fatal(err)
		}
	}
}

// axe is the source of axe-core: of the archive that RINGBENCH_AXE names, else of what
// npm fetches.
func axe(t testing.TB) string {
	t.Helper()
	archive := os.Getenv("RINGBENCH_AXE")
	if archive == "" {
		testenv.Need(t, "axe", testenv.Program("npm"))
		fetch := exec.Command("npm", "pack", "--silent", "axe-core@4.14.1")
		fetch.Dir = t.TempDir()
		out, err := fetch.Output()
		testenv.Need(t, "axe", err)
		archive = filepath.Join(fetch.Dir, strings.TrimSpace(string(out)))
	}
	source, err := exec.Command("tar", "-xzOf", archive, "package/axe.min.js").Output()
	testenv.Need(t, "axe", err)
	return string(source)
}
