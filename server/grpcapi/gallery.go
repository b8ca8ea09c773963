package grpcapi

import (
	"context"

	immisv1 "immis/api/immis/v1"
)

type galleries struct {
	immisv1.UnimplementedGalleryServiceServer
	s *Services
}

func (h *galleries) CreateGallery(ctx context.Context, in *immisv1.CreateGalleryRequest) (*immisv1.CreateGalleryResponse, error) {
	b, c, err := h.s.beginChange(ctx, in, false)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	g, err := gallery("gallery", in.GetGallery())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	n, err := b.engine.CreateGallery(ctx, c, in.GetRequestId(), g)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.CreateGalleryResponse{LedgerEntry: n}, nil
}

func (h *galleries) ListGalleries(ctx context.Context, in *immisv1.ListGalleriesRequest) (*immisv1.ListGalleriesResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	gs, err := b.engine.ListGalleries(ctx, c)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	out := &immisv1.ListGalleriesResponse{}
	for _, g := range gs {
		out.Galleries = append(out.Galleries, protoGallery(g))
	}
	return out, nil
}

func (h *galleries) PutInGallery(ctx context.Context, in *immisv1.PutInGalleryRequest) (*immisv1.PutInGalleryResponse, error) {
	b, c, err := h.s.beginChange(ctx, in, true)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	n, err := b.engine.PutInGallery(ctx, c, in.GetRequestId(), in.GetGalleryId(), in.GetSubjectId())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.PutInGalleryResponse{LedgerEntry: n}, nil
}

func (h *galleries) TakeFromGallery(ctx context.Context, in *immisv1.TakeFromGalleryRequest) (*immisv1.TakeFromGalleryResponse, error) {
	b, c, err := h.s.beginChange(ctx, in, true)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	n, err := b.engine.TakeFromGallery(ctx, c, in.GetRequestId(), in.GetGalleryId(), in.GetSubjectId())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.TakeFromGalleryResponse{LedgerEntry: n}, nil
}
