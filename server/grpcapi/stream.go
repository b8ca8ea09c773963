package grpcapi

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
)

type identifyStream = grpc.BidiStreamingServer[immisv1.IdentifyStreamRequest, immisv1.IdentifyStreamResponse]

// IdentifyStream answers searches of one caller as they come. At most
// StreamConcurrency of them run at a time; while they do, at most one more is
// read, so that HTTP/2 flow control holds the sender and no queue grows here.
// Answers carry the tag of their request and come in any order. The error of
// one request ends only that request.
//
// Order of ending: reading stops (end of stream, a broken stream or a
// shutdown), what runs is answered, or canceled with the stream's context, and
// only then the method returns.
func (h *recognition) IdentifyStream(stream identifyStream) error {
	// The context of the searches ends with the stream and with this method.
	ctx, cancel := context.WithCancel(stream.Context())
	var running sync.WaitGroup
	defer cancel()
	defer running.Wait()

	var sending sync.Mutex
	slots := make(chan struct{}, h.s.opt.StreamConcurrency)
	received := receive(ctx, stream)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return h.s.Status(ctx, ctx.Err())
		}
		select {
		case r := <-received:
			if errors.Is(r.err, io.EOF) {
				return nil
			}
			if r.err != nil {
				return h.s.Status(ctx, r.err)
			}
			running.Add(1)
			go func() {
				defer running.Done()
				defer func() { <-slots }()
				out := h.s.identifyTagged(ctx, r.in)
				sending.Lock()
				defer sending.Unlock()
				// A stream that cannot be written is broken for its reader too, who ends it.
				_ = stream.Send(out)
			}()
		case <-ctx.Done():
			return h.s.Status(ctx, ctx.Err())
		case <-h.s.opt.Draining:
			return h.s.Status(ctx, ErrDraining)
		}
	}
}

type receivedRequest struct {
	in  *immisv1.IdentifyStreamRequest
	err error
}

// receive reads the stream until its first error. Recv cannot be interrupted by
// a shutdown, hence the goroutine: it ends when gRPC ends the stream, which it
// does as soon as the method has returned.
func receive(ctx context.Context, stream identifyStream) <-chan receivedRequest {
	out := make(chan receivedRequest)
	go func() {
		for {
			in, err := stream.Recv()
			select {
			case out <- receivedRequest{in, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return out
}

// identifyTagged answers one request of a stream. A panic costs that request
// only: it runs in a goroutine of its own, where no interceptor would catch it.
func (s *Services) identifyTagged(ctx context.Context, in *immisv1.IdentifyStreamRequest) (out *immisv1.IdentifyStreamResponse) {
	fail := func(err error) *immisv1.IdentifyStreamResponse {
		code, reason, message := reasonOf(s.Status(ctx, err))
		return &immisv1.IdentifyStreamResponse{Tag: in.GetTag(), Result: &immisv1.IdentifyStreamResponse_Error{
			Error: &immisv1.StreamError{Code: int32(code), Reason: reason, Message: message},
		}}
	}
	defer func() {
		if v := recover(); v != nil {
			out = fail(s.Recovered(ctx, v))
		}
	}()
	if err := text("tag", in.GetTag(), 0, maxID); err != nil {
		return fail(err)
	}
	release, err := s.opt.Admit()
	if err != nil {
		return fail(err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, s.opt.RequestTimeout)
	defer cancel()
	r, err := s.identify(ctx, in.GetRequest())
	if err != nil {
		return fail(err)
	}
	return &immisv1.IdentifyStreamResponse{Tag: in.GetTag(), Result: &immisv1.IdentifyStreamResponse_Response{Response: r}}
}
