// Package pagetest reads a page in tests, by a parser that is not ours.
package pagetest

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
)

var (
	// own is the script of every page. It is no XML.
	own = regexp.MustCompile(`(?s)<script>"use strict".*?</script>`)
	// encoded is where any letters may meet: the script's hash and the compressed result.
	encoded = regexp.MustCompile(`sha256-[A-Za-z0-9+/=]*|(?m:^H4sI[A-Za-z0-9+/=]*)`)
)

// Legible is a page without its script and what is encoded.
func Legible(page string) string {
	return encoded.ReplaceAllString(own.ReplaceAllString(page, ""), "")
}

// Walk visits the tokens of a page but its script, in order. One that does not parse
// fails the test.
func Walk(t testing.TB, page string, visit func(xml.Token)) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(own.ReplaceAllString(strings.TrimPrefix(page, "<!DOCTYPE html>"), "")))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("the page does not parse: %v", err)
		}
		visit(token)
	}
}

// A Page is what is found in one.
type Page struct {
	Count map[string]int    // of elements
	Loads []string          // attributes that could load or run something
	Text  []string          // outside of scripts
	Data  map[string]string // what scripts hold, by their ids
}

// Parse is what a page holds.
func Parse(t testing.TB, page string) Page {
	t.Helper()
	p := Page{Count: map[string]int{}, Data: map[string]string{}}
	script, id := false, ""
	Walk(t, page, func(token xml.Token) {
		switch e := token.(type) {
		case xml.StartElement:
			p.Count[e.Name.Local]++
			script, id = e.Name.Local == "script", ""
			for _, a := range e.Attr {
				name := strings.ToLower(a.Name.Local)
				if name == "src" || name == "style" || name == "href" && !strings.HasPrefix(a.Value, "#") || strings.HasPrefix(name, "on") {
					p.Loads = append(p.Loads, name+"="+a.Value)
				}
				if name == "id" {
					id = a.Value
				}
			}
		case xml.EndElement:
			script = false
		case xml.CharData:
			if s := strings.TrimSpace(string(e)); script {
				p.Data[id] += s
			} else if s != "" {
				p.Text = append(p.Text, s)
			}
		}
	})
	return p
}
