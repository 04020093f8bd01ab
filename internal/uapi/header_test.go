package uapi_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/internal/testenv"
)

// include lets the headers of another kernel be compared, such as those that
// "make headers_install" leaves: -args -include=DIR.
var include = flag.String("include", "", "directory with linux/io_uring.h, searched before the system's")

// headers are io_uring's; the lesser ones are young.
const headers = `#include <stddef.h>
#include <stdio.h>
#include <linux/io_uring.h>
#if __has_include(<linux/io_uring/query.h>)
#include <linux/io_uring/query.h>
#endif
#if __has_include(<linux/io_uring/bpf_filter.h>)
#include <linux/io_uring/bpf_filter.h>
#endif
`

var (
	// constantName matches the names that io_uring's headers define.
	constantName = regexp.MustCompile(`\b(IORING|IOSQE|IOU|IO_URING|IO_WQ|SOCKET_URING_OP|ZCRX|SPLICE_F_FD_IN)_[A-Z0-9_]+\b`)
	// left are those that this package has no use for: the ends of
	// enumerations, and the numbers of bits whose masks it has.
	left = regexp.MustCompile(`_LAST$|^IOSQE_.*_BIT$`)
	// structName matches io_uring's structures; those of notification slots
	// were in the headers of Linux 6.0 and 6.1 without anything that used them.
	structName = regexp.MustCompile(`^(io_uring_[^n]|io_uring_napi|io_[sc]qring_|io_timespec$|__kernel_timespec$|zcrx_)`)
	// reserved are fields without a meaning, and the arrays of unknown length
	// at an entry's end.
	reserved = regexp.MustCompile(`^_*(resv|pad|rsvd)\d*_?$|^(big_cqe|cmd|bufs|__empty_bufs|restrictions)$`)
)

// TestHeaderNames demands every constant, structure and field that the system's
// headers know.
func TestHeaderNames(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("gcc"))
	for n := range headerConstants(t) {
		if _, ok := constants[n]; !ok && !left.MatchString(n) {
			t.Errorf("the header has %s, package uapi does not", n)
		}
	}
	for name, fields := range headerStructs(t) {
		l, ok := layouts[name]
		if !ok {
			t.Errorf("the header has struct %s, package uapi does not", name)
			continue
		}
		pairs := l.pairs()
		for _, f := range fields {
			if _, ok := pairs[f]; !ok && !reserved.MatchString(f) {
				t.Errorf("the header has field %s of struct %s, package uapi does not", f, name)
			}
		}
	}
}

// TestHeaderValues holds sizes, offsets and constants to what gcc makes of the
// system's headers, as far as those know them.
func TestHeaderValues(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("gcc"))
	want := map[string]string{}
	known := headerConstants(t)
	for n, v := range constants {
		if known[n] {
			want[n] = fmt.Sprint(v)
		}
	}
	if len(want) < 160 { // the headers of Linux 6.1 have 167
		t.Errorf("only %d of %d constants were found in the header", len(want), len(constants))
	}
	t.Logf("%d of %d constants", len(want), len(constants))
	structs := headerStructs(t)
	compared := 0
	for name, l := range layouts {
		fields, ok := structs[name]
		if !ok {
			continue
		}
		compared++
		l.expect(t, want, name, fields)
	}
	if compared < 20 { // all of Linux 6.1
		t.Errorf("only %d of %d structures were found in the header", compared, len(layouts))
	}
	t.Logf("%d of %d structures, %d values in all", compared, len(layouts), len(want))
	for expr, value := range evaluate(t, slices.Sorted(maps.Keys(want))) {
		if want[expr] != value && grown[expr] != value {
			t.Errorf("%s is %s, package uapi has %s", expr, value, want[expr])
		}
		delete(want, expr)
	}
	for expr := range want {
		t.Errorf("%s was not printed", expr)
	}
}

func (l layout) pairs() map[string]string {
	m := map[string]string{}
	for _, p := range strings.Fields(l.fields) {
		theirs, ours, _ := strings.Cut(p, ":")
		m[theirs] = ours
	}
	return m
}

