package main

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
)

type getCmd struct {
	client
	Subject   string `arg:"" help:"Identifier of the person."`
	Encounter string `placeholder:"ID" help:"Only this encounter."`
	Samples   bool   `help:"With --json: the bytes of samples too."`
}

// Help implements kong.HelpProvider.
func (*getCmd) Help() string {
	return `The read is written into the ledger.

Example:
  immis get --purpose permit S-1`
}

// Run shows a subject.
func (c *getCmd) Run(a *app) error {
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		out, err := immisv1.NewEnrollmentServiceClient(conn).GetSubject(ctx, &immisv1.GetSubjectRequest{
			Context: rc, SubjectId: c.Subject, EncounterId: c.Encounter, IncludeSamples: c.Samples,
		})
		if err != nil {
			return err
		}
		if a.json {
			return a.printMessage(out)
		}
		a.printf("subject %s, galleries %s (ledger entry %d)\n", out.GetSubjectId(), orNone(out.GetGalleries()), out.GetLedgerEntry())
		for _, e := range out.GetEncounters() {
			a.printf("encounter %s, %s, purpose %s, station %q\n", e.GetEncounterId(), e.GetTime().AsTime().Format(time.RFC3339), purposeName(e.GetPurpose()), e.GetStation())
			for _, n := range e.GetBiographicData().GetNames() {
				a.printf("  name %s\n", strings.Join(strings.Fields(n.GetSurname()+", "+n.GetGivenNames()+" "+n.GetPatronymic()), " "))
			}
			if b := e.GetBiographicData(); b != nil {
				a.printf("  born %q in %q, nationalities %s\n", b.GetBirthDate(), b.GetBirthPlace(), orNone(b.GetNationalities()))
			}
			for _, d := range e.GetDocuments() {
				a.printf("  document %s %s of %s\n", d.GetType(), d.GetNumber(), d.GetIssuer())
			}
			for i, s := range e.GetSamples() {
				line := sampleName(s) + ", " + strings.ToLower(strings.TrimPrefix(s.GetFormat().String(), "FORMAT_"))
				for _, more := range []string{s.GetOrigin(), s.GetNotSearchableReason()} {
					if more != "" {
						line += ", " + more
					}
				}
				a.printf("  sample %d: %s\n", i, line)
			}
			for _, m := range e.GetMissingFingers() {
				a.printf("  missing %s: %s\n", positionName(m.GetPosition()), strings.ToLower(strings.TrimPrefix(m.GetReason().String(), "MISSING_FINGER_REASON_")))
			}
		}
		return nil
	})
}

func sampleName(s *immisv1.Sample) string {
	if s.GetModality() == immisv1.Modality_MODALITY_FACE {
		if s.GetModel() != "" {
			return "face of model " + s.GetModel()
		}
		return "face"
	}
	if s.GetModality() == immisv1.Modality_MODALITY_IRIS {
		return "iris"
	}
	if s.GetPosition() == immisv1.Position_POSITION_UNSPECIFIED {
		return "finger"
	}
	return "finger " + positionName(s.GetPosition())
}

func orNone(s []string) string {
	if len(s) == 0 {
		return "none"
	}
	return strings.Join(s, " ")
}
