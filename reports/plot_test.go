package reports

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// keep is where pictures are left to be looked at.
var keep = os.Getenv("RINGBENCH_KEEP_PLOTS")

func pictures(t *testing.T, name string, s *result.Set) map[string]*image.NRGBA {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made", name)
	if keep != "" {
		dir = filepath.Join(keep, name)
	}
	if err := PNG(dir, s); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*image.NRGBA{}
	for _, e := range files {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		plain := image.NewNRGBA(img.Bounds())
		draw.Draw(plain, plain.Bounds(), img, image.Point{}, draw.Src)
		all[e.Name()] = plain
	}
	bars := 1
	if s.Plan.Search != nil {
		bars = 0
	}
	if len(all) != 2+bars || (all["throughput.png"] != nil) != (bars > 0) || all["latency.png"] == nil || all["cpu.png"] == nil {
		t.Fatalf("the directory holds %v", files)
	}
	return all
}

// count is how many pixels of img within r have colour c.
func count(img *image.NRGBA, r image.Rectangle, c color.RGBA) (n int) {
	want := [4]uint8{c.R, c.G, c.B, c.A}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := img.Pix[img.PixOffset(r.Min.X, y):img.PixOffset(r.Max.X, y)]
		for ; len(row) > 0; row = row[4:] {
			if [4]uint8(row) == want {
				n++
			}
		}
	}
	return n
}

// length is how many pixels of colour c the row with the most of them has.
func length(img *image.NRGBA, c color.RGBA) (n int) {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		n = max(n, count(img, image.Rect(b.Min.X, y, b.Max.X, y+1), c))
	}
	return n
}

// TestNothingIsClipped looks at the rim of every picture: what is cut off or
// runs out of the picture leaves ink there.
func TestNothingIsClipped(t *testing.T) {
	long := newSet(6, 1, 2, 4, 8, 16, 32, 64, 256, 1000)
	for i := range long.Plan.Cells {
		c := &long.Plan.Cells[i]
		load := i / len(profiles)
		c.Network, c.Size, c.Pipeline, c.Rate = []string{"tcp6", "unix"}[load%2], 1<<(load+12), 1+load, float64(load)*1e6
		c.Contestant = "uring-multishot+sqpoll-defer+" + strings.Repeat("W", 60) + c.Contestant
	}
	long.Env.CPUModel = strings.Repeat("Very Long Model ", 30)
	for i := range long.Trials {
		long.Trials[i].Messages *= 10_000
	}
	void := newSet(1, 64)
	for i := range void.Trials {
		void.Trials[i] = result.Trial{Cell: i, Void: "server died"}
	}
	for name, s := range map[string]*result.Set{
		"one": newSet(1, 64), "two": newSet(5, 1, 64), "nine, all long": long, "void": void, "empty": {}, "search": newSearch(),
	} {
		t.Run(name, func(t *testing.T) {
			for file, img := range pictures(t, name, s) {
				b := img.Bounds()
				if b.Dx() != 1200 || b.Dy() < 100 || b.Dy() > 2000 {
					t.Errorf("%s is %v", file, b)
				}
				const rim = 6
				for side, r := range map[string]image.Rectangle{
					"top": {b.Min, image.Pt(b.Max.X, rim)}, "bottom": {image.Pt(0, b.Max.Y-rim), b.Max},
					"left": {b.Min, image.Pt(rim, b.Max.Y)}, "right": {image.Pt(b.Max.X-rim, 0), b.Max},
				} {
					if n, want := count(img, r, color.RGBA{255, 255, 255, 255}), r.Dx()*r.Dy(); n != want {
						t.Errorf("%s: %d of %d pixels at the %s are white", file, n, want, side)
					}
				}
			}
		})
	}
}

// TestBarsAreInProportion measures the pixels of the bars.
func TestBarsAreInProportion(t *testing.T) {
	all := pictures(t, "proportion", newSet(1, 64))
	img := all["throughput.png"]
	blue, green := length(img, families["uring"]), length(img, families["threadpool"])
	if got, want := float64(blue)/float64(green), 118.0/81; got < want*0.99 || got > want*1.01 {
		t.Errorf("uring's bar is %.3f of threadpool's, want %.3f", got, want)
	}
	img = all["cpu.png"]
	kernel, user := length(img, families["net"]), length(img, lighten(families["net"], userShade))
	if got := float64(user) / float64(user+kernel); got < 0.21 || got > 0.23 {
		t.Errorf("%.3f of net's bar is user time, want 0.22", got)
	}
}

func TestVariantsLookDifferent(t *testing.T) {
	s := newSet(1, 64)
	for i, name := range []string{"uring", "uring+sqpoll", "uring-multishot", "C epoll"} {
		s.Plan.Cells[i].Contestant, s.Plan.Cells[i].Backend = name, strings.TrimPrefix(name, "C epoll")
	}
	l := looks(views(s))
	if l["uring"].color != families["uring"] || len(l) != 4 {
		t.Errorf("looks %v", l)
	}
	seen := map[color.RGBA]bool{}
	for name, x := range l {
		if seen[x.color] {
			t.Errorf("%s shares its colour", name)
		}
		seen[x.color] = true
	}
}

func TestPNGRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := PNG(file, newSet(1, 64)); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "--png") {
		t.Errorf("error %v", err)
	}
}
