package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	immisv1 "immis/api/immis/v1"
	"immis/templates"
	"immis/templates/iso19794"
)

// record is a valid finger record with n minutiae.
func record(t *testing.T, n int) []byte {
	t.Helper()
	f := templates.Finger{Position: templates.RightIndex, Width: 300, Height: 400, Quality: 80}
	for i := range n {
		f.Minutiae = append(f.Minutiae, templates.Minutia{
			X: uint16(16 * (20 + 13*(i%20))), Y: uint16(16 * (20 + 17*(i/20))), Angle: uint16(i * 3000), Type: templates.MinutiaEnding, Quality: templates.QualityUnknown,
		})
	}
	r, err := iso19794.FromFingers([]templates.Finger{f}, iso19794.Capture{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func finger(data []byte) *immisv1.Sample {
	return &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FINGER, Format: immisv1.Format_FORMAT_ISO_19794_2_2005, Data: data}
}

func floats(v ...float32) []byte {
	var out []byte
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

func filled(v float32) []byte {
	out := make([]float32, dims)
	for i := range out {
		out[i] = v
	}
	return floats(out...)
}

func edited(b []byte, at int, v byte) []byte {
	out := append([]byte(nil), b...)
	out[at] = v
	return out
}

// Each kind of bad input has a code, a stable reason, the field, got and want;
// and nothing of it is stored.
func TestBadInput(t *testing.T) {
	f := start(t)
	f.enroll("known", face(1, 0))
	good := record(t, 30)
	if len(good) < 60 {
		t.Fatalf("record of %d bytes", len(good))
	}
	nan := filled(1)
	binary.LittleEndian.PutUint32(nan[8:], math.Float32bits(float32(math.NaN())))
	inf := filled(1)
	binary.LittleEndian.PutUint32(inf[8:], math.Float32bits(float32(math.Inf(1))))
	longer := append(append([]byte(nil), vector(1, 0)...), floats(1, 2, 3, 4)...)
	big := uint32(101)

	type change = func(*immisv1.EnrollRequest)
	sample := func(s *immisv1.Sample) change {
		return func(r *immisv1.EnrollRequest) { r.Encounter.Samples = []*immisv1.Sample{face(1, 1), s} }
	}
	with := func(fn func(*immisv1.Sample)) change {
		return func(r *immisv1.EnrollRequest) { fn(r.GetEncounter().GetSamples()[0]) }
	}
	for _, c := range []struct {
		name   string
		code   codes.Code
		reason string
		field  string // a part of the field's path
		change change
	}{
		{"purpose missing", codes.InvalidArgument, "PURPOSE_REQUIRED", "context.purpose", func(r *immisv1.EnrollRequest) { r.Context = nil }},
		{"purpose unknown", codes.InvalidArgument, "PURPOSE_REQUIRED", "context.purpose", func(r *immisv1.EnrollRequest) { r.Context.Purpose = 99 }},
		{"law enforcement without a case", codes.InvalidArgument, "CASE_REFERENCE_REQUIRED", "context.case_reference", func(r *immisv1.EnrollRequest) { r.Context.Purpose = immisv1.Purpose_PURPOSE_LAW_ENFORCEMENT }},
		{"data subject without a case", codes.InvalidArgument, "CASE_REFERENCE_REQUIRED", "context.case_reference", func(r *immisv1.EnrollRequest) { r.Context.Purpose = immisv1.Purpose_PURPOSE_DATA_SUBJECT_REQUEST }},
		{"case with a space", codes.InvalidArgument, "CASE_REFERENCE_REQUIRED", "context.case_reference", func(r *immisv1.EnrollRequest) { r.Context.CaseReference = "a b" }},
		{"case too long", codes.InvalidArgument, "OVERSIZED", "context.case_reference", func(r *immisv1.EnrollRequest) { r.Context.CaseReference = strings.Repeat("a", 65) }},
		{"no encounter", codes.InvalidArgument, "REQUIRED", "encounter", func(r *immisv1.EnrollRequest) { r.Encounter = nil }},
		{"nothing captured", codes.InvalidArgument, "REQUIRED", "encounter.samples", func(r *immisv1.EnrollRequest) { r.Encounter.Samples = nil }},
		{"subject too long", codes.InvalidArgument, "OVERSIZED", "subject_id", func(r *immisv1.EnrollRequest) { r.SubjectId = strings.Repeat("x", 129) }},
		{"subject with a newline", codes.InvalidArgument, "BAD_IDENTIFIER", "subject_id", func(r *immisv1.EnrollRequest) { r.SubjectId = "a\nb" }},
		{"duplicate subject", codes.AlreadyExists, "ALREADY_EXISTS", "", func(r *immisv1.EnrollRequest) { r.SubjectId = "known" }},
		{"request id too long", codes.InvalidArgument, "OVERSIZED", "request_id", func(r *immisv1.EnrollRequest) { r.RequestId = strings.Repeat("x", 129) }},
		{"unknown gallery", codes.NotFound, "NOT_FOUND", "", func(r *immisv1.EnrollRequest) { r.Encounter.Galleries = []string{"none"} }},
		{"gallery with a space", codes.InvalidArgument, "BAD_IDENTIFIER", "encounter.galleries[0]", func(r *immisv1.EnrollRequest) { r.Encounter.Galleries = []string{"a b"} }},
		{"33 galleries", codes.InvalidArgument, "TOO_MANY", "encounter.galleries", func(r *immisv1.EnrollRequest) { r.Encounter.Galleries = make([]string, 33) }},
		{"65 samples", codes.InvalidArgument, "TOO_MANY", "encounter.samples", func(r *immisv1.EnrollRequest) {
			for range 64 {
				r.Encounter.Samples = append(r.Encounter.Samples, face(1, 1))
			}
		}},
		{"clock ahead", codes.InvalidArgument, "TIME_OUT_OF_RANGE", "encounter.time", func(r *immisv1.EnrollRequest) {
			r.Encounter.Time = timestamppb.New(time.Now().Add(6 * time.Minute))
		}},
		{"clock of 1899", codes.InvalidArgument, "TIME_OUT_OF_RANGE", "encounter.time", func(r *immisv1.EnrollRequest) {
			r.Encounter.Time = timestamppb.New(time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC))
		}},
		{"time that is none", codes.InvalidArgument, "TIME_OUT_OF_RANGE", "encounter.time", func(r *immisv1.EnrollRequest) { r.Encounter.Time = &timestamppb.Timestamp{Nanos: -1} }},
		{"birth date that is none", codes.InvalidArgument, "BAD_DATE", "birth_date", func(r *immisv1.EnrollRequest) {
			r.Encounter.BiographicData = &immisv1.BiographicData{BirthDate: "1990-02-30"}
		}},
		{"nationality in small letters", codes.InvalidArgument, "OUT_OF_RANGE", "nationalities[0]", func(r *immisv1.EnrollRequest) {
			r.Encounter.BiographicData = &immisv1.BiographicData{Nationalities: []string{"ukr"}}
		}},
		{"unknown sex", codes.InvalidArgument, "UNKNOWN_VALUE", "biographic_data.sex", func(r *immisv1.EnrollRequest) {
			r.Encounter.BiographicData = &immisv1.BiographicData{Sex: 9}
		}},
		{"document without a number", codes.InvalidArgument, "REQUIRED", "documents[0].number", func(r *immisv1.EnrollRequest) {
			r.Encounter.Documents = []*immisv1.Document{{Type: "passport", Issuer: "UKR"}}
		}},
		{"missing finger twice", codes.InvalidArgument, "UNKNOWN_FINGER_POSITION", "missing_fingers[1].position", func(r *immisv1.EnrollRequest) {
			m := &immisv1.MissingFinger{Position: 1, Reason: 1}
			r.Encounter.MissingFingers = []*immisv1.MissingFinger{m, m}
		}},
		{"modality unknown", codes.InvalidArgument, "UNKNOWN_VALUE", "samples[0].modality", with(func(s *immisv1.Sample) { s.Modality = 0 })},
		{"format unknown", codes.InvalidArgument, "UNKNOWN_FORMAT", "samples[0].format", with(func(s *immisv1.Sample) { s.Format = 77 })},
		{"format of the other modality", codes.InvalidArgument, "MODALITY_MISMATCH", "samples[0].format", with(func(s *immisv1.Sample) { s.Modality = immisv1.Modality_MODALITY_FINGER })},
		{"face with a finger position", codes.InvalidArgument, "UNKNOWN_FINGER_POSITION", "samples[0].position", with(func(s *immisv1.Sample) { s.Position = 3 })},
		{"no data", codes.InvalidArgument, "EMPTY", "samples[0].data", with(func(s *immisv1.Sample) { s.Data = nil })},
		{"data over 8 MiB", codes.InvalidArgument, "OVERSIZED", "samples[0].data", with(func(s *immisv1.Sample) { s.Data = make([]byte, 8<<20+1) })},
		{"model missing", codes.InvalidArgument, "REQUIRED", "samples[0].model", with(func(s *immisv1.Sample) { s.Model = "" })},
		{"model with a space", codes.InvalidArgument, "BAD_MODEL", "samples[0].model", with(func(s *immisv1.Sample) { s.Model = "a b" })},
		{"quality 101", codes.InvalidArgument, "OUT_OF_RANGE", "samples[0].quality", with(func(s *immisv1.Sample) { s.Quality = &big })},
		{"vector of a fraction of a float", codes.InvalidArgument, "WRONG_LENGTH", "samples[0]", with(func(s *immisv1.Sample) { s.Data = s.Data[:len(s.Data)-1] })},
		{"vector of 15 dimensions", codes.InvalidArgument, "WRONG_DIMENSION", "samples[0]", with(func(s *immisv1.Sample) { s.Data = s.Data[:60] })},
		{"other dimension for a known model", codes.InvalidArgument, "WRONG_DIMENSION", "samples[0]", with(func(s *immisv1.Sample) { s.Data = longer })},
		{"zero vector", codes.InvalidArgument, "ZERO_VECTOR", "samples[0]", with(func(s *immisv1.Sample) { s.Data = filled(0) })},
		{"constant vector", codes.InvalidArgument, "CONSTANT_VECTOR", "samples[0]", with(func(s *immisv1.Sample) { s.Data = filled(3) })},
		{"vector with NaN", codes.InvalidArgument, "NOT_FINITE", "samples[0]", with(func(s *immisv1.Sample) { s.Data = nan })},
		{"vector with Inf", codes.InvalidArgument, "NOT_FINITE", "samples[0]", with(func(s *immisv1.Sample) { s.Data = inf })},
		{"record cut", codes.InvalidArgument, "", "samples[1]", sample(finger(good[:len(good)-5]))},
		{"record with trailing bytes", codes.InvalidArgument, "", "samples[1]", sample(finger(append(append([]byte(nil), good...), 0)))},
		{"record with a wrong magic", codes.InvalidArgument, "WRONG_MAGIC", "samples[1]", sample(finger(edited(good, 0, 'X')))},
		{"record of another version", codes.InvalidArgument, "WRONG_VERSION", "samples[1]", sample(finger(edited(good, 5, '3')))},
		{"record with finger 11", codes.InvalidArgument, "UNKNOWN_FINGER_POSITION", "samples[1]", sample(finger(edited(good, 24, 11)))},
		{"record without minutiae", codes.InvalidArgument, "", "samples[1]", sample(finger(edited(good, 27, 0)))},
		{"minutia outside the image", codes.InvalidArgument, "MINUTIA_OUTSIDE_IMAGE", "samples[1]", sample(finger(edited(edited(good, 28, 0x7f), 29, 0xff)))},
		{"record that claims another position", codes.InvalidArgument, "", "samples[1]", sample(func() *immisv1.Sample {
			s := finger(good)
			s.Position = immisv1.Position_POSITION_LEFT_THUMB
			return s
		}())},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()})
			if err != nil {
				t.Fatal(err)
			}
			in := enrollment("new", face(1, 1))
			c.change(in)
			_, err = f.enr.Enroll(f.ctx(), in)
			r := refusalOf(err)
			if r.code != c.code || c.reason != "" && r.reason != c.reason {
				t.Fatalf("got %v %q (%v), want %v %q", r.code, r.reason, err, c.code, c.reason)
			}
			if r.code == codes.InvalidArgument {
				if !strings.Contains(r.field, c.field) || r.field != r.violation {
					t.Errorf("field %q, violation %q; want one with %q", r.field, r.violation, c.field)
				}
				if r.reason == "" || r.got == "" || r.want == "" || r.text == "" {
					t.Errorf("reason %q, got %q, want %q, text %q; none may be empty", r.reason, r.got, r.want, r.text)
				}
			}
			after, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()})
			if err != nil {
				t.Fatal(err)
			}
			if before.GetSubjects() != after.GetSubjects() || before.GetLedgerEntries() != after.GetLedgerEntries() {
				t.Errorf("subjects %d -> %d, entries %d -> %d; a refused enrolment must leave nothing",
					before.GetSubjects(), after.GetSubjects(), before.GetLedgerEntries(), after.GetLedgerEntries())
			}
		})
	}
}

