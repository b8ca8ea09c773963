package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	immisv1 "immis/api/immis/v1"
	"immis/server/grpcapi"
	"immis/store"
)

// The life of a person through every RPC.
func TestEveryMethod(t *testing.T) {
	f := start(t)
	ctx := f.ctx()
	if _, err := f.gal.CreateGallery(ctx, &immisv1.CreateGalleryRequest{Context: rc(), RequestId: "g", Gallery: &immisv1.Gallery{GalleryId: "asylum", Description: "seekers"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.gal.CreateGallery(ctx, &immisv1.CreateGalleryRequest{Context: rc(), Gallery: &immisv1.Gallery{GalleryId: "visa"}}); err != nil {
		t.Fatal(err)
	}

	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	quality, score := uint32(77), uint32(90)
	sample := face(1, 0)
	sample.Quality, sample.QualityAlgorithm, sample.CaptureDevice, sample.Extractor = &quality, "q/1", "camera 7", "x/2"
	sample.PresentationAttack = &immisv1.PresentationAttackResult{Outcome: immisv1.PresentationAttackResult_OUTCOME_BONA_FIDE, Score: &score, Algorithm: "pad/3"}
	sample.Captured = timestamppb.New(when.Add(-time.Minute))
	sent := &immisv1.Encounter{
		EncounterId: "E-1", Time: timestamppb.New(when), Station: "desk 4", Operator: "op 9", Galleries: []string{"asylum"},
		BiographicData: &immisv1.BiographicData{
			Names:     []*immisv1.PersonName{{Kind: immisv1.PersonName_KIND_CURRENT, Surname: "Шевченко", GivenNames: "Тарас", Patronymic: "Григорович"}},
			BirthDate: "1990-02-03", Sex: immisv1.Sex_SEX_MALE, Nationalities: []string{"UKR"}, BirthPlace: "Моринці",
		},
		Documents:      []*immisv1.Document{{Type: "passport", Number: "FA123456", Issuer: "UKR", ExpiryDate: "2030-01-31"}},
		Samples:        []*immisv1.Sample{sample},
		MissingFingers: []*immisv1.MissingFinger{{Position: immisv1.Position_POSITION_LEFT_LITTLE, Reason: immisv1.MissingFingerReason_MISSING_FINGER_REASON_AMPUTATED}},
		KeepImages:     true,
	}
	in := &immisv1.EnrollRequest{Context: rc(), RequestId: "r1", SubjectId: "S-1", Encounter: sent, CheckDuplicates: true}
	first, err := f.enr.Enroll(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	if first.GetSubjectId() != "S-1" || first.GetEncounterId() != "E-1" || len(first.GetSamples()) != 1 || !first.GetSamples()[0].GetSearchable() {
		t.Errorf("enrolled %v, want S-1, E-1 and one searchable sample", first)
	}
	again, err := f.enr.Enroll(ctx, in)
	if err != nil || !proto.Equal(first, again) {
		t.Errorf("repeated request: %v, %v; want the first answer %v", again, err, first)
	}
	in.Encounter.Station = "desk 5"
	_, err = f.enr.Enroll(ctx, in)
	must(t, err, codes.Aborted, "REQUEST_ID_REUSED")
	in.Encounter.Station = "desk 4"
	in.RequestId = ""
	_, err = f.enr.Enroll(ctx, in)
	must(t, err, codes.AlreadyExists, "ALREADY_EXISTS")

	got, err := f.enr.GetSubject(ctx, &immisv1.GetSubjectRequest{Context: rc(), SubjectId: "S-1", IncludeSamples: true})
	if err != nil {
		t.Fatal(err)
	}
	want := proto.Clone(sent).(*immisv1.Encounter)
	want.SubjectId, want.Purpose = "S-1", immisv1.Purpose_PURPOSE_TEST
	// Vectors are normalized on entry: the same direction, another length.
	want.Samples[0].Data = unit(want.GetSamples()[0].GetData())
	if len(got.GetEncounters()) != 1 || !proto.Equal(got.GetEncounters()[0], want) {
		t.Errorf("stored encounter\n%v\nwant\n%v", got.GetEncounters(), want)
	}

	added, err := f.enr.AddEncounter(ctx, &immisv1.AddEncounterRequest{Context: rc(), SubjectId: "S-1", Encounter: &immisv1.Encounter{Samples: []*immisv1.Sample{face(1, 1)}}})
	if err != nil {
		t.Fatal(err)
	}
	other := f.enroll("", face(2, 0))
	if other.GetSubjectId() == "" || other.GetEncounterId() == "" {
		t.Errorf("enrolled %v, want identifiers made by the server", other)
	}
	returning, err := f.enr.Enroll(ctx, &immisv1.EnrollRequest{Context: rc(), SubjectId: "S-3", Encounter: &immisv1.Encounter{Samples: []*immisv1.Sample{face(1, 2)}}, CheckDuplicates: true})
	if err != nil {
		t.Fatal(err)
	}

	watch, err := f.enr.WatchDuplicateChecks(ctx, &immisv1.WatchDuplicateChecksRequest{Context: rc(), Encounters: []*immisv1.EncounterRef{
		{SubjectId: "S-1", EncounterId: "E-1"}, {SubjectId: "S-3", EncounterId: returning.GetEncounterId()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]*immisv1.DuplicateCheck{}
	for {
		m, err := watch.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		states[m.GetCheck().GetSubjectId()] = m.GetCheck()
	}
	if s := states["S-1"].GetState(); s != immisv1.DuplicateState_DUPLICATE_STATE_NEW {
		t.Errorf("first enrolment is %v, want NEW", s)
	}
	if c := states["S-3"]; c.GetState() == immisv1.DuplicateState_DUPLICATE_STATE_NEW || len(c.GetSubjectIds()) != 1 || c.GetSubjectIds()[0] != "S-1" {
		t.Errorf("returning person is %v, want known as or under review with S-1", c)
	}
	check, err := f.enr.GetDuplicateCheck(ctx, &immisv1.GetDuplicateCheckRequest{Context: rc(), SubjectId: "S-1", EncounterId: "E-1"})
	if err != nil || check.GetCheck().GetState() != immisv1.DuplicateState_DUPLICATE_STATE_NEW {
		t.Errorf("duplicate check %v, %v; want NEW", check, err)
	}

	f.testRecognition(added.GetEncounterId())
	f.testGalleries()

	var ids []string
	token := ""
	for {
		page, err := f.enr.ListSubjects(ctx, &immisv1.ListSubjectsRequest{Context: rc(), PageSize: 2, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, page.GetSubjectIds()...)
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if len(ids) != 3 {
		t.Errorf("listed %v, want 3 subjects", ids)
	}

	if _, err := f.enr.DeleteEncounter(ctx, &immisv1.DeleteEncounterRequest{Context: rc(), SubjectId: "S-1", EncounterId: added.GetEncounterId()}); err != nil {
		t.Error(err)
	}
	if _, err := f.enr.DeleteSubject(ctx, &immisv1.DeleteSubjectRequest{Context: rc(), SubjectId: "S-3"}); err != nil {
		t.Error(err)
	}
	erased, err := f.enr.EraseSubject(ctx, &immisv1.EraseSubjectRequest{Context: rc(), SubjectId: "S-1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.enr.GetSubject(ctx, &immisv1.GetSubjectRequest{Context: rc(), SubjectId: "S-1"})
	must(t, err, codes.NotFound, "NOT_FOUND")
	epoch, err := f.admin.EndKeyEpoch(ctx, &immisv1.EndKeyEpochRequest{Context: rc()})
	if err != nil || epoch.GetKeyEpoch() != erased.GetKeyEpoch()+1 {
		t.Errorf("new key epoch %v, %v; want %d", epoch, err, erased.GetKeyEpoch()+1)
	}

	stats, err := f.admin.GetStatistics(ctx, &immisv1.GetStatisticsRequest{Context: rc()})
	if err != nil {
		t.Fatal(err)
	}
	if stats.GetSubjects() != 1 || stats.GetGalleries() != 2 || stats.GetVersion() != "test" || stats.GetKeyEpoch() != epoch.GetKeyEpoch() {
		t.Errorf("statistics %v, want 1 subject, 2 galleries, version test, epoch %d", stats, epoch.GetKeyEpoch())
	}
	if len(stats.GetModels()) != 1 || stats.GetModels()[0].GetModel() != model || stats.GetModels()[0].GetDimensions() != dims {
		t.Errorf("models %v, want %s of %d dimensions", stats.GetModels(), model, dims)
	}
	f.testLedger()
}

func (f *fixture) testRecognition(encounter string) {
	t, ctx := f.t, f.ctx()
	for name, in := range map[string]*immisv1.IdentifyRequest{
		"samples":   {Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(1, 9))}},
		"subject":   {Probe: &immisv1.IdentifyRequest_SubjectId{SubjectId: "S-3"}},
		"encounter": {Probe: &immisv1.IdentifyRequest_Encounter{Encounter: &immisv1.EncounterRef{SubjectId: "S-1", EncounterId: encounter}}},
	} {
		in.Context = rc()
		in.Mode = immisv1.SearchMode_SEARCH_MODE_FAST
		out, err := f.rec.Identify(ctx, in)
		if err != nil {
			t.Errorf("identify by %s: %v", name, err)
			continue
		}
		want := map[string]string{"samples": "S-1", "subject": "S-1", "encounter": "S-3"}[name]
		if len(out.GetCandidates()) == 0 || out.GetOutcome() != out.GetCandidates()[0].GetOutcome() {
			t.Errorf("identify by %s: %v, want candidates and the outcome of the best", name, out)
			continue
		}
		best := out.GetCandidates()[0].GetSubjectId()
		if best != want && (name != "samples" || best != "S-3") {
			t.Errorf("identify by %s: best is %s, want %s", name, best, want)
		}
	}
	limited, err := f.rec.Identify(ctx, &immisv1.IdentifyRequest{Context: rc(), MaxCandidates: 1, Galleries: []string{"asylum"}, Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(1, 9))}})
	if err != nil || len(limited.GetCandidates()) != 1 || limited.GetSubjectsSearched() != 1 {
		t.Errorf("identify in one gallery: %v, %v; want 1 candidate of 1 subject", limited, err)
	}
	same, err := f.rec.Verify(ctx, &immisv1.VerifyRequest{Context: rc(), Probe: probe(face(1, 5)), Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: "S-1"}})
	if err != nil || same.GetOutcome() == immisv1.Outcome_OUTCOME_NON_MATCH {
		t.Errorf("verify the same person: %v, %v; want a match or a referral", same, err)
	}
	other, err := f.rec.Verify(ctx, &immisv1.VerifyRequest{Context: rc(), Probe: probe(face(7, 5)), Claim: &immisv1.VerifyRequest_Encounter{Encounter: &immisv1.EncounterRef{SubjectId: "S-1", EncounterId: "E-1"}}})
	if err != nil || other.GetOutcome() != immisv1.Outcome_OUTCOME_NON_MATCH {
		t.Errorf("verify another person: %v, %v; want a non-match", other, err)
	}
	two, err := f.rec.Verify(ctx, &immisv1.VerifyRequest{Context: rc(), Probe: probe(face(8, 5)), Claim: &immisv1.VerifyRequest_Samples{Samples: probe(face(8, 6))}})
	if err != nil || two.GetOutcome() == immisv1.Outcome_OUTCOME_NON_MATCH {
		t.Errorf("verify two probes: %v, %v; want a match or a referral", two, err)
	}
}

func (f *fixture) testGalleries() {
	t, ctx := f.t, f.ctx()
	if _, err := f.gal.PutInGallery(ctx, &immisv1.PutInGalleryRequest{Context: rc(), GalleryId: "visa", SubjectId: "S-1"}); err != nil {
		t.Error(err)
	}
	if _, err := f.gal.TakeFromGallery(ctx, &immisv1.TakeFromGalleryRequest{Context: rc(), GalleryId: "asylum", SubjectId: "S-1"}); err != nil {
		t.Error(err)
	}
	list, err := f.gal.ListGalleries(ctx, &immisv1.ListGalleriesRequest{Context: rc()})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]uint64{}
	for _, g := range list.GetGalleries() {
		counts[g.GetGalleryId()] = g.GetSubjects()
	}
	if counts["visa"] != 1 || counts["asylum"] != 0 || len(counts) != 2 {
		t.Errorf("galleries %v, want visa 1, asylum 0", counts)
	}
}

// The ledger that the API gives is the one the head signs: the headers are
// hashed into the tree here, independently of the server.
func (f *fixture) testLedger() {
	t, ctx := f.t, f.ctx()
	if _, err := f.admin.CreateCheckpoint(ctx, &immisv1.CreateCheckpointRequest{Context: rc(), Name: "first"}); err != nil {
		t.Errorf("checkpoint: %v", err)
	}
	head, err := f.led.GetHead(ctx, &immisv1.GetHeadRequest{Context: rc()})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(head.GetVerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := store.OpenHead(head.GetNote(), verifier)
	if err != nil || signed.Size != head.GetSize() {
		t.Fatalf("head of %d entries says %d, %v", signed.Size, head.GetSize(), err)
	}
	hashes := map[int64]tlog.Hash{}
	kinds := map[string]int{}
	next := uint64(0)
	for n := int64(0); ; {
		page, err := f.led.ListEntries(ctx, &immisv1.ListEntriesRequest{Context: rc(), From: next, PageSize: 7})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.GetEntries() {
			kinds[e.GetKind()]++
			if e.GetNumber() != uint64(n) || len(e.GetBodyHash()) != sha256.Size || e.GetPrincipal() == "" {
				t.Errorf("entry %v, want number %d, a body hash and a principal", e, n)
			}
			stored, err := tlog.StoredHashes(n, e.GetHeader(), tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
				out := make([]tlog.Hash, len(at))
				for i, a := range at {
					out[i] = hashes[a]
				}
				return out, nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range stored {
				hashes[tlog.StoredHashIndex(0, n)+int64(i)] = h
			}
			n++
		}
		if next = page.GetNext(); next == 0 {
			break
		}
	}
	root, err := tlog.TreeHash(int64(head.GetSize()), tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, a := range at {
			out[i] = hashes[a]
		}
		return out, nil
	}))
	if err != nil || root != signed.Root {
		t.Errorf("root of the entries is %v, %v; the head signs %v", root, err, signed.Root)
	}
	for _, k := range []string{"enroll", "add-encounter", "identify", "verify", "get-subject", "erase", "delete-subject", "key-epoch", "checkpoint", "duplicate-result"} {
		if kinds[k] == 0 {
			t.Errorf("no entry of kind %s among %v", k, kinds)
		}
	}
	about, err := f.led.ListEntries(ctx, &immisv1.ListEntriesRequest{Context: rc(), SubjectId: "S-1"})
	if err != nil || len(about.GetEntries()) < 3 {
		t.Errorf("entries about an erased subject: %v, %v; want at least 3", about, err)
	}
}

func TestHealthAndReflection(t *testing.T) {
	f := start(t)
	h := healthpb.NewHealthClient(f.conn)
	for _, name := range append([]string{""}, grpcapi.ServiceNames()...) {
		r, err := h.Check(f.ctx(), &healthpb.HealthCheckRequest{Service: name})
		if err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("health of %q: %v, %v; want SERVING", name, r, err)
		}
	}
	if n := len(grpcapi.ServiceNames()); n != 5 {
		t.Errorf("%d services, want 5", n)
	}
	stream, err := reflectionpb.NewServerReflectionClient(f.conn).ServerReflectionInfo(f.ctx())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	r, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, s := range r.GetListServicesResponse().GetService() {
		got[s.GetName()] = true
	}
	for _, name := range grpcapi.ServiceNames() {
		if !got[name] {
			t.Errorf("reflection does not list %s", name)
		}
	}
}

func TestIdentifyStream(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.StreamConcurrency = 4 })
	const people = 20
	for i := range uint64(people) {
		f.enroll(fmt.Sprintf("S-%d", i), face(i, 0))
	}
	stream, err := f.rec.IdentifyStream(f.ctx())
	if err != nil {
		t.Fatal(err)
	}
	const requests = 100
	go func() {
		for i := range uint64(requests) {
			in := &immisv1.IdentifyRequest{Context: rc(), Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(i%people, 3))}}
			if i%10 == 9 {
				in.Context = nil // one request's fault must not end the others
			}
			if err := stream.Send(&immisv1.IdentifyStreamRequest{Tag: fmt.Sprint(i), Request: in}); err != nil {
				t.Errorf("send %d: %v", i, err)
				return
			}
		}
		if err := stream.CloseSend(); err != nil {
			t.Error(err)
		}
	}()
	seen := map[string]bool{}
	for {
		out, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if seen[out.GetTag()] {
			t.Errorf("tag %s answered twice", out.GetTag())
		}
		seen[out.GetTag()] = true
		var i uint64
		if _, err := fmt.Sscan(out.GetTag(), &i); err != nil {
			t.Fatalf("tag %q: %v", out.GetTag(), err)
		}
		if i%10 == 9 {
			if e := out.GetError(); codes.Code(e.GetCode()) != codes.InvalidArgument || e.GetReason() != "PURPOSE_REQUIRED" {
				t.Errorf("request %d: %v, want INVALID_ARGUMENT PURPOSE_REQUIRED", i, out)
			}
			continue
		}
		if c := out.GetResponse().GetCandidates(); len(c) == 0 || c[0].GetSubjectId() != fmt.Sprintf("S-%d", i%people) {
			t.Errorf("request %d: %v, want S-%d first", i, out, i%people)
		}
	}
	if len(seen) != requests {
		t.Errorf("%d answers, want %d", len(seen), requests)
	}
}

