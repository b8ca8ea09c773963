package main

import (
	"context"
	"strings"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
)

type verifyCmd struct {
	client
	sampleFlags
	Subject   string      `placeholder:"ID" help:"Who the person claims to be."`
	Encounter string      `placeholder:"ID" help:"With --subject: compare with this encounter only."`
	Against   sampleFlags `embed:"" prefix:"against-"`
}

// Help implements kong.HelpProvider.
func (*verifyCmd) Help() string {
	return `Ends with 0 for a match, 4 for a non-match, 5 when a person has to look. No outcome is by itself a decision with legal effect.

Examples:
  immis verify --purpose border-control --subject S-1 --face live.f32 --model buffalo/1
  immis verify --purpose border-control --face live.f32 --model buffalo/1 --against-face chip.f32 --against-model buffalo/1
  immis verify --purpose border-control --sample right-index=live.iso --against-sample chip.xml

With --json the answer is the API's VerifyResponse.`
}

// Run compares.
func (c *verifyCmd) Run(a *app) error {
	probe, err := c.samples()
	if err != nil {
		return err
	}
	if len(probe) == 0 {
		return usage("nothing to compare: give --face, --finger or --sample")
	}
	in := &immisv1.VerifyRequest{Probe: &immisv1.Probe{Samples: probe}}
	switch {
	case c.Subject != "" && !c.Against.empty():
		return usage("give --subject, or --against-face, --against-finger and --against-sample, not both")
	case c.Subject != "" && c.Encounter != "":
		in.Claim = &immisv1.VerifyRequest_Encounter{Encounter: &immisv1.EncounterRef{SubjectId: c.Subject, EncounterId: c.Encounter}}
	case c.Subject != "":
		in.Claim = &immisv1.VerifyRequest_SubjectId{SubjectId: c.Subject}
	case c.Against.empty():
		return usage("nothing to compare with: give --subject, --against-face, --against-finger or --against-sample")
	default:
		s, err := c.Against.samples()
		if err != nil {
			return err
		}
		in.Claim = &immisv1.VerifyRequest_Samples{Samples: &immisv1.Probe{Samples: s}}
	}
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		in.Context = rc
		out, err := immisv1.NewRecognitionServiceClient(conn).Verify(ctx, in)
		if err != nil {
			return err
		}
		if a.json {
			if err := a.printMessage(out); err != nil {
				return err
			}
		}
		a.printf("%s: likelihood ratio 10^%+.1f  %s (ledger entry %d)\n", outcomeName(out.GetOutcome()), out.GetLog10Lr(),
			strings.Join(out.GetReasons(), " "), out.GetLedgerEntry())
		return outcomeExit(out.GetOutcome())
	})
}
