package immisv1

import _ "embed"

//go:embed immis.swagger.json
var description string

// Description is the generated OpenAPI 2.0 description of the methods over HTTP.
// It knows messages and paths; what the HTTP transport adds (problem documents,
// multipart uploads) is added by server/httpapi, whose document is the one to use.
func Description() string { return description }
