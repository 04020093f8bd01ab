package result

import _ "embed"

// JSONSchema is of the files that Write writes. It is made of the types of this
// package and their comments:
//
//	go test ./internal/result -run TestJSONSchema -update
//
//go:embed schema.json
var JSONSchema []byte
