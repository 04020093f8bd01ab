package page

import (
	"html/template"
	"regexp"
	"strings"
	"unicode/utf8"
)

// together is what no line may break in: a figure and its unit, and a word with a
// hyphen, such as an option, a contestant or a date.
var together = regexp.MustCompile(`[+-]?\d[\d.,]*(?: to [+-]?\d[\d.,]*)? (?:%|(?:[nµm]?s|[KMG]i?B|B|Hz)\b)|[^\s()]*-[^\s()]+`)

// togetherMost bounds the words that are kept whole, in letters: a longer one would not
// fit beside others on a narrow screen.
const togetherMost = 24

// prose is text of which lines break only where a reader expects it.
func prose(text string) template.HTML {
	escape := template.HTMLEscapeString
	out, at := "", 0
	for _, m := range together.FindAllStringIndex(text, -1) {
		if word := text[m[0]:m[1]]; utf8.RuneCountInString(word) <= togetherMost {
			out += escape(text[at:m[0]]) + `<span class="one">` + escape(word) + `</span>`
			at = m[1]
		}
	}
	return template.HTML(out + escape(text[at:]))
}

// parted is a name that may also break where its words are joined.
func parted(name string) template.HTML {
	return template.HTML(strings.NewReplacer(".", ".<wbr/>", "_", "_<wbr/>", "/", "/<wbr/>", "+", "<wbr/>+").Replace(template.HTMLEscapeString(name)))
}
