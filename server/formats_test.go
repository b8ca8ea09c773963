package server

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
	"immis/templates"
	"immis/templates/ansinist"
	"immis/templates/cbeff"
	"immis/templates/imagerecord"
	"immis/templates/imaging"
	"immis/templates/imaging/wsq"
)

// This file has what the tests of formats share: the two ways into the server, and
// pictures, records and containers, all made up.

// door is one of the two ways into a server. What is asserted of one holds for the other.
type door struct {
	f    *fixture
	json bool
}

func doors(f *fixture) []door { return []door{{f, false}, {f, true}} }

func (d door) String() string {
	if d.json {
		return "json"
	}
	return "grpc"
}

// denial is what a caller learns from a refusal; the zero value is none.
type denial struct {
	code                  codes.Code
	reason, field, offset string
}

// ask makes one request; path has what a GET says, the body the rest.
func (d door) ask(full, method, path string, in, out proto.Message) denial {
	d.f.t.Helper()
	if d.json {
		return d.overHTTP(method, path, in, out)
	}
	err := d.f.conn.Invoke(d.f.ctx(), full, in, out)
	n := denial{code: status.Code(err)}
	for _, x := range status.Convert(err).Details() {
		if why, ok := x.(*errdetails.ErrorInfo); ok {
			n.reason, n.field, n.offset = why.GetReason(), why.GetMetadata()["field"], why.GetMetadata()["offset"]
		}
	}
	return n
}

func (d door) overHTTP(method, path string, in, out proto.Message) denial {
	t := d.f.t
	t.Helper()
	var a httpAnswer
	if method == http.MethodGet {
		a = d.f.send(method, path, nil)
	} else {
		a = d.f.send(method, path, asJSON(t, in))
	}
	if a.status == http.StatusOK {
		if err := protojson.Unmarshal(a.body, out); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		return denial{}
	}
	p := a.problem(t)
	n := denial{code: codes.Unknown, reason: p.Reason, field: p.Field}
	for code, want := range map[codes.Code]int{codes.InvalidArgument: 400, codes.NotFound: 404, codes.FailedPrecondition: 409, codes.Aborted: 409} {
		if strings.EqualFold(strings.ReplaceAll(p.Code, "_", ""), code.String()) {
			if n.code = code; a.status != want {
				t.Errorf("%s %s: %s has status %d, want %d", method, path, p.Code, a.status, want)
			}
		}
	}
	if p.Offset != nil {
		n.offset = strconv.Itoa(*p.Offset)
	}
	return n
}

func (d door) enroll(in *immisv1.EnrollRequest) (*immisv1.EnrollResponse, denial) {
	d.f.t.Helper()
	out := &immisv1.EnrollResponse{}
	return out, d.ask(immisv1.EnrollmentService_Enroll_FullMethodName, http.MethodPost, "/v1/subjects", in, out)
}

// get shows a subject with its samples.
func (d door) get(subject string) (*immisv1.GetSubjectResponse, denial) {
	d.f.t.Helper()
	in := &immisv1.GetSubjectRequest{Context: rc(), SubjectId: subject, IncludeSamples: true}
	out := &immisv1.GetSubjectResponse{}
	return out, d.ask(immisv1.EnrollmentService_GetSubject_FullMethodName, http.MethodGet, "/v1/subjects/"+url.PathEscape(subject)+"?include_samples=true&"+why, in, out)
}

func (d door) identify(samples ...*immisv1.Sample) (*immisv1.IdentifyResponse, denial) {
	d.f.t.Helper()
	in := &immisv1.IdentifyRequest{Context: rc(), Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(samples...)}}
	out := &immisv1.IdentifyResponse{}
	return out, d.ask(immisv1.RecognitionService_Identify_FullMethodName, http.MethodPost, "/v1/identify", in, out)
}

func (d door) verify(in *immisv1.VerifyRequest) (*immisv1.VerifyResponse, denial) {
	d.f.t.Helper()
	in.Context = rc()
	out := &immisv1.VerifyResponse{}
	return out, d.ask(immisv1.RecognitionService_Verify_FullMethodName, http.MethodPost, "/v1/verify", in, out)
}

// must gives the bytes of an encoder that may not fail.
func mustBytes(t testing.TB) func([]byte, error) []byte {
	return func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// ridges is a made-up print of 96 x 80 pixels.
func ridges(ppi float64) *imaging.Image {
	m := &imaging.Image{Width: 96, Height: 80, PPI: ppi}
	for y := range m.Height {
		for x := range m.Width {
			m.Pix = append(m.Pix, uint8(128+100*math.Sin(float64(x)*0.7+float64(y)*0.2)))
		}
	}
	return m
}

// gray is ridges for the encoders of other libraries.
func gray() *image.Gray {
	m := ridges(0)
	return &image.Gray{Pix: m.Pix, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}
}

func pngOf(t testing.TB, ppi float64) []byte {
	t.Helper()
	return mustBytes(t)(imaging.EncodePNG(ridges(ppi)))
}

func wsqOf(t testing.TB, ppi int) []byte {
	t.Helper()
	return mustBytes(t)(wsq.Encode(gray(), wsq.Options{BitRate: 2.25, PPI: ppi}))
}

// jpegOf is a JPEG that states a resolution; 0: none.
func jpegOf(t testing.TB, ppi byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, gray(), nil); err != nil {
		t.Fatal(err)
	}
	if ppi == 0 {
		return b.Bytes()
	}
	return slices.Insert(b.Bytes(), 2, append([]byte("\xff\xe0\x00\x10JFIF\x00\x01\x02\x01\x00"), ppi, 0, ppi, 0, 0)...)
}

