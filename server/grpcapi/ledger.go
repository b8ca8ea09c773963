package grpcapi

import (
	"context"
	"errors"
	"path/filepath"

	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/templates"
)

// errNoCheckpoints: the server was started without a folder for checkpoints.
var errNoCheckpoints = errors.New("checkpoints over the API are off: start the server with a checkpoint folder")

type ledger struct {
	immisv1.UnimplementedLedgerServiceServer
	s *Services
}

func (h *ledger) GetHead(ctx context.Context, in *immisv1.GetHeadRequest) (*immisv1.GetHeadResponse, error) {
	b, _, err := h.s.begin(ctx, in.GetContext())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	head := b.ledger.Head()
	return &immisv1.GetHeadResponse{Note: head.Note, Size: head.Size, VerifierKey: b.ledger.VerifierKey()}, nil
}

func (h *ledger) ListEntries(ctx context.Context, in *immisv1.ListEntriesRequest) (*immisv1.ListEntriesResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	size := 0
	if err == nil {
		size, err = page("page_size", in.GetPageSize())
	}
	if err == nil {
		err = text("subject_id", in.GetSubjectId(), 0, maxID)
	}
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	entries, next, err := b.engine.LedgerEntries(ctx, c, in.GetFrom(), size, in.GetSubjectId())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	out := &immisv1.ListEntriesResponse{Next: next}
	for _, e := range entries {
		m, err := protoEntry(e)
		if err != nil {
			return nil, h.s.Status(ctx, err)
		}
		out.Entries = append(out.Entries, m)
	}
	return out, nil
}

type admin struct {
	immisv1.UnimplementedAdminServiceServer
	s *Services
}

func (h *admin) GetStatistics(ctx context.Context, in *immisv1.GetStatisticsRequest) (*immisv1.GetStatisticsResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	st, err := b.engine.Statistics(ctx, c)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	out := &immisv1.GetStatisticsResponse{
		Subjects: st.Subjects, Encounters: st.Encounters, Galleries: st.Galleries, LedgerEntries: st.LedgerEntries,
		PendingDuplicateChecks: st.PendingChecks, KeyEpoch: st.KeyEpoch, DiskBytes: st.DiskBytes,
		ReadySeconds: st.Ready.Seconds(), Version: h.s.opt.Version,
	}
	for _, m := range st.Models {
		out.Models = append(out.Models, &immisv1.ModelStatistics{
			Modality: protoModality(m.Modality), Model: m.Model, Dimensions: uint32(m.Dimensions), Rows: m.Rows, Bytes: m.Bytes,
		})
	}
	return out, nil
}

func (h *admin) EndKeyEpoch(ctx context.Context, in *immisv1.EndKeyEpochRequest) (*immisv1.EndKeyEpochResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	epoch, n, err := b.engine.EndKeyEpoch(ctx, c)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.EndKeyEpochResponse{KeyEpoch: epoch, LedgerEntry: n}, nil
}

func (h *admin) CreateCheckpoint(ctx context.Context, in *immisv1.CreateCheckpointRequest) (*immisv1.CreateCheckpointResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	if err == nil {
		err = checkpointName("name", in.GetName())
	}
	if err == nil && h.s.opt.CheckpointDir == "" {
		err = errNoCheckpoints
	}
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	size, n, err := b.engine.Checkpoint(ctx, c, filepath.Join(h.s.opt.CheckpointDir, in.GetName()))
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.CreateCheckpointResponse{Size: size, LedgerEntry: n}, nil
}

// checkpointName keeps a checkpoint inside its folder: no separators, no dots in front.
func checkpointName(field, s string) error {
	if err := token(field, s, 1, maxToken, engine.ReasonIdentifier); err != nil {
		return err
	}
	for i := range len(s) {
		if s[i] == '/' || s[i] == ':' || i == 0 && s[i] == '.' {
			return templates.Bad(engine.ReasonIdentifier, field, "with "+string(s[i])+" in it or a dot in front", "A-Z a-z 0-9 . _ -")
		}
	}
	return nil
}
