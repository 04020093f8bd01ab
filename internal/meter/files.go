package meter

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Files is a tree of files that begins at the root of a file system, by which a
// machine is known.
type Files struct{ fs.FS }

// Root is this machine's.
func Root() Files { return Files{os.DirFS("/")} }

// Read is the text of a file without the space around it, "" when it is not
// there or may not be read.
func (f Files) Read(name string) string {
	b, _ := fs.ReadFile(f.FS, name)
	return strings.TrimSpace(string(b))
}

// Number is the first number of a file.
func (f Files) Number(name string) (n int, ok bool) {
	words := strings.Fields(f.Read(name))
	if len(words) == 0 {
		return 0, false
	}
	n, err := strconv.Atoi(words[0])
	return n, err == nil
}

// Exists reports whether there is a file of that name.
func (f Files) Exists(name string) bool {
	_, err := fs.Stat(f.FS, name)
	return err == nil
}

// Glob lists the files that match; a bad pattern would be a mistake of ours.
func (f Files) Glob(pattern string) []string {
	names, _ := fs.Glob(f.FS, pattern)
	return names
}

// Field is the value of "name: value" in a file of such lines.
func (f Files) Field(file, name string) string {
	for line := range strings.Lines(f.Read(file)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Value is a value in a file of lines "name value".
func (f Files) Value(file, name string) string {
	for line := range strings.Lines(f.Read(file)) {
		if w := strings.Fields(line); len(w) == 2 && w[0] == name {
			return w[1]
		}
	}
	return ""
}
