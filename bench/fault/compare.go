package fault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
)

// sameEncounter compares what is shown with what was sent; "" when it is the same.
func sameEncounter(got, sent *immisv1.Encounter) string {
	switch {
	case got.GetEncounterId() != sent.GetEncounterId():
		return fmt.Sprintf("identifier %q, want %q", got.GetEncounterId(), sent.GetEncounterId())
	case got.GetStation() != sent.GetStation() || got.GetOperator() != sent.GetOperator():
		return "another station or operator"
	case !proto.Equal(got.GetBiographicData(), sent.GetBiographicData()):
		return "other biographic data"
	case len(got.GetDocuments()) != len(sent.GetDocuments()):
		return fmt.Sprintf("%d documents, want %d", len(got.GetDocuments()), len(sent.GetDocuments()))
	case len(got.GetSamples()) != len(sent.GetSamples()):
		return fmt.Sprintf("%d samples, want %d", len(got.GetSamples()), len(sent.GetSamples()))
	}
	for i, d := range sent.GetDocuments() {
		if !proto.Equal(got.GetDocuments()[i], d) {
			return fmt.Sprintf("document %d is another one", i)
		}
	}
	for i, s := range sent.GetSamples() {
		if d := sameSample(got.GetSamples()[i], s); d != "" {
			return fmt.Sprintf("sample %d: %s", i, d)
		}
	}
	return ""
}

// vectorTolerance allows for the normalization of a vector that has unit length
// but for rounding.
const vectorTolerance = 1e-6

func sameSample(got, sent *immisv1.Sample) string {
	if got.GetFormat() != sent.GetFormat() || got.GetModel() != sent.GetModel() || got.GetPosition() != sent.GetPosition() {
		return "another format, model or position"
	}
	a, b := got.GetData(), sent.GetData()
	if len(a) != len(b) {
		return fmt.Sprintf("%d bytes, want %d", len(a), len(b))
	}
	if sent.GetFormat() != immisv1.Format_FORMAT_FACE_FLOAT32 {
		if !bytes.Equal(a, b) {
			return "other bytes"
		}
		return ""
	}
	for i := 0; i < len(a); i += 4 {
		x, y := math.Float32frombits(binary.LittleEndian.Uint32(a[i:])), math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))
		if !(math.Abs(float64(x)-float64(y)) <= vectorTolerance) {
			return fmt.Sprintf("vector component %d is %v, want %v", i/4, x, y)
		}
	}
	return ""
}