func TestBadSearches(t *testing.T) {
	f := start(t)
	f.enroll("known", face(1, 0))
	other := face(1, 1)
	other.Model = "another/2"
	image := &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FACE, Format: immisv1.Format_FORMAT_PNG, Data: picture(t, 1000)}
	for _, c := range []struct {
		name   string
		in     *immisv1.IdentifyRequest
		code   codes.Code
		reason string
	}{
		{"no probe", &immisv1.IdentifyRequest{}, codes.InvalidArgument, "EXACTLY_ONE_OF"},
		{"no samples", &immisv1.IdentifyRequest{Probe: &immisv1.IdentifyRequest_Samples{Samples: probe()}}, codes.InvalidArgument, "REQUIRED"},
		{"101 candidates", &immisv1.IdentifyRequest{MaxCandidates: 101, Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(1, 1))}}, codes.InvalidArgument, "OUT_OF_RANGE"},
		{"unknown mode", &immisv1.IdentifyRequest{Mode: 7, Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(1, 1))}}, codes.InvalidArgument, "UNKNOWN_VALUE"},
		{"unknown subject", &immisv1.IdentifyRequest{Probe: &immisv1.IdentifyRequest_SubjectId{SubjectId: "none"}}, codes.NotFound, "NOT_FOUND"},
		{"unknown gallery", &immisv1.IdentifyRequest{Galleries: []string{"none"}, Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(1, 1))}}, codes.NotFound, "NOT_FOUND"},
		{"unknown modality", narrowed(&immisv1.SearchFilter{Modalities: []immisv1.Modality{9}}), codes.InvalidArgument, "UNKNOWN_VALUE"},
		{"a modality twice", narrowed(&immisv1.SearchFilter{Modalities: []immisv1.Modality{1, 1}}), codes.InvalidArgument, "MODALITY_MISMATCH"},
		{"a modality that the probe has not got", narrowed(&immisv1.SearchFilter{Modalities: []immisv1.Modality{2}}), codes.FailedPrecondition, "NOTHING_SEARCHABLE"},
		{"quality of 101", narrowed(&immisv1.SearchFilter{MinQuality: 101}), codes.InvalidArgument, "OUT_OF_RANGE"},
		{"quality of 256", narrowed(&immisv1.SearchFilter{MinQuality: 256}), codes.InvalidArgument, "OUT_OF_RANGE"},
		{"unknown sex", narrowed(&immisv1.SearchFilter{Sex: 4}), codes.InvalidArgument, "UNKNOWN_VALUE"},
		{"no code of a nationality", narrowed(&immisv1.SearchFilter{Nationalities: []string{"Ukraine"}}), codes.InvalidArgument, "OUT_OF_RANGE"},
		{"nine nationalities", narrowed(&immisv1.SearchFilter{Nationalities: make([]string, 9)}), codes.InvalidArgument, "TOO_MANY"},
		{"born in no year", narrowed(&immisv1.SearchFilter{BirthYearFrom: 1 << 31}), codes.InvalidArgument, "OUT_OF_RANGE"},
		{"born after it and before", narrowed(&immisv1.SearchFilter{BirthYearFrom: 1990, BirthYearTo: 1980}), codes.InvalidArgument, "OUT_OF_RANGE"},
		{"only an image", &immisv1.IdentifyRequest{Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(image)}}, codes.FailedPrecondition, "NOTHING_SEARCHABLE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.Context = rc()
			_, err := f.rec.Identify(f.ctx(), c.in)
			must(t, err, c.code, c.reason)
		})
	}
	// Who hides lies about these; a filter that leaves nobody is an answer otherwise.
	for _, purpose := range []immisv1.Purpose{immisv1.Purpose_PURPOSE_DEDUPLICATION, immisv1.Purpose_PURPOSE_WATCHLIST} {
		in := narrowed(&immisv1.SearchFilter{Nationalities: []string{"UKR"}})
		in.Context = &immisv1.RequestContext{Purpose: purpose}
		_, err := f.rec.Identify(f.ctx(), in)
		must(t, err, codes.InvalidArgument, "FILTER_NOT_FOR_PURPOSE")
		if r := refusalOf(err); r.got == "" || r.want == "" {
			t.Errorf("%s: %+v, want got and want", purpose, r)
		}
	}
	in := narrowed(&immisv1.SearchFilter{MinQuality: 100})
	in.Context = rc()
	low := face(2, 0)
	low.Quality = proto.Uint32(99)
	f.enroll("low", low)
	if r, err := f.rec.Identify(f.ctx(), in); err != nil || len(r.GetCandidates()) != 1 || r.GetSubjectsSearched() != 1 || r.GetRowsExcluded() != 1 {
		t.Errorf("search for quality 100: %v, %v, want one subject, of unknown quality, and one row excluded", r, err)
	}
	// Two models are never compared, and "nobody" would be a wrong answer.
	_, err := f.rec.Identify(f.ctx(), &immisv1.IdentifyRequest{Context: rc(), Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(other)}})
	if r := refusalOf(err); r.code != codes.FailedPrecondition || r.reason == "" || r.got == "" || r.want == "" {
		t.Errorf("search with another model: %+v (%v), want FAILED_PRECONDITION with got and want", r, err)
	}
	for name, claim := range map[string]*immisv1.VerifyRequest{
		"subject": {Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: "known"}},
		"samples": {Claim: &immisv1.VerifyRequest_Samples{Samples: probe(face(1, 2))}},
	} {
		claim.Context, claim.Probe = rc(), probe(other)
		_, err := f.rec.Verify(f.ctx(), claim)
		if r := refusalOf(err); r.code != codes.FailedPrecondition || r.reason != "NOTHING_COMPARABLE" {
			t.Errorf("verify another model against %s: %v %q (%v), want FAILED_PRECONDITION NOTHING_COMPARABLE", name, r.code, r.reason, err)
		}
	}
	_, err = f.rec.Verify(f.ctx(), &immisv1.VerifyRequest{Context: rc(), Probe: probe(face(1, 1))})
	must(t, err, codes.InvalidArgument, "EXACTLY_ONE_OF")
	_, err = f.admin.CreateCheckpoint(f.ctx(), &immisv1.CreateCheckpointRequest{Context: rc(), Name: "../x"})
	must(t, err, codes.InvalidArgument, "BAD_IDENTIFIER")
	_, err = f.admin.CreateCheckpoint(f.ctx(), &immisv1.CreateCheckpointRequest{Context: rc(), Name: "..."})
	must(t, err, codes.InvalidArgument, "BAD_IDENTIFIER")
	_, err = f.enr.ListSubjects(f.ctx(), &immisv1.ListSubjectsRequest{Context: rc(), PageSize: 1001})
	must(t, err, codes.InvalidArgument, "OUT_OF_RANGE")
}

