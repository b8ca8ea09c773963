package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	immisv1 "immis/api/immis/v1"
)

// attack is a run of kills on one data folder.
type attack struct {
	Config
	f      *findings
	people *people
	rng    *rand.Rand
	folder string
	world  *world
	// started is how long the last start took: kills at a start aim inside it.
	started time.Duration
}

// moment of a kill.
type moment uint8

const (
	underLoad moment = iota
	atStart
	inEpoch
)

func (a *attack) headFile() string { return filepath.Join(a.folder, "head") }

// run kills n times, then lets the server end well and looks at everything.
func (a *attack) run(ctx context.Context, n int) (done int, err error) {
	a.started = 200 * time.Millisecond
	for done = 0; done < n && !a.f.any(); done++ {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		if err := a.life(ctx, done); err != nil {
			return done, err
		}
	}
	if a.f.any() {
		return done, nil
	}
	return done, a.lastLife(ctx)
}

// life starts the server, compares it with the model, loads it and kills it.
func (a *attack) life(ctx context.Context, number int) error {
	when := underLoad
	switch d := a.rng.IntN(10); {
	case d < 2 || number == 0 && d < 5: // creations are rare otherwise
		when = atStart
	case d == 2:
		when = inEpoch
	}
	begun := time.Now()
	p, err := launch(a.Binary, a.folder, a.Env)
	if err != nil {
		return err
	}
	defer p.kill()
	if when == atStart {
		time.Sleep(time.Duration(a.rng.Int64N(int64(a.started) * 5 / 4)))
		if p.crashed() {
			a.f.add(other, "server ended by itself at its start: %s", p.tail())
			return nil
		}
		p.kill()
		a.f.r.KillsAtStart++
		a.Logf("killed %v after the start", time.Since(begun).Round(time.Millisecond))
		return nil
	}
	if !a.await(ctx, p) {
		return ctx.Err()
	}
	a.started = time.Since(begun)
	c := newAPI(p.conn)
	if err := a.check(ctx, c, false); err != nil || a.f.any() {
		return a.died(p, err)
	}
	checked := time.Now()
	if err := p.saveHead(ctx, a.Binary, a.headFile()); err != nil {
		return a.died(p, err)
	}
	if err := a.load(ctx, p, c, when); err != nil {
		return err
	}
	a.Logf("served after %v, looked for %v, killed after %v of load", a.started.Round(time.Millisecond),
		checked.Sub(begun.Add(a.started)).Round(time.Millisecond), time.Since(checked).Round(time.Millisecond))
	return a.audit(ctx)
}

// await notes as a violation that the server does not start on its own folder.
func (a *attack) await(ctx context.Context, p *process) bool {
	err := p.await(ctx)
	if err != nil && ctx.Err() == nil {
		a.f.add(other, "%v", err)
	}
	return err == nil
}

// died notes as a violation that the process went away without being killed.
func (a *attack) died(p *process, err error) error {
	if errors.Is(err, errCut) || p.crashed() {
		a.f.add(other, "server went away: %s", p.tail())
		return nil
	}
	return err
}

// load lets all callers work and kills the server meanwhile.
func (a *attack) load(ctx context.Context, p *process, c *api, when moment) error {
	var wg sync.WaitGroup
	for slot := range a.Callers {
		one := &caller{attack: a, api: c, slot: slot, rng: rand.New(rand.NewPCG(a.rng.Uint64(), uint64(slot)))}
		wg.Go(func() { one.work(ctx) })
	}
	time.Sleep(time.Duration(a.rng.Int64N(int64(a.Load))))
	if when == inEpoch {
		wg.Go(func() { _, _ = call(ctx, c.admin.EndKeyEpoch, &immisv1.EndKeyEpochRequest{Context: purpose()}) }) // cut
		time.Sleep(time.Duration(a.rng.Int64N(int64(60 * time.Millisecond))))
	}
	if p.crashed() {
		wg.Wait()
		a.f.add(other, "server went away under load: %s", p.tail())
		return nil
	}
	p.kill()
	wg.Wait()
	if when == inEpoch {
		a.f.r.KillsInEpoch++
	} else {
		a.f.r.KillsUnderLoad++
	}
	return ctx.Err()
}

// audit proves offline that what a head saved before covers is there.
func (a *attack) audit(ctx context.Context) error {
	if _, err := verifyHead(ctx, a.Binary, a.folder, a.headFile()); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.f.add(other, "%v", err)
		return nil
	}
	a.f.r.Audits++
	return nil
}

// lastLife looks at every subject, ends the server well and reads everything.
func (a *attack) lastLife(ctx context.Context) error {
	p, err := launch(a.Binary, a.folder, a.Env)
	if err != nil {
		return err
	}
	defer p.kill()
	if !a.await(ctx, p) {
		return ctx.Err()
	}
	if err := a.check(ctx, newAPI(p.conn), true); err != nil || a.f.any() {
		return a.died(p, err)
	}
	if err := p.saveHead(ctx, a.Binary, a.headFile()); err != nil {
		return a.died(p, err)
	}
	if err := p.stop(); err != nil {
		a.f.add(other, "%v", err)
		return nil
	}
	if err := checkStore(ctx, a.Binary, a.folder); err != nil {
		a.f.add(other, "%v", err)
	}
	if err := a.audit(ctx); err != nil || a.f.any() {
		return err
	}
	if err := os.RemoveAll(a.folder); err != nil {
		return fmt.Errorf("remove store: %w", err)
	}
	return nil
}
