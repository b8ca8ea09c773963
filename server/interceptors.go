package server

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"immis/server/grpcapi"
)

// guard is what stands in front of every handler: a panic becomes INTERNAL, a
// message that did not decode INVALID_ARGUMENT, and no request is without a
// deadline.
type guard struct {
	services              *grpcapi.Services
	deadline, maxDeadline time.Duration
	maxStream             time.Duration
}

func (g *guard) unary(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (out any, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = nil, g.services.Recovered(ctx, v)
		}
	}()
	if err := grpcapi.Malformed(in); err != nil {
		return nil, g.services.Status(ctx, err)
	}
	limit := g.maxDeadline
	if _, has := ctx.Deadline(); !has {
		limit = g.deadline
	}
	// The earlier of the caller's deadline and the limit counts.
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return next(ctx, in)
}

func (g *guard) stream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	ctx, cancel := context.WithTimeout(ss.Context(), g.maxStream)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = g.services.Recovered(ctx, v)
		}
	}()
	return next(srv, &guardedStream{ServerStream: ss, ctx: ctx, services: g.services})
}

type guardedStream struct {
	grpc.ServerStream
	ctx      context.Context
	services *grpcapi.Services
}

func (s *guardedStream) Context() context.Context { return s.ctx }

func (s *guardedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if err := grpcapi.Malformed(m); err != nil {
		return s.services.Status(s.ctx, err)
	}
	return nil
}
