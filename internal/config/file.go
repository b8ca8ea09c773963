package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// file is one configuration file: a JSON object whose keys are names of flags,
// without the dashes in front, e.g. {"listen": "127.0.0.1:7301", "log-format":
// "json"}. A key applies to every command that has the flag.
type file struct{ values map[string]any }

func (f *file) load(path string, known map[string]bool) error {
	b, err := ReadFile(path, maxFile)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	values, err := decode(b)
	if err != nil {
		return fmt.Errorf("read configuration %s: %w", path, err)
	}
	var unknown []string
	for k := range values {
		if !known[k] {
			unknown = append(unknown, k)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("read configuration %s: unknown keys %s, want names of flags (immis COMMAND --help)", path, strings.Join(unknown, ", "))
	}
	f.values = values
	return nil
}

// decode reads a flat JSON object. It refuses repeated keys, nested objects,
// null and anything behind the object.
func decode(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("no JSON object, want {\"flag\": value, ...}")
	}
	values := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		key, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("key %v, want a string", t)
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("key %s stands there twice", key)
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("value of %s: %w", key, err)
		}
		if values[key], err = flatten(v); err != nil {
			return nil, fmt.Errorf("value of %s: %w", key, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("end of object: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more text behind the object, want nothing")
	}
	return values, nil
}

// flatten turns a JSON value into what a flag's text would be; lists become
// lists of texts.
func flatten(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return v, nil
	case json.Number:
		return v.String(), nil
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			t, err := flatten(e)
			if err != nil {
				return nil, err
			}
			s, ok := t.(string)
			if !ok {
				return nil, fmt.Errorf("element %d is %T, want a string or a number", i, t)
			}
			parts[i] = s
		}
		return kong.JoinEscaped(parts, ','), nil
	case nil:
		return nil, errors.New("null, want a value")
	}
	return nil, errors.New("an object, want a string, number, boolean or list")
}

// resolver gives kong the file's values for flags that the environment has not set.
func (f *file) resolver(envSet func(*kong.Flag) bool) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		v, ok := f.values[flag.Name]
		if !ok || envSet(flag) {
			return nil, nil
		}
		return v, nil
	})
}

// ReadFile reads a regular file of at most limit bytes. A longer one is refused
// before it is in memory.
func ReadFile(path string, limit int64) ([]byte, error) {
	h, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = h.Close() }()
	info, err := h.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder, want a file", path)
	}
	b, err := io.ReadAll(io.LimitReader(h, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes, want <= %d", path, limit, limit)
	}
	return b, nil
}
