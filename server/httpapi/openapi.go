package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	immisv1 "immis/api/immis/v1"
)

// description is the generated one (OpenAPI 2.0), as far as it is used here.
type description struct {
	Tags        []json.RawMessage                     `json:"tags"`
	Paths       map[string]map[string]describedMethod `json:"paths"`
	Definitions map[string]map[string]any             `json:"definitions"`
}

type describedMethod struct {
	Summary     string               `json:"summary"`
	Description string               `json:"description"`
	ID          string               `json:"operationId"`
	Tags        []string             `json:"tags"`
	Parameters  []describedParameter `json:"parameters"`
	Responses   map[string]struct {
		Description string         `json:"description"`
		Schema      map[string]any `json:"schema"`
	} `json:"responses"`
}

type describedParameter struct {
	Name        string         `json:"name"`
	In          string         `json:"in"`
	Description string         `json:"description"`
	Required    bool           `json:"required"`
	Type        string         `json:"type"`
	Format      string         `json:"format"`
	Enum        []string       `json:"enum"`
	Schema      map[string]any `json:"schema"`
}

// described is what the description becomes: the routes, and the document that
// callers get.
type described struct {
	routes   *routes
	document []byte
}

// describe turns the generated description into OpenAPI 3.1, which can say what
// 2.0 cannot: problem documents beside other answers, lines of JSON, forms, client
// certificates.
func describe(generated, version string) (*described, error) {
	var d description
	if err := json.Unmarshal([]byte(generated), &d); err != nil {
		return nil, fmt.Errorf("read the generated description: %w", err)
	}
	out := &described{routes: &routes{}}
	paths := map[string]any{}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		r := route{methods: map[string]*operation{}}
		for s := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
			if strings.HasPrefix(s, "{") {
				s = ""
			}
			r.segments = append(r.segments, s)
		}
		methods := map[string]any{}
		for verb, m := range d.Paths[path] {
			op, err := newOperation(path, m)
			if err != nil {
				return nil, err
			}
			r.methods[strings.ToUpper(verb)] = op
			methods[verb] = m.convert(op)
		}
		out.routes.paths = append(out.routes.paths, r)
		paths[path] = methods
	}
	schemas := map[string]any{"Problem": problemSchema()}
	for name, s := range d.Definitions {
		schemas[name] = refs(s)
	}
	var err error
	out.document, err = json.MarshalIndent(map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title": "IMMIS", "version": version,
			"description": "Biometric identification for migration authorities: JSON over HTTP, the same methods as immis.v1 over gRPC. " +
				"64-bit numbers are strings, bytes are base64, fields without a value are left out, unknown fields are refused. " +
				"An identifier in a path is one segment, percent-encoded, a slash in it as %2F. Who asks is told by the client certificate; " +
				"why, by purpose in context, which every request has. The header Grpc-Timeout (30S, 500m) shortens or, up to the server's limit, lengthens the deadline.",
			"license": map[string]any{"name": "see LICENSE"},
		},
		"tags":  d.Tags,
		"paths": paths,
		"components": map[string]any{
			"schemas": schemas,
			"responses": map[string]any{"Problem": map[string]any{
				"description": "Why there is no answer.",
				"headers": map[string]any{
					"X-Request-Id": map[string]any{"description": "Identifies the request, also in the server's log.", "schema": map[string]any{"type": "string"}},
					"Retry-After":  map[string]any{"description": "Seconds, where a repetition may help.", "schema": map[string]any{"type": "integer"}},
				},
				"content": map[string]any{typeProblem: map[string]any{"schema": ref("Problem")}},
			}},
			"securitySchemes": map[string]any{"certificate": map[string]any{
				"type": "mutualTLS", "description": "TLS 1.3 with a client certificate; its SAN is the principal. On loopback addresses plain text is served too, to the principal local.",
			}},
		},
		"security": []any{map[string]any{"certificate": []string{}}, map[string]any{}},
	}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the description: %w", err)
	}
	return out, nil
}

// newOperation finds out what the description does not say from the messages.
func newOperation(path string, m describedMethod) (*operation, error) {
	method, err := methodOf(m.ID)
	if err != nil {
		return nil, err
	}
	op := &operation{path: path, id: m.ID, stream: method.IsStreamingServer(), streamIn: method.IsStreamingClient(), query: map[string]parameter{}}
	for _, p := range m.Parameters {
		switch p.In {
		case "body":
			op.body = true
		case "query":
			op.query[p.Name] = newParameter(p)
		}
	}
	op.upload = op.body && !op.streamIn && holds(method.Input(), (&immisv1.Sample{}).ProtoReflect().Descriptor().FullName(), 0)
	return op, nil
}

func newParameter(p describedParameter) parameter {
	out := parameter{kind: p.Type, enum: p.Enum}
	switch p.Format {
	case "int64": // how the generator writes uint32
		out.bits = 32
	case "uint64":
		out.bits = 64
	}
	return out
}