// expect adds what C should say of the structure and of those of its fields
// that the header has.
func (l layout) expect(t *testing.T, want map[string]string, name string, fields []string) {
	ours := reflect.TypeOf(l.ours)
	size := fmt.Sprintf("sizeof(struct %s)", name)
	if tail := tails[name]; tail != "" {
		size += "+" + tail
	}
	want[size] = fmt.Sprint(ours.Size())
	for theirs, place := range l.pairs() {
		field, into, _ := strings.Cut(place, "+")
		f, ok := ours.FieldByName(field)
		if !ok {
			t.Errorf("%v has no field %s", ours, field)
			continue
		}
		inside, _ := strconv.Atoi(into)
		if slices.Contains(fields, theirs) {
			want[fmt.Sprintf("offsetof(struct %s, %s)", name, theirs)] = fmt.Sprint(int(f.Offset) + inside)
		}
	}
}

// evaluate has a C program print the expressions.
func evaluate(t *testing.T, exprs []string) map[string]string {
	t.Helper()
	var src strings.Builder
	src.WriteString(headers + "int main(void) {\n")
	for _, expr := range exprs {
		fmt.Fprintf(&src, "printf(\"%%s = %%lld\\n\", \"%s\", (long long)(%s));\n", expr, expr)
	}
	src.WriteString("}\n")
	dir := t.TempDir()
	file, prog := filepath.Join(dir, "abi.c"), filepath.Join(dir, "abi")
	if err := os.WriteFile(file, []byte(src.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	gcc(t, "", "-o", prog, file)
	out, err := exec.Command(prog).Output()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for line := range strings.Lines(string(out)) {
		expr, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		values[expr] = value
	}
	return values
}

func gcc(t *testing.T, stdin string, args ...string) []byte {
	t.Helper()
	if *include != "" {
		args = append([]string{"-I", *include}, args...)
	}
	cmd := exec.Command("gcc", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gcc %v: %v\n%s", args, err, &stderr)
	}
	return out
}

// headerConstants are the macros and enumeration constants of io_uring that the
// headers define.
func headerConstants(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for line := range strings.Lines(string(gcc(t, headers, "-E", "-dM", "-"))) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "#define "), " ") // the name, not what it is made of
		if m := constantName.FindString(name); m != "" && m == name {
			names[m] = true
		}
	}
	for _, n := range constantName.FindAllString(string(gcc(t, headers, "-E", "-P", "-")), -1) {
		names[n] = true
	}
	return names
}

var (
	attribute = regexp.MustCompile(`__attribute__\s*\(\(.*?\)\)+|\[[^]]*\]`)
	cToken    = regexp.MustCompile(`\w+|[{};]`)
)

// headerStructs gives the names of the fields of every structure of io_uring in
// the headers. Those of a nameless member count as the structure's own; of a
// member with a name only that name.
func headerStructs(t *testing.T) map[string][]string {
	t.Helper()
	src := attribute.ReplaceAllString(string(gcc(t, headers, "-E", "-P", "-")), " ")
	tokens := cToken.FindAllString(src, -1)
	structs := map[string][]string{}
	for i := 0; i+2 < len(tokens); i++ {
		if tokens[i] == "struct" && tokens[i+2] == "{" && structName.MatchString(tokens[i+1]) {
			structs[tokens[i+1]], _ = members(tokens[i+3:])
		}
	}
	return structs
}

// members reads declarations up to the closing brace and returns what follows it.
func members(tokens []string) (fields, rest []string) {
	last := ""
	var inner []string
	for len(tokens) > 0 {
		tok := tokens[0]
		tokens = tokens[1:]
		switch tok {
		case "{":
			inner, tokens = members(tokens)
			last = ""
		case "}":
			return fields, tokens
		case ";":
			if last == "" {
				fields = append(fields, inner...)
			} else {
				fields = append(fields, last)
			}
			last, inner = "", nil
		default:
			last = tok
		}
	}
	return fields, nil
}