// A stream that is not read must not make the server queue answers or requests.
func TestIdentifyStreamHoldsTheSender(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.StreamConcurrency = 2 })
	f.enroll("S-1", face(1, 0))
	ctx, cancel := context.WithCancel(f.ctx())
	defer cancel()
	conn := f.dial(insecureCreds(), grpc.WithInitialWindowSize(64<<10), grpc.WithInitialConnWindowSize(64<<10))
	stream, err := immisv1.NewRecognitionServiceClient(conn).IdentifyStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	big := face(1, 1)
	sent := make(chan int, 1)
	go func() {
		n := 0
		defer func() { sent <- n }()
		for ; n < 200_000; n++ {
			if stream.Send(&immisv1.IdentifyStreamRequest{Tag: fmt.Sprint(n), Request: &immisv1.IdentifyRequest{
				Context: rc(), Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(big)},
			}}) != nil {
				return
			}
		}
	}()
	// Nobody receives: answers fill the client's window, the server stops reading, the
	// sender stops. Then, and not before, nothing moves for half a second.
	entries := func() uint64 {
		s, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()})
		if err != nil {
			t.Fatal(err)
		}
		return s.GetLedgerEntries()
	}
	held := false
	for end := time.Now().Add(30 * time.Second); !held && time.Now().Before(end); {
		before := entries()
		time.Sleep(slower * 500 * time.Millisecond)
		held = before == entries() && before > 10
	}
	if !held {
		t.Error("searches went on for 30 s although nobody read their answers")
	}
	cancel()
	if n := <-sent; n == 200_000 {
		t.Error("the sender was never held")
	}
}
