package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
)

// DesksConfig of RunDesks. The zero value of a field means its default.
type DesksConfig struct {
	// Binary, Dir, Env, Seed and Logf are as in Config.
	Binary, Dir string
	Env         []string
	Seed        uint64
	Logf        func(format string, args ...any)
	// Pairs is how many people are enrolled at two desks with a kill between the
	// two commits of at least one of the enrolments; default 20.
	Pairs int
	// Batch is how many pairs are enrolled at once in one life; default 48.
	Batch int
	// MaxLives ends a run whose kills hit nothing; default 20 + Pairs.
	MaxLives int
}

func (c DesksConfig) withDefaults() (DesksConfig, error) {
	if c.Binary == "" || c.Dir == "" || c.Pairs < 0 || c.Batch < 0 || c.MaxLives < 0 {
		return c, errors.New("two desks: binary and folder are required, pairs and batch not negative")
	}
	fill(&c.Pairs, 20)
	fill(&c.Batch, 48)
	fill(&c.MaxLives, 20+c.Pairs)
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	return c, nil
}

// DesksReport is what a run of two desks did and found.
type DesksReport struct {
	// Lives is how often the process was killed.
	Lives int
	// Pairs were enrolled in all; CutPairs of them had an enrolment whose result was
	// not committed when the kill came; CutCalls is how many answers a kill took.
	Pairs, CutPairs, CutCalls int
	// FoundOnce and FoundTwice count pairs by how many of the two found the other.
	FoundOnce, FoundTwice int
	Violations            []string
	Took                  time.Duration
}

// String is the summary line.
func (r *DesksReport) String() string {
	return fmt.Sprintf("two desks: %d pairs in %d lives, %d with kill -9 between the two commits, %d answers cut; found by both %d, by one %d; %d violations, %.1f s",
		r.Pairs, r.Lives, r.CutPairs, r.CutCalls, r.FoundTwice, r.FoundOnce, len(r.Violations), r.Took.Seconds())
}

// pair is one person at two desks.
type pair struct {
	person int
	desks  [2]*immisv1.EnrollRequest
	answer [2]*immisv1.EnrollResponse
}

// desks is a run of two desks.
type desks struct {
	DesksConfig
	people *people
	rng    *rand.Rand
	next   int
	mu     sync.Mutex
	r      DesksReport
	// window is how long a batch took to be enrolled and checked: kills aim inside.
	window time.Duration
	// size is how many entries the ledger had after the last kill.
	size uint64
}

// RunDesks enrolls each person at two desks at the same time, kills the process
// at a random moment, starts it again, lets the desks repeat what was cut, and
// waits for the duplicate checks. At least one of the two must then name the
// other, each must have exactly one result, and nothing may be pending.
func RunDesks(ctx context.Context, c DesksConfig) (DesksReport, error) {
	c, err := c.withDefaults()
	if err != nil {
		return DesksReport{}, err
	}
	p, err := newPeople(c.Seed)
	if err != nil {
		return DesksReport{}, err
	}
	begun := time.Now()
	d := &desks{DesksConfig: c, people: p, rng: rand.New(rand.NewPCG(c.Seed, 0x6465736b)), window: 400 * time.Millisecond}
	var batch []*pair
	for d.r.CutPairs < c.Pairs && len(d.r.Violations) == 0 && d.r.Lives < c.MaxLives {
		if batch, err = d.life(ctx, batch); err != nil {
			return d.r, fmt.Errorf("two desks: life %d: %w", d.r.Lives, err)
		}
	}
	d.r.Took = time.Since(begun)
	if d.r.CutPairs < c.Pairs && len(d.r.Violations) == 0 {
		return d.r, fmt.Errorf("two desks: %d kills hit %d pairs, want %d", d.r.Lives, d.r.CutPairs, c.Pairs)
	}
	return d.r, nil
}

func (d *desks) violate(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.r.Violations) < maxFindings {
		d.r.Violations = append(d.r.Violations, fmt.Sprintf(format, args...))
	}
}

func (d *desks) newPair() (*pair, error) {
	p := &pair{person: d.next}
	d.next++
	for i := range p.desks {
		id := fmt.Sprintf("d-%d-%d", p.person, i)
		e, err := d.people.encounter("e-"+id, p.person, i, nil)
		if err != nil {
			return nil, err
		}
		p.desks[i] = &immisv1.EnrollRequest{Context: purpose(), RequestId: "r-" + id, SubjectId: id, Encounter: e, CheckDuplicates: true}
	}
	return p, nil
}

