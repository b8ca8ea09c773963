package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"immis/server/grpcapi"
	"immis/templates"
)

// body is the body of a request. Its errors are noted in the exchange, because
// the gateway hands on only their text.
type body struct {
	io.ReadCloser
	exchange *exchange
	boundary string // of a multipart form; "": JSON
	max      int64  // bytes of one message
	message  int64  // bytes of the present message of a stream
	counted  bool   // whether messages are counted one by one
}

func (b *body) Read(p []byte) (int, error) {
	if b.counted && b.message > b.max {
		return 0, b.fail(errTooLarge(b.max))
	}
	n, err := b.ReadCloser.Read(p)
	b.message += int64(n)
	var large *http.MaxBytesError
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case errors.As(err, &large):
		return n, b.fail(errTooLarge(b.max))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, b.fail(errSlow)
	}
	return n, b.fail(templates.Bad(templates.ReasonTruncated, "body", "ends early", "as many bytes as announced"))
}

func (b *body) fail(err error) error {
	b.exchange.note(err)
	return err
}

// come ends the time that the body has to come. It is called when the body is
// there: what is left of one that was refused is read by net/http, within that time.
func (b *body) come() { _ = b.exchange.control.SetReadDeadline(time.Time{}) }

// marshaler is the JSON of this API.
type marshaler struct {
	out protojson.MarshalOptions
	in  protojson.UnmarshalOptions
}

func newMarshaler() *marshaler {
	return &marshaler{out: protojson.MarshalOptions{UseProtoNames: true}}
}

// ContentType implements runtime.Marshaler.
func (*marshaler) ContentType(any) string { return typeJSON }

// StreamContentType implements runtime.StreamContentType.
func (*marshaler) StreamContentType(any) string { return typeLines }

// Delimiter implements runtime.Delimited.
func (*marshaler) Delimiter() []byte { return []byte("\n") }

// Marshal writes a message, or a line of a stream: {"result": message}.
func (m *marshaler) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case proto.Message:
		return m.out.Marshal(v)
	case map[string]any:
		if inner, ok := v["result"].(proto.Message); ok {
			b, err := m.out.MarshalAppend([]byte(`{"result":`), inner)
			return append(b, '}'), err
		}
	}
	return json.Marshal(v)
}

// Unmarshal implements runtime.Marshaler.
func (m *marshaler) Unmarshal(data []byte, v any) error {
	msg, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("decode JSON into %T, want a message", v)
	}
	if err := bounded(data); err != nil {
		return err
	}
	if err := m.in.Unmarshal(data, msg); err != nil {
		return explain(err, data, msg.ProtoReflect().Descriptor())
	}
	return nil
}

// NewEncoder implements runtime.Marshaler.
func (m *marshaler) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		b, err := m.Marshal(v)
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	})
}

// NewDecoder reads the body of a request: one value and nothing behind it, or one
// value after the other where requests are a stream.
func (m *marshaler) NewDecoder(r io.Reader) runtime.Decoder {
	b, ok := r.(*body)
	if !ok {
		return runtime.DecoderFunc(func(any) error { return fmt.Errorf("decode JSON from %T, want the body of a request", r) })
	}
	if b.exchange.op.streamIn {
		b.counted = true
		d := json.NewDecoder(b)
		return runtime.DecoderFunc(func(v any) error { return m.next(b, d, v) })
	}
	return runtime.DecoderFunc(func(v any) error {
		msg, ok := v.(proto.Message)
		if !ok {
			return fmt.Errorf("decode JSON into %T, want a message", v)
		}
		if b.boundary != "" {
			if err := m.form(b, msg); err != nil {
				return b.fail(err)
			}
			b.come()
		} else {
			data, err := io.ReadAll(b)
			if err != nil {
				return err
			}
			b.come()
			if len(bytes.TrimSpace(data)) == 0 {
				return io.EOF
			}
			if err := m.Unmarshal(data, v); err != nil {
				return b.fail(err)
			}
		}
		if err := once(msg.ProtoReflect(), b.exchange.params); err != nil {
			return b.fail(err)
		}
		return nil
	})
}