// narrowed is a search with a filter.
func narrowed(f *immisv1.SearchFilter) *immisv1.IdentifyRequest {
	return &immisv1.IdentifyRequest{Filter: f, Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(1, 1))}}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (rawCodec) Unmarshal(d mem.BufferSlice, v any) error {
	*(v.(*[]byte)) = d.Materialize()
	return nil
}

func TestMessagesThatDoNotDecode(t *testing.T) {
	f := start(t)
	for name, raw := range map[string][]byte{
		"invalid UTF-8": append([]byte{0x1a, 2}, 0xff, 0xfe), // field 3, subject_id
		"cut":           {0x1a, 200, 1, 'x'},
		"bad tag":       {0x07},
	} {
		for _, method := range []string{immisv1.EnrollmentService_Enroll_FullMethodName, immisv1.RecognitionService_Verify_FullMethodName} {
			if method == immisv1.RecognitionService_Verify_FullMethodName && name == "invalid UTF-8" {
				raw = append([]byte{0x1a, 2}, 0xff, 0xfe)
			}
			var out []byte
			err := f.conn.Invoke(f.ctx(), method, raw, &out, grpc.ForceCodecV2(rawCodec{}))
			if r := must(t, err, codes.InvalidArgument, "MALFORMED_MESSAGE"); r.field != "message" {
				t.Errorf("%s to %s: field %q, want message", name, method, r.field)
			}
		}
	}
	// The same on both kinds of streams.
	for _, c := range []struct {
		method string
		desc   grpc.StreamDesc
	}{
		{immisv1.EnrollmentService_WatchDuplicateChecks_FullMethodName, grpc.StreamDesc{ServerStreams: true}},
		{immisv1.RecognitionService_IdentifyStream_FullMethodName, grpc.StreamDesc{ServerStreams: true, ClientStreams: true}},
	} {
		stream, err := f.conn.NewStream(f.ctx(), &c.desc, c.method, grpc.ForceCodecV2(rawCodec{}))
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.SendMsg([]byte{0x0a, 2, 0xff, 0xfe}); err != nil {
			t.Fatal(err)
		}
		var out []byte
		must(t, stream.RecvMsg(&out), codes.InvalidArgument, "MALFORMED_MESSAGE")
	}
}

func TestDeadlines(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.DefaultDeadline, u.cfg.MaxDeadline = time.Nanosecond, time.Nanosecond })
	// Without a deadline of its own the request gets the default; a longer one is cut.
	_, err := f.enr.Enroll(context.Background(), enrollment("a", face(1, 0)))
	must(t, err, codes.DeadlineExceeded, "DEADLINE")
	_, err = f.enr.Enroll(f.ctx(), enrollment("a", face(1, 0)))
	must(t, err, codes.DeadlineExceeded, "DEADLINE")
}

func TestManyErrorsHaveOneForm(t *testing.T) {
	f := start(t)
	for i := range 3 {
		_, err := f.enr.GetSubject(f.ctx(), &immisv1.GetSubjectRequest{Context: rc(), SubjectId: fmt.Sprint("none-", i)})
		r := must(t, err, codes.NotFound, "NOT_FOUND")
		if r.got != "" || r.want != "" || strings.Contains(r.text, "none-") {
			t.Errorf("refusal %+v tells more than that", r)
		}
	}
}
