package ansinist

import (
	"fmt"
	"log/slog"
)

// String tells a transaction without its content, so that one that strays into a
// log line or an error text shows neither persons nor biometric data.
func (t Transaction) String() string {
	return fmt.Sprintf("ANSI/NIST transaction (%d records)", len(t.Records))
}

// LogValue is String: structured handlers would otherwise print the fields.
func (t Transaction) LogValue() slog.Value { return slog.StringValue(t.String()) }

// String tells a record without its content.
func (r Record) String() string {
	return fmt.Sprintf("ANSI/NIST record (type %d, %d fields, image of %d bytes)", r.Type, len(r.Fields), len(r.Image))
}

// LogValue is String.
func (r Record) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String tells a field without its value.
func (f Field) String() string {
	return fmt.Sprintf("ANSI/NIST field (%03d, %d bytes)", f.Number, len(f.Value))
}

// LogValue is String.
func (f Field) LogValue() slog.Value { return slog.StringValue(f.String()) }

// String tells a sample without its content.
func (s Sample) String() string {
	return fmt.Sprintf("ANSI/NIST sample (record %d of type %d, %v, %d bytes)", s.Record+1, s.Type, s.Modality, len(s.Data))
}

// LogValue is String.
func (s Sample) LogValue() slog.Value { return slog.StringValue(s.String()) }
