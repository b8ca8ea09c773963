package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
)

type identifyCmd struct {
	client
	sampleFlags
	Subject       string   `placeholder:"ID" help:"Search with a stored subject instead of samples."`
	Encounter     string   `placeholder:"ID" help:"With --subject: search with this encounter only."`
	Gallery       []string `placeholder:"ID" help:"Only people of these galleries; default: everyone."`
	MaxCandidates uint32   `default:"10" help:"1-100 (default ${default})."`
	Fast          bool     `help:"Compare fingers only of those nearest by face."`

	Modality    []string `placeholder:"NAME" help:"Compare only the face or only the finger samples."`
	MinQuality  uint32   `placeholder:"N" help:"Leave out enrolled samples of a stated quality below this, 0-100."`
	Sex         string   `enum:",male,female,other" default:"" help:"Only people of this sex: male, female or other."`
	Nationality []string `placeholder:"CODE" help:"Only people of one of these nationalities, e.g. UKR."`
	BirthYears  string   `placeholder:"FROM-TO" help:"Only people born in these years, e.g. 1980-1985, 1980- or -1985."`
}

// Help implements kong.HelpProvider.
func (*identifyCmd) Help() string {
	return `Ends with 0 for a match, 4 for a non-match, 5 when a person has to look. No outcome is by itself a decision with legal effect.

Examples:
  immis identify --purpose border-control --face probe.f32 --model buffalo/1
  immis identify --purpose identification --sample right-index=a.fmr --sample left-index=b.ansi378
  immis identify --purpose deduplication --subject S-1 --json
  immis identify --purpose identification --face probe.f32 --model buffalo/1 --sex female --birth-years 1980-1985

People whose data is not known are never left out. --sex, --nationality and --birth-years are refused for the purposes deduplication and watchlist: who comes back under other data would be left out.

With --json the answer is the API's IdentifyResponse.`
}

// Run searches.
func (c *identifyCmd) Run(a *app) error {
	in := &immisv1.IdentifyRequest{Galleries: c.Gallery, MaxCandidates: c.MaxCandidates, Mode: immisv1.SearchMode_SEARCH_MODE_EXACT}
	if c.Fast {
		in.Mode = immisv1.SearchMode_SEARCH_MODE_FAST
	}
	var err error
	if in.Filter, err = c.filter(); err != nil {
		return err
	}
	switch {
	case c.Subject != "" && !c.empty():
		return usage("give --subject, or --face, --finger and --sample, not both")
	case c.Subject != "" && c.Encounter != "":
		in.Probe = &immisv1.IdentifyRequest_Encounter{Encounter: &immisv1.EncounterRef{SubjectId: c.Subject, EncounterId: c.Encounter}}
	case c.Subject != "":
		in.Probe = &immisv1.IdentifyRequest_SubjectId{SubjectId: c.Subject}
	case c.empty():
		return usage("nothing to search with: give --face, --finger, --sample or --subject")
	default:
		s, err := c.samples()
		if err != nil {
			return err
		}
		in.Probe = &immisv1.IdentifyRequest_Samples{Samples: &immisv1.Probe{Samples: s}}
	}
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		in.Context = rc
		out, err := immisv1.NewRecognitionServiceClient(conn).Identify(ctx, in)
		if err != nil {
			return err
		}
		if a.json {
			if err := a.printMessage(out); err != nil {
				return err
			}
		}
		a.printf("%s: %d of %d subjects put forward, %d comparisons (ledger entry %d)\n", outcomeName(out.GetOutcome()),
			len(out.GetCandidates()), out.GetSubjectsSearched(), out.GetComparisons(), out.GetLedgerEntry())
		for i, k := range out.GetCandidates() {
			a.printf("%3d  %-9s  10^%+.1f  %s  %s\n", i+1, outcomeName(k.GetOutcome()), k.GetLog10Lr(), k.GetSubjectId(), strings.Join(k.GetReasons(), " "))
		}
		return outcomeExit(out.GetOutcome())
	})
}

// filter is what the flags narrow the search by, nil for nothing.
func (c *identifyCmd) filter() (*immisv1.SearchFilter, error) {
	f := &immisv1.SearchFilter{MinQuality: c.MinQuality, Nationalities: c.Nationality, Sex: sexOf(c.Sex)}
	for _, name := range c.Modality {
		m, err := parseModality(name)
		if err != nil {
			return nil, err
		}
		f.Modalities = append(f.Modalities, m)
	}
	if c.BirthYears != "" {
		from, to, ok := strings.Cut(c.BirthYears, "-")
		var errs [2]error
		f.BirthYearFrom, errs[0] = parseYear(from)
		f.BirthYearTo, errs[1] = parseYear(to)
		if !ok || errors.Join(errs[:]...) != nil || from+to == "" {
			return nil, usage("birth years %q, want FROM-TO, FROM- or -TO, e.g. 1980-1985", c.BirthYears)
		}
	}
	if proto.Size(f) == 0 {
		return nil, nil
	}
	return f, nil
}

// parseYear reads a year of four digits; none is 0.
func parseYear(s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse("2006", s)
	return uint32(t.Year()), err
}

func outcomeName(o immisv1.Outcome) string {
	switch o {
	case immisv1.Outcome_OUTCOME_MATCH:
		return "match"
	case immisv1.Outcome_OUTCOME_REFER:
		return "refer"
	}
	return "non-match"
}

// outcomeExit turns an outcome into the command's exit code.
func outcomeExit(o immisv1.Outcome) error {
	switch o {
	case immisv1.Outcome_OUTCOME_MATCH:
		return nil
	case immisv1.Outcome_OUTCOME_REFER:
		return &exitError{code: exitRefer}
	}
	return &exitError{code: exitNonMatch}
}