// bmpAndTIFF are pictures whose encoders state 72 ppi or nothing.
func bmpAndTIFF(t testing.TB) (b, tif []byte) {
	t.Helper()
	var x, y bytes.Buffer
	if err := errors.Join(bmp.Encode(&x, gray()), tiff.Encode(&y, gray(), nil)); err != nil {
		t.Fatal(err)
	}
	return x.Bytes(), y.Bytes()
}

// imageRecord is a record of one right index finger at 500 ppi, or of one face.
func imageRecord(t testing.TB, f templates.Format) []byte {
	t.Helper()
	m := ridges(500)
	v := imagerecord.View{Modality: templates.ModalityFinger, Position: templates.RightIndex, Width: m.Width, Height: m.Height, BitDepth: 8, PPIX: 500, PPIY: 500}
	if f.Modality() == templates.ModalityFace {
		v = imagerecord.View{Modality: templates.ModalityFace, Format: templates.FormatJPEG, Payload: jpegOf(t, 0), Width: m.Width, Height: m.Height}
	}
	var r interface{ Encode() ([]byte, error) }
	var err error
	switch f {
	case templates.FormatISO19794_4_2005: // pixels without compression
		v.Payload = m.Pix
		r, err = imagerecord.NewFinger2005([]imagerecord.View{v})
	case templates.FormatISO19794_4_2011:
		v.Format, v.Payload = templates.FormatWSQ, wsqOf(t, 500)
		r, err = imagerecord.NewFinger2011([]imagerecord.View{v})
	case templates.FormatISO19794_5_2005:
		r, err = imagerecord.NewFace2005([]imagerecord.View{v})
	default:
		r, err = imagerecord.NewFace2011([]imagerecord.View{v})
	}
	if err != nil {
		t.Fatal(err)
	}
	return mustBytes(t)(r.Encode())
}

// unmeasured is a block of a document whose quality nobody measured.
func unmeasured(m templates.Modality, p templates.Position, f templates.Format, data []byte) cbeff.Sample {
	return cbeff.Sample{Modality: m, Position: p, Format: f, Data: data, Quality: templates.Quality{Value: templates.QualityUnknown}}
}

func cbeffOf(t testing.TB, blocks ...cbeff.Sample) []byte {
	t.Helper()
	doc, err := cbeff.New(blocks)
	if err != nil {
		t.Fatal(err)
	}
	return mustBytes(t)(doc.Encode())
}

// recordOf is a tagged record of a transaction: fields as "NUMBER:VALUE".
func recordOf(recordType, idc int, image []byte, fields ...string) ansinist.Record {
	r := ansinist.NewRecord(recordType, idc)
	for _, f := range fields {
		n, value, _ := strings.Cut(f, ":")
		number, _ := strconv.Atoi(n)
		r.Set(number, value)
	}
	r.Image = image
	return r
}

func transactionOf(t testing.TB, records ...ansinist.Record) []byte {
	t.Helper()
	one := recordOf(1, 0, nil, "4:TST", "5:20260102", "7:DST", "8:ORI", "9:1", "11:19.69", "12:19.69")
	tr := ansinist.Transaction{Records: append([]ansinist.Record{one}, records...)}
	return mustBytes(t)(tr.Encode())
}

// type9 is a record of minutiae in the fields of INCITS 378, at 500 ppi; coordinates
// round to pixels, angles to 2 degrees.
func type9(idc int, f *templates.Finger) ansinist.Record {
	var rows [][]string
	for i, m := range f.Minutiae {
		row := []string{strconv.Itoa(i + 1)}
		for _, v := range []int{(int(m.X) + 8) / 16, (int(m.Y) + 8) / 16, (int(m.Angle)*180 + 1<<15) >> 16 % 180, int(m.Type), 0} {
			row = append(row, strconv.Itoa(v))
		}
		rows = append(rows, row)
	}
	return recordOf(9, idc, nil, "4:S", "128:"+strconv.Itoa(int(f.Width)), "129:"+strconv.Itoa(int(f.Height)), "130:1", "131:500", "132:500",
		"134:"+strconv.Itoa(int(f.Position)), "136:"+strconv.Itoa(len(rows)), "137:"+ansinist.Join(rows...))
}

// sampleOf is a sample as a station sends it.
func sampleOf(m immisv1.Modality, p immisv1.Position, f immisv1.Format, data []byte) *immisv1.Sample {
	return &immisv1.Sample{Modality: m, Position: p, Format: f, Data: data}
}

// container is a document as a station sends it.
func container(f immisv1.Format, data []byte) *immisv1.Sample {
	return &immisv1.Sample{Format: f, Data: data}
}