// next reads one message of a stream. An error is noted and looks like the end of
// the stream to the gateway, which would write others into the process's error log.
func (m *marshaler) next(b *body, d *json.Decoder, v any) error {
	b.message = 0
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		if !errors.Is(err, io.EOF) {
			// Does nothing when Read has noted a better reason.
			_ = b.fail(templates.Bad(grpcapi.ReasonMalformed, "body", "is not JSON", "one JSON object after the other"))
		}
		return io.EOF
	}
	if err := m.Unmarshal(raw, v); err != nil {
		_ = b.fail(err)
		return io.EOF
	}
	return nil
}

// once refuses what both path and body say.
func once(m protoreflect.Message, params map[string]string) error {
	for name := range params {
		if f := m.Descriptor().Fields().ByName(protoreflect.Name(name)); f != nil && m.Has(f) {
			return templates.Bad(reasonUnknownField, name, "is in the body", "it in the path only")
		}
	}
	return nil
}

// maxValues bounds the objects, lists and their members of one body. The largest
// sensible request, a thousand encounters or 64 samples with all they can say, has
// a tenth. Without it a few megabytes of "{}," would become gigabytes of messages.
const maxValues = 1 << 15

func bounded(data []byte) error {
	n, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == '{' || c == '[' || c == ','):
			if n++; n > maxValues {
				return templates.BadAt(i, grpcapi.ReasonTooMany, "body", "has more than "+strconv.Itoa(maxValues)+" values", "<= "+strconv.Itoa(maxValues))
			}
		}
	}
	return nil
}

var (
	jsonPlace   = regexp.MustCompile(`\(line (\d+):(\d+)\)`)
	jsonUnknown = regexp.MustCompile(`unknown field "((?:[^"\\]|\\.)*)"`)
	jsonValue   = regexp.MustCompile(`invalid value for (\w+) field (\w+)`)
	jsonTwice   = regexp.MustCompile(`duplicate field "(\w+)"`)
)

// explain makes an input error out of that of protojson. The text of protojson
// is not passed on: it quotes values, and values may be biometric data.
func explain(err error, data []byte, d protoreflect.MessageDescriptor) error {
	text, at := err.Error(), templates.NoOffset
	if m := jsonPlace.FindStringSubmatch(text); m != nil {
		at = place(data, m[1], m[2])
	}
	if m := jsonUnknown.FindStringSubmatch(text); m != nil {
		return templates.BadAt(at, reasonUnknownField, printable(m[1]), "is unknown", "a field of "+string(d.FullName())+" or of the messages in it")
	}
	if m := jsonValue.FindStringSubmatch(text); m != nil {
		return templates.BadAt(at, grpcapi.ReasonMalformed, snake(m[2]), "has another kind of value", wanted(m[1]))
	}
	if m := jsonTwice.FindStringSubmatch(text); m != nil {
		return templates.BadAt(at, grpcapi.ReasonMalformed, snake(m[1]), "is given twice", "once")
	}
	return templates.BadAt(at, grpcapi.ReasonMalformed, "body", "does not decode", "JSON of "+string(d.FullName()))
}

// snake is a field's name as the .proto files write it; protojson knows it in the
// other spelling.
func snake(name string) string {
	var out strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// wanted says what protobuf's JSON has for a kind of field.
func wanted(kind string) string {
	switch kind {
	case "bytes":
		return "base64 in a string"
	case "enum":
		return "the name of a value in a string"
	case "bool":
		return "true or false"
	case "string":
		return "a string of UTF-8"
	case "uint64", "int64":
		return kind + ", a number in a string"
	}
	return kind
}

// place turns a line and a column (in characters, both from 1) into an offset in bytes.
func place(data []byte, line, column string) int {
	l, err1 := strconv.Atoi(line)
	c, err2 := strconv.Atoi(column)
	if err1 != nil || err2 != nil {
		return templates.NoOffset
	}
	at := 0
	for ; l > 1; l-- {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return templates.NoOffset
		}
		at += i + 1
	}
	for i := range string(data[at:]) {
		if c--; c == 0 {
			return at + i
		}
	}
	return len(data)
}
