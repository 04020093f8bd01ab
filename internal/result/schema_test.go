package result

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/testenv"
)

var update = flag.Bool("update", false, "write schema.json anew")

// The schema says what the types say.
func TestJSONSchema(t *testing.T) {
	s := schemer{docs: comments(t), defs: map[string]any{}}
	root := s.object(reflect.TypeFor[Set]())
	root["$schema"], root["title"], root["$defs"] = "https://json-schema.org/draft/2020-12/schema", "a result of ringbench", s.defs
	root["properties"].(map[string]any)["schema"] = map[string]any{"const": Schema}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(root); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.json", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(b.Bytes(), JSONSchema) {
		t.Error("schema.json is not what the types say; run this test with -update")
	}
}

// A schemer makes a schema of types as encoding/json writes them.
type schemer struct {
	docs map[string]string // of "Type" and "Type.Field"
	defs map[string]any
}

func (s schemer) object(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	s.fields(t, properties, &required)
	o := map[string]any{"type": "object", "properties": properties, "required": required}
	if doc := s.docs[t.Name()]; doc != "" {
		o["description"] = doc
	}
	return o
}

func (s schemer) fields(t reflect.Type, properties map[string]any, required *[]string) {
	for f := range t.Fields() {
		if f.Anonymous {
			s.fields(f.Type, properties, required)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		optional := options == "omitempty"
		of := s.of(f.Type, optional)
		if doc := s.docs[t.Name()+"."+f.Name]; doc != "" {
			of["description"] = doc
		}
		properties[name] = of
		if !optional {
			*required = append(*required, name)
		}
	}
}

// of is the schema of a value; nil slices, maps and pointers are null unless they
// are omitted.
func (s schemer) of(t reflect.Type, omitted bool) map[string]any {
	null := func(kind string) any {
		if omitted {
			return kind
		}
		return []string{kind, "null"}
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[Histogram]():
		return map[string]any{"type": null("string"), "contentEncoding": "base64"}
	}
	switch t.Kind() {
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Pointer:
		return s.of(t.Elem(), omitted)
	case reflect.Slice:
		return map[string]any{"type": null("array"), "items": s.of(t.Elem(), true)}
	case reflect.Map:
		return map[string]any{"type": null("object"), "additionalProperties": s.of(t.Elem(), true)}
	case reflect.Struct:
		if _, known := s.defs[t.Name()]; !known {
			s.defs[t.Name()] = nil // until it is there
			s.defs[t.Name()] = s.object(t)
		}
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	}
	panic(fmt.Sprintf("the schema knows no %v", t))
}

// comments are those of the package's types and their fields.
func comments(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE || len(d.Specs) != 1 {
				return true
			}
			spec := d.Specs[0].(*ast.TypeSpec)
			docs[spec.Name.Name] = oneLine(d.Doc)
			if st, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range st.Fields.List {
					for _, name := range field.Names {
						docs[spec.Name.Name+"."+name.Name] = strings.TrimSpace(oneLine(field.Doc) + " " + oneLine(field.Comment))
					}
				}
			}
			return true
		})
	}
	return docs
}

func oneLine(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

// What Write writes is valid by the schema, and what is not a result is not.
func TestFilesAreValid(t *testing.T) {
	holds := testenv.Schema(t, JSONSchema)
	path := filepath.Join(t.TempDir(), "r.json")
	if err := Write(path, sample()); err != nil {
		t.Fatal(err)
	}
	valid := func(change func(map[string]any)) error {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		change(doc)
		return holds(doc)
	}
	if err := valid(func(map[string]any) {}); err != nil {
		t.Error(err)
	}
	trial := func(doc map[string]any) map[string]any { return doc["trials"].([]any)[0].(map[string]any) }
	for name, change := range map[string]func(map[string]any){
		"another schema":     func(doc map[string]any) { doc["schema"] = "ringbench.result/1" },
		"no plan":            func(doc map[string]any) { delete(doc, "plan") },
		"a cell in words":    func(doc map[string]any) { trial(doc)["cell"] = "first" },
		"negative messages":  func(doc map[string]any) { trial(doc)["messages"] = json.Number("-1") },
		"a time in numbers":  func(doc map[string]any) { trial(doc)["started"] = json.Number("12") },
		"numbers for a name": func(doc map[string]any) { doc["environment"].(map[string]any)["kernel"] = []any{json.Number("6")} },
	} {
		if valid(change) == nil {
			t.Errorf("%s is valid", name)
		}
	}
}
