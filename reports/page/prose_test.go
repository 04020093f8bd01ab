package page

import (
	"regexp"
	"strings"
	"testing"
)

// Lines break neither between a figure and its unit nor within options, names and dates,
// and what is written is what is copied.
func TestProseBreaksWell(t *testing.T) {
	text := "<b> of -51.9 to +107.1 % or 21.9 ms on c-epoll: a longer --warmup, 2026-11-27 & a-name-of-others-that-is-longer-than-a-narrow-screen in 3 servers"
	got := string(prose(text))
	for _, word := range []string{"-51.9 to +107.1 %", "21.9 ms", "c-epoll:", "--warmup,", "2026-11-27"} {
		if !strings.Contains(got, `<span class="one">`+word+`</span>`) {
			t.Errorf("%q may break in %s", word, got)
		}
	}
	if n := strings.Count(got, "<span"); n != 5 {
		t.Errorf("%d words are kept whole: %s", n, got)
	}
	plain := regexp.MustCompile(`</?(span|wbr)[^>]*>`).ReplaceAllString
	if want := strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;").Replace(text); plain(got, "") != want {
		t.Errorf("%q became %q", want, got)
	}
	if got := string(parted("net.ipv4.tcp_mem <i>")); plain(got, "") != "net.ipv4.tcp_mem &lt;i&gt;" || strings.Count(got, "<wbr/>") != 3 {
		t.Error(got)
	}
}
