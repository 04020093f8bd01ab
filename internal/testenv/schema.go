package testenv

import (
	"encoding/json"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

// Schema makes a validator of the text of a JSON Schema. A document is held to it as
// encoding/json writes it, one that is text already as a json.RawMessage. Formats
// are not asserted.
func Schema(t testing.TB, text []byte) (valid func(document any) error) {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(document any) error {
		b, err := json.Marshal(document)
		if err != nil {
			return err
		}
		var plain any
		if err := json.Unmarshal(b, &plain); err != nil {
			return err
		}
		return resolved.Validate(plain)
	}
}