// methodOf finds the method of an operation: SERVICE_METHOD, with a number behind
// it where a method has more than one path.
func methodOf(id string) (protoreflect.MethodDescriptor, error) {
	for _, name := range []string{id, strings.TrimRight(id, "0123456789")} {
		full := protoreflect.FullName("immis.v1." + strings.Replace(name, "_", ".", 1))
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(full)
		if m, ok := d.(protoreflect.MethodDescriptor); ok && err == nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("operation %q of the description: %w", id, errNoMethod)
}

var errNoMethod = errors.New("no such method")

// holds tells whether a message has one of another kind somewhere in it.
func holds(m protoreflect.MessageDescriptor, name protoreflect.FullName, depth int) bool {
	if m.FullName() == name {
		return true
	}
	for i := range m.Fields().Len() {
		if f := m.Fields().Get(i); depth < maxSteps && f.Message() != nil && holds(f.Message(), name, depth+1) {
			return true
		}
	}
	return false
}

// convert is the operation in OpenAPI 3.1.
func (m describedMethod) convert(op *operation) map[string]any {
	out := map[string]any{"operationId": m.ID, "summary": m.Summary, "tags": m.Tags}
	if m.Description != "" {
		out["description"] = m.Description
	}
	parameters := []any{}
	for _, p := range m.Parameters {
		if p.In == "body" {
			out["requestBody"] = op.requestBody(p)
			continue
		}
		schema := map[string]any{"type": p.Type}
		if p.Format != "" {
			schema["format"] = p.Format
		}
		if p.Enum != nil {
			schema["enum"] = p.Enum
		}
		parameters = append(parameters, map[string]any{
			"name": p.Name, "in": p.In, "description": p.Description, "schema": schema,
			// The generator cannot know that a request names its purpose.
			"required": p.Required || p.Name == "context.purpose",
		})
	}
	out["parameters"] = parameters
	answer, media := refs(m.Responses["200"].Schema), typeJSON
	text := "The answer."
	if op.stream {
		media, text = typeLines, "Lines of JSON. The last one holds error when the stream broke."
		if s, ok := answer.(map[string]any); ok {
			if p, ok := s["properties"].(map[string]any); ok {
				p["error"] = ref("Problem")
			}
		}
	}
	out["responses"] = map[string]any{
		"200":     map[string]any{"description": text, "content": map[string]any{media: map[string]any{"schema": answer}}},
		"default": map[string]any{"$ref": "#/components/responses/Problem"},
	}
	return out
}

func (op *operation) requestBody(p describedParameter) map[string]any {
	schema := refs(p.Schema)
	content := map[string]any{typeJSON: map[string]any{"schema": schema}}
	if op.streamIn {
		content = map[string]any{typeLines: map[string]any{"schema": schema}, typeJSON: map[string]any{"schema": schema}}
	}
	if op.upload {
		content[typeForm] = map[string]any{
			"schema": map[string]any{
				"type": "object", "required": []string{firstPart},
				"description": "The first part is the request as JSON without its bytes. Every further part is named by the field that its content becomes, e.g. encounter.samples[0].data or probe.samples[0].data.",
				"properties":  map[string]any{firstPart: schema},
				"additionalProperties": map[string]any{
					"type": "string", "contentMediaType": "application/octet-stream",
				},
			},
			"encoding": map[string]any{firstPart: map[string]any{"contentType": typeJSON}},
		}
	}
	return map[string]any{"required": true, "description": p.Description, "content": content}
}

func ref(name string) map[string]any {
	return map[string]any{"$ref": "#/components/schemas/" + name}
}

// refs rewrites references to where OpenAPI 3 keeps schemas.
func refs(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			if s, ok := x.(string); ok && k == "$ref" {
				out[k] = strings.Replace(s, "#/definitions/", "#/components/schemas/", 1)
				continue
			}
			out[k] = refs(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = refs(x)
		}
		return out
	}
	return v
}

// problemSchema describes the struct problem.
func problemSchema() map[string]any {
	text := func(d string) map[string]any { return map[string]any{"type": "string", "description": d} }
	number := func(d string) map[string]any { return map[string]any{"type": "integer", "description": d} }
	return map[string]any{
		"type": "object", "description": "A problem document (RFC 9457).",
		"required": []string{"type", "title", "status", "detail", "instance", "code", "reason"},
		"properties": map[string]any{
			"type":        text("urn:immis:problem: and the reason in small letters with hyphens."),
			"title":       text("The reason in words."),
			"status":      number("The HTTP status code."),
			"detail":      text("What was looked at, what was got, what is wanted. For people; the text may change."),
			"instance":    text("urn:immis:request: and the identifier of the request (X-Request-Id)."),
			"code":        text("The gRPC code, e.g. INVALID_ARGUMENT."),
			"reason":      text("Stable name of what is wrong, e.g. UNKNOWN_FIELD."),
			"field":       text("Path of the offending field, e.g. encounter.samples[0].data."),
			"got":         text("What was got; never biometric data."),
			"want":        text("What is wanted."),
			"offset":      number("Where the offending part begins, in bytes: in the sample that field names, else in the JSON of the request."),
			"retry_after": number("Seconds to wait before a repetition, as the header Retry-After."),
		},
	}
}