// life settles the batch that the last kill hit, then enrolls a new one and kills.
func (d *desks) life(ctx context.Context, before []*pair) ([]*pair, error) {
	p, err := launch(d.Binary, d.Dir, d.Env)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	if err := p.await(ctx); err != nil {
		if errors.Is(err, errRefused) {
			d.violate("%v", err)
			return nil, nil
		}
		return nil, err
	}
	c := newAPI(p.conn)
	if err := d.settle(ctx, c, before); err != nil {
		if errors.Is(err, errCut) {
			d.violate("server went away: %s", p.tail())
			return nil, nil
		}
		return nil, err
	}
	if err := p.saveHead(ctx, d.Binary, d.headFile()); err != nil {
		return nil, err
	}
	batch := make([]*pair, d.Batch)
	for i := range batch {
		if batch[i], err = d.newPair(); err != nil {
			return nil, err
		}
	}
	var wg sync.WaitGroup
	begun := time.Now()
	for _, p := range batch {
		for desk := range p.desks {
			wg.Go(func() { d.enroll(ctx, c, p, desk) })
		}
	}
	time.Sleep(time.Duration(d.rng.Int64N(int64(d.window))))
	p.kill()
	wg.Wait()
	d.r.Lives++
	d.Logf("life %d: killed after %v, %d pairs cut so far", d.r.Lives, time.Since(begun).Round(time.Millisecond), d.r.CutPairs)
	// Offline, so that no result of the next life is among the entries.
	if d.size, err = verifyHead(ctx, d.Binary, d.Dir, d.headFile()); err != nil {
		d.violate("%v", err)
	}
	return batch, ctx.Err()
}

func (d *desks) headFile() string { return filepath.Join(d.Dir, "head") }

func (d *desks) enroll(ctx context.Context, c *api, p *pair, desk int) {
	out, err := call(ctx, c.enrollment.Enroll, p.desks[desk])
	switch {
	case errors.Is(err, errCut):
		d.mu.Lock()
		d.r.CutCalls++
		d.mu.Unlock()
	case err != nil:
		d.violate("enroll %s: %s", p.desks[desk].GetSubjectId(), short(err.Error()))
	case p.answer[desk] != nil && !proto.Equal(p.answer[desk], out):
		d.violate("enroll %s again: answer %v, want %v", p.desks[desk].GetSubjectId(), out, p.answer[desk])
	default:
		p.answer[desk] = out
	}
}

// settle repeats every request of the batch, waits until nothing is pending and
// looks at each pair.
func (d *desks) settle(ctx context.Context, c *api, batch []*pair) error {
	begun := time.Now()
	var wg sync.WaitGroup
	for _, p := range batch {
		for desk := range p.desks {
			wg.Go(func() { d.enroll(ctx, c, p, desk) })
		}
	}
	wg.Wait()
	if err := d.wait(ctx, c); err != nil {
		return err
	}
	if len(batch) > 0 {
		// The next kill comes within the time that enrolment and checks take.
		d.window = max(50*time.Millisecond, min(2*time.Since(begun), 3*time.Second))
	}
	for _, p := range batch {
		if err := d.judge(ctx, c, p); err != nil {
			return err
		}
	}
	return nil
}

func (d *desks) wait(ctx context.Context, c *api) error {
	late := time.Now().Add(checksTimeout)
	for {
		st, err := call(ctx, c.admin.GetStatistics, &immisv1.GetStatisticsRequest{Context: purpose()})
		if err != nil {
			return err
		}
		if st.GetPendingDuplicateChecks() == 0 {
			return nil
		}
		if time.Now().After(late) {
			d.violate("%d duplicate checks are still pending after %v", st.GetPendingDuplicateChecks(), checksTimeout)
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// judge looks at the results of one pair.
func (d *desks) judge(ctx context.Context, c *api, p *pair) error {
	finds, cut := 0, false
	for i, r := range p.desks {
		if p.answer[i] == nil {
			d.violate("enroll %s: no answer after the restart", r.GetSubjectId())
			return nil
		}
		out, err := call(ctx, c.enrollment.GetDuplicateCheck, &immisv1.GetDuplicateCheckRequest{Context: purpose(), SubjectId: r.GetSubjectId(), EncounterId: r.GetEncounter().GetEncounterId()})
		if err != nil {
			return err
		}
		check, twin := out.GetCheck(), p.desks[1-i].GetSubjectId()
		if check.GetState() < immisv1.DuplicateState_DUPLICATE_STATE_NEW {
			d.violate("duplicate check of %s is %v", r.GetSubjectId(), check.GetState())
		}
		if check.GetState() != immisv1.DuplicateState_DUPLICATE_STATE_NEW && slices.Contains(check.GetSubjectIds(), twin) {
			finds++
		}
		entries, err := call(ctx, c.ledger.ListEntries, &immisv1.ListEntriesRequest{Context: purpose(), SubjectId: r.GetSubjectId(), PageSize: 1000})
		if err != nil {
			return err
		}
		enrolled, results := 0, 0
		first, second := false, false // commits before the kill
		for _, e := range entries.GetEntries() {
			switch e.GetKind() {
			case string(enroll):
				enrolled++
				first = e.GetNumber() < d.size
			case "duplicate-result":
				results++
				second = e.GetNumber() < d.size
			}
		}
		cut = cut || first && !second
		if enrolled != 1 || results != 1 {
			d.violate("ledger about %s: %d enrolments and %d results, want one of each", r.GetSubjectId(), enrolled, results)
		}
	}
	d.r.Pairs++
	if cut {
		d.r.CutPairs++
	}
	switch finds {
	case 0:
		d.violate("person %d: neither %s nor %s found the other", p.person, p.desks[0].GetSubjectId(), p.desks[1].GetSubjectId())
	case 1:
		d.r.FoundOnce++
	case 2:
		d.r.FoundTwice++
	}
	return nil
}
