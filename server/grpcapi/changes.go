package grpcapi

import (
	"context"
	"errors"

	immisv1 "immis/api/immis/v1"
	"immis/engine"
)

// change is what requests that change something have in common.
type change interface {
	GetContext() *immisv1.RequestContext
	GetRequestId() string
}

// beginChange is begin for a change: it checks the request identifier and,
// where the message has them, subject and gallery.
func (s *Services) beginChange(ctx context.Context, in change, subject bool) (*backend, engine.Caller, error) {
	b, c, err := s.begin(ctx, in.GetContext())
	if err != nil {
		return nil, c, err
	}
	if err := text("request_id", in.GetRequestId(), 0, maxID); err != nil {
		return nil, c, err
	}
	if m, ok := in.(interface{ GetGalleryId() string }); ok {
		if err := token("gallery_id", m.GetGalleryId(), 1, maxToken, engine.ReasonIdentifier); err != nil {
			return nil, c, err
		}
	}
	if m, ok := in.(interface{ GetSubjectId() string }); ok && subject {
		if err := text("subject_id", m.GetSubjectId(), 1, maxID); err != nil {
			return nil, c, err
		}
	}
	return b, c, nil
}

// draining is a context that also ends, with ErrDraining, when the server shuts
// down: a stream has no natural end that a shutdown could wait for.
func (s *Services) draining(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if s.opt.Draining == nil {
		return ctx, cancel
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-s.opt.Draining:
			cancel(ErrDraining)
		case <-ctx.Done():
		case <-stop:
		}
	}()
	return ctx, func(cause error) {
		close(stop)
		<-done
		cancel(cause)
	}
}

// drainCause replaces the cancellation that a shutdown caused by its reason.
func drainCause(ctx context.Context, err error) error {
	if err != nil && errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), ErrDraining) {
		return ErrDraining
	}
	return err
}
