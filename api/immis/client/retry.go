package client

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	immisv1 "immis/api/immis/v1"
)

// Pauses between attempts: doubled each time, and spread by half around, so that
// many clients of one server do not come back at the same moment.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// caller is what stands in front of every request.
type caller struct {
	opt       Options
	waitUntil time.Time
}

func (c *caller) unary(ctx context.Context, method string, in, out any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if _, has := ctx.Deadline(); !has && c.opt.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.opt.Timeout)
		defer cancel()
	}
	in, id := c.complete(in)
	repeatable := harmless(method) || id != ""
	busy, waited := 0, 0
	for attempt := 1; ; attempt++ {
		e := typed(served(invoke(ctx, method, in, out, conn, options...), out))
		if e == nil {
			return nil
		}
		e.RequestID, e.Attempts = id, attempt
		pause := time.Duration(0)
		switch {
		case e.starting() && time.Now().Before(c.waitUntil):
			pause = spread(min(firstPause<<min(waited, 10), time.Second))
			waited++
		case e.passing() && busy < c.opt.Retries && (repeatable || e.Code == codes.ResourceExhausted):
			// RESOURCE_EXHAUSTED is a refusal: nothing was done.
			pause = spread(max(min(firstPause<<min(busy, 10), lastPause), min(e.RetryAfter, lastPause)))
			busy++
		default:
			return e
		}
		// Where the deadline leaves no time for another attempt, the reason of this one
		// says more than that.
		if end, has := ctx.Deadline(); has && time.Until(end) <= pause {
			return e
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return e
		case <-t.C:
		}
	}
}

// spread takes a pause between half and one and a half of d.
func spread(d time.Duration) time.Duration {
	return d/2 + mathrand.N(d+1)
}

// served turns the health answer of a server that is not ready into the error that
// its requests get.
func served(err error, out any) error {
	if h, ok := out.(*healthpb.HealthCheckResponse); ok && err == nil && h.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return notReady()
	}
	return err
}

func notReady() error {
	st := status.New(codes.Unavailable, "not ready: the server is starting or shutting down")
	if d, err := st.WithDetails(notReadyInfo()); err == nil {
		st = d
	}
	return st.Err()
}

// harmless are the methods that change nothing, so that a second time costs only
// another ledger entry. Changes are repeated under their request_id.
func harmless(method string) bool {
	switch method {
	case immisv1.EnrollmentService_GetSubject_FullMethodName, immisv1.EnrollmentService_ListSubjects_FullMethodName,
		immisv1.EnrollmentService_GetDuplicateCheck_FullMethodName, immisv1.GalleryService_ListGalleries_FullMethodName,
		immisv1.RecognitionService_Identify_FullMethodName, immisv1.RecognitionService_Verify_FullMethodName,
		immisv1.LedgerService_GetHead_FullMethodName, immisv1.LedgerService_ListEntries_FullMethodName,
		immisv1.AdminService_GetStatistics_FullMethodName, healthpb.Health_Check_FullMethodName:
		return true
	}
	return false
}

// complete gives a request the context and the request_id that it lacks, in a copy:
// the caller's message stays as it is. The samples are shared, not copied. It
// returns the request_id, "" for a message that has none.
func (c *caller) complete(in any) (any, string) {
	msg, ok := in.(proto.Message)
	if !ok {
		return in, ""
	}
	old := msg.ProtoReflect()
	fields := old.Descriptor().Fields()
	rc, id := fields.ByName("context"), fields.ByName("request_id")
	noContext := rc != nil && !old.Has(rc) && c.opt.Purpose != immisv1.Purpose_PURPOSE_UNSPECIFIED && rc.Message() != nil
	noID := id != nil && !old.Has(id)
	sent := ""
	if id != nil {
		sent = old.Get(id).String()
	}
	if !noContext && !noID {
		return in, sent
	}
	fresh := old.New()
	old.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		fresh.Set(f, v)
		return true
	})
	fresh.SetUnknown(old.GetUnknown())
	if noContext {
		fresh.Set(rc, protoreflect.ValueOfMessage((&immisv1.RequestContext{Purpose: c.opt.Purpose, CaseReference: c.opt.Case}).ProtoReflect()))
	}
	if noID {
		sent = rand.Text()
		fresh.Set(id, protoreflect.ValueOfString(sent))
	}
	return fresh.Interface(), sent
}

// stream completes what is sent and types the errors. Nothing is repeated: what
// was answered before a stream broke is known to its caller only.
func (c *caller) stream(ctx context.Context, d *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := open(ctx, d, conn, method, options...)
	if err != nil {
		return nil, typed(err)
	}
	return &typedStream{ClientStream: s, caller: c}, nil
}

type typedStream struct {
	grpc.ClientStream
	caller *caller
}

func (s *typedStream) SendMsg(m any) error {
	if tagged, ok := m.(*immisv1.IdentifyStreamRequest); ok && tagged.GetRequest() != nil {
		if inner, _ := s.caller.complete(tagged.GetRequest()); inner != any(tagged.GetRequest()) {
			m = &immisv1.IdentifyStreamRequest{Tag: tagged.GetTag(), Request: inner.(*immisv1.IdentifyRequest)}
		}
	} else {
		m, _ = s.caller.complete(m)
	}
	return ended(s.ClientStream.SendMsg(m))
}

func (s *typedStream) RecvMsg(m any) error { return ended(s.ClientStream.RecvMsg(m)) }
