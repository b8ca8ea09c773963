package server

import (
	"context"
	"log/slog"
	"time"

	"immis/engine"
	"immis/server/grpcapi"
	"immis/store"
)

// epochs ends key epochs by the clock: at its end, people erased during it
// become unreadable for good, in backups too. A restart must not put that off,
// so the time of the last epoch is read from the ledger.
type epochs struct {
	engine *engine.Engine
	store  *store.Store
	every  time.Duration
	now    func() time.Time
	log    *slog.Logger
}

// retryEpoch is the wait after an epoch that did not end, e.g. because the copy
// of the key table could not be written.
const retryEpoch = 5 * time.Minute

// lookBack bounds the entries read in search of the last epoch. A ledger that
// wrote more since then is due anyway.
const lookBack = 1_000_000

func (e *epochs) run(ctx context.Context) error {
	if e.every < 0 {
		<-ctx.Done()
		return nil
	}
	last, err := e.last(ctx)
	if err != nil {
		return err
	}
	next := last.Add(e.every)
	for {
		t := time.NewTimer(max(0, next.Sub(e.now())))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
		next = e.now().Add(e.every)
		epoch, entry, err := e.engine.EndKeyEpoch(ctx, engine.Caller{Principal: grpcapi.SystemPrincipal, Purpose: engine.PurposeAdministration})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			e.log.Error("key epoch did not end, will try again", "error", err, "in", retryEpoch)
			next = e.now().Add(min(retryEpoch, e.every))
		default:
			e.log.Info("key epoch has ended", "epoch", epoch, "entry", entry)
		}
	}
}

// last is when the present epoch began: the time of the newest entry that ended
// one or created the ledger; the zero time when there is none among lookBack.
func (e *epochs) last(ctx context.Context) (time.Time, error) {
	const chunk = 1000
	end := e.store.Head().Size
	stop := end - min(end, lookBack)
	for end > stop {
		from := end - min(end-stop, chunk)
		entries, err := e.store.Entries(ctx, from, int(end-from))
		if err != nil {
			return time.Time{}, err
		}
		for i := len(entries) - 1; i >= 0; i-- {
			switch entries[i].Kind {
			case store.KindEpoch, store.KindCreated:
				return entries[i].Time, nil
			}
			if e.now().Sub(entries[i].Time) > e.every {
				return time.Time{}, nil
			}
		}
		end = from
	}
	return time.Time{}, nil
}
