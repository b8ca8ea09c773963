package grpcapi

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	// Registers the codec that this one wraps.
	_ "google.golang.org/grpc/encoding/proto"

	"immis/templates"
)

// gRPC answers a message that does not decode (invalid UTF-8, a cut message)
// with INTERNAL, before any interceptor runs. It is the sender's fault and has
// to be INVALID_ARGUMENT. So this codec lets such a message pass as an empty one
// that carries a mark among its unknown fields, and Malformed finds the mark.
// A client that sends the mark itself gains the same refusal.

// markField is the largest field number of protobuf; no message of ours uses it.
const markField = protowire.Number(1<<29 - 1)

type codec struct{ encoding.CodecV2 }

// Codec is the protobuf codec for servers whose interceptors call Malformed.
func Codec() encoding.CodecV2 { return codec{encoding.GetCodecV2("proto")} }

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	err := c.CodecV2.Unmarshal(data, v)
	if err == nil {
		return nil
	}
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("decode %T: %w", v, err)
	}
	proto.Reset(m)
	b := protowire.AppendTag(nil, markField, protowire.BytesType)
	m.ProtoReflect().SetUnknown(protowire.AppendString(b, err.Error()))
	return nil
}

// Malformed returns the input error of a message that did not decode, else nil.
func Malformed(v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return nil
	}
	for b := m.ProtoReflect().GetUnknown(); len(b) > 0; {
		num, typ, n := protowire.ConsumeField(b)
		if n < 0 {
			return nil
		}
		if num == markField && typ == protowire.BytesType {
			return templates.Bad(ReasonMalformed, "message", "does not decode or holds invalid UTF-8", "protobuf of "+string(m.ProtoReflect().Descriptor().FullName()))
		}
		b = b[n:]
	}
	return nil
}
