package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	immisv1 "immis/api/immis/v1"
)

type enrollCmd struct {
	client
	sampleFlags
	imageFlags
	Subject   string    `placeholder:"ID" help:"Identifier of the person; default: the server makes one."`
	Encounter string    `placeholder:"ID" help:"Identifier of the encounter; default: the server makes one."`
	Add       bool      `help:"Add the encounter to the known --subject."`
	RequestID string    `placeholder:"ID" help:"Makes the request repeatable: the same identifier and values get the same answer."`
	Time      time.Time `placeholder:"RFC3339" help:"When it took place; default: now."`
	Station   string    `help:"Enrolment station."`
	Operator  string    `help:"Operator at the station."`
	Gallery   []string  `placeholder:"ID" help:"Gallery the person is put into; must exist."`
	Quality   *uint32   `placeholder:"N" help:"Quality of the samples, 0-100, as the station measured it."`

	Surname     string   `help:"Surname."`
	GivenNames  string   `name:"given-names" help:"Given names."`
	Patronymic  string   `help:"Patronymic."`
	BirthDate   string   `placeholder:"DATE" help:"YYYY-MM-DD, YYYY-MM or YYYY."`
	Sex         string   `enum:",male,female,other" default:"" help:"male, female or other."`
	Nationality []string `placeholder:"CODE" help:"Three letters, e.g. UKR; XXA for stateless."`
	BirthPlace  string   `help:"Birth place."`
	Document    []string `sep:"none" placeholder:"TYPE:NUMBER:ISSUER[:EXPIRY]" help:"Document, e.g. passport:FA123456:UKR:2030-01-31."`
	Missing     []string `placeholder:"POSITION=REASON" help:"Finger that cannot be captured: right-thumb=amputated or =unable."`

	CheckDuplicates bool `help:"Search everyone for the same person."`
	Wait            bool `help:"With --check-duplicates: wait for what the search found."`
}

// Help implements kong.HelpProvider.
func (*enrollCmd) Help() string {
	return `The answer is durable and searchable when it comes. The format of a file is recognized by its content (immis inspect shows it), that of a face vector by its name.

Examples:
  immis enroll --purpose asylum --face face.f32 --model buffalo/1 --surname Шевченко --given-names Тарас
  immis enroll --purpose permit --finger right-index=a.iso --finger left-index=b.fmr --check-duplicates --wait
  immis enroll --purpose visa --sample person.xml --image face=portrait.jp2 --image right-four=slap.wsq --keep-images
  immis enroll --purpose permit --sample right-thumb=scan.png --resolution 500

With --json the answer is the API's EnrollResponse: subject_id, encounter_id, ledger_entry, recorded, samples.`
}

// Run enrolls.
func (c *enrollCmd) Run(a *app) error {
	e, err := c.encounter()
	if err != nil {
		return err
	}
	if c.Add && c.Subject == "" {
		return usage("subject is missing: --add needs --subject")
	}
	return c.call(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		out, err := enrollOne(ctx, conn, c.Timeout, c.Add, &immisv1.EnrollRequest{
			Context: rc, RequestId: c.RequestID, SubjectId: c.Subject, Encounter: e, CheckDuplicates: c.CheckDuplicates,
		})
		if err != nil {
			return err
		}
		if a.json {
			if err := a.printMessage(out); err != nil {
				return err
			}
		}
		a.printf("enrolled subject %s, encounter %s (ledger entry %d)\n", out.GetSubjectId(), out.GetEncounterId(), out.GetLedgerEntry())
		for _, s := range out.GetSamples() {
			if s.GetSearchable() {
				continue
			}
			what := fmt.Sprintf("sample %d", s.GetSample())
			if s.GetOrigin() != "" {
				what += " (" + s.GetOrigin() + ")"
			}
			switch {
			case s.GetReason() == "MODALITY_NOT_KEPT":
				a.printf("%s is of no face, finger or iris; nothing of it is kept\n", what)
			case c.KeepImages:
				a.printf("%s is kept, searches do not see it: %s\n", what, s.GetReason())
			default:
				a.printf("%s is noted, not kept (--keep-images), and searches do not see it: %s\n", what, s.GetReason())
			}
		}
		if c.CheckDuplicates && c.Wait {
			return waitDuplicates(ctx, a, conn, rc, out)
		}
		return nil
	})
}

// enrollOne sends Enroll, or AddEncounter when the person is known.
func enrollOne(ctx context.Context, conn *grpc.ClientConn, timeout time.Duration, add bool, in *immisv1.EnrollRequest) (*immisv1.EnrollResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	api := immisv1.NewEnrollmentServiceClient(conn)
	if !add {
		return api.Enroll(ctx, in)
	}
	r, err := api.AddEncounter(ctx, &immisv1.AddEncounterRequest{
		Context: in.GetContext(), RequestId: in.GetRequestId(), SubjectId: in.GetSubjectId(), Encounter: in.GetEncounter(), CheckDuplicates: in.GetCheckDuplicates(),
	})
	if err != nil {
		return nil, err
	}
	return &immisv1.EnrollResponse{
		SubjectId: r.GetSubjectId(), EncounterId: r.GetEncounterId(), LedgerEntry: r.GetLedgerEntry(), Recorded: r.GetRecorded(), Samples: r.GetSamples(),
	}, nil
}

// waitDuplicates prints what the duplicate check found. The search is durable:
// a wait that is interrupted loses nothing.
func waitDuplicates(ctx context.Context, a *app, conn *grpc.ClientConn, rc *immisv1.RequestContext, e *immisv1.EnrollResponse) error {
	stream, err := immisv1.NewEnrollmentServiceClient(conn).WatchDuplicateChecks(ctx, &immisv1.WatchDuplicateChecksRequest{
		Context: rc, Encounters: []*immisv1.EncounterRef{{SubjectId: e.GetSubjectId(), EncounterId: e.GetEncounterId()}},
	})
	if err != nil {
		return err
	}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if a.json {
			if err := a.printMessage(m.GetCheck()); err != nil {
				return err
			}
			continue
		}
		switch m.GetCheck().GetState() {
		case immisv1.DuplicateState_DUPLICATE_STATE_NEW:
			a.printf("new: nobody enrolled before resembles this person\n")
		case immisv1.DuplicateState_DUPLICATE_STATE_KNOWN:
			a.printf("known as %s\n", strings.Join(m.GetCheck().GetSubjectIds(), ", "))
		default:
			a.printf("under review, may be %s\n", strings.Join(m.GetCheck().GetSubjectIds(), ", "))
		}
	}
}

func (c *enrollCmd) encounter() (*immisv1.Encounter, error) {
	e := &immisv1.Encounter{
		EncounterId: c.Encounter, Station: c.Station, Operator: c.Operator, Galleries: c.Gallery, KeepImages: c.KeepImages,
	}
	if !c.Time.IsZero() {
		e.Time = timestamppb.New(c.Time)
	}
	var err error
	if e.Samples, err = c.sampleFlags.samples(); err != nil {
		return nil, err
	}
	images, err := c.imageFlags.samples(c.Resolution)
	if err != nil {
		return nil, err
	}
	e.Samples = append(e.Samples, images...)
	for _, s := range e.GetSamples() {
		s.Quality = c.Quality
	}
	for _, m := range c.Missing {
		f, err := parseMissing(m)
		if err != nil {
			return nil, err
		}
		e.MissingFingers = append(e.MissingFingers, f)
	}
	if len(e.GetSamples()) == 0 && len(e.GetMissingFingers()) == 0 {
		return nil, usage("nothing to enroll: give --face, --finger, --sample, --image or --missing")
	}
	if c.Surname != "" || c.GivenNames != "" || c.Patronymic != "" {
		e.BiographicData = &immisv1.BiographicData{Names: []*immisv1.PersonName{{
			Kind: immisv1.PersonName_KIND_CURRENT, Surname: c.Surname, GivenNames: c.GivenNames, Patronymic: c.Patronymic,
		}}}
	}
	if c.BirthDate != "" || c.Sex != "" || len(c.Nationality) > 0 || c.BirthPlace != "" {
		if e.BiographicData == nil {
			e.BiographicData = &immisv1.BiographicData{}
		}
		b := e.GetBiographicData()
		b.BirthDate, b.Nationalities, b.BirthPlace = c.BirthDate, c.Nationality, c.BirthPlace
		b.Sex = sexOf(c.Sex)
	}
	for _, d := range c.Document {
		doc, err := parseDocument(d)
		if err != nil {
			return nil, err
		}
		e.Documents = append(e.Documents, doc)
	}
	return e, nil
}

// sexOf is the sex that a flag names.
func sexOf(name string) immisv1.Sex {
	return map[string]immisv1.Sex{"male": immisv1.Sex_SEX_MALE, "female": immisv1.Sex_SEX_FEMALE, "other": immisv1.Sex_SEX_OTHER}[name]
}

// parseMissing reads a finger that cannot be captured.
func parseMissing(text string) (*immisv1.MissingFinger, error) {
	name, reason, _ := strings.Cut(text, "=")
	position, err := parsePosition(name)
	if err != nil {
		return nil, err
	}
	f := &immisv1.MissingFinger{Position: position}
	switch reason {
	case "amputated":
		f.Reason = immisv1.MissingFingerReason_MISSING_FINGER_REASON_AMPUTATED
	case "unable":
		f.Reason = immisv1.MissingFingerReason_MISSING_FINGER_REASON_UNABLE
	default:
		return nil, usage("missing finger %q, want POSITION=amputated or POSITION=unable", text)
	}
	return f, nil
}

func parseDocument(s string) (*immisv1.Document, error) {
	parts := strings.Split(s, ":")
	if len(parts) < 3 || len(parts) > 4 {
		return nil, usage("document with %d parts, want TYPE:NUMBER:ISSUER or TYPE:NUMBER:ISSUER:EXPIRY", len(parts))
	}
	d := &immisv1.Document{Type: parts[0], Number: parts[1], Issuer: parts[2]}
	if len(parts) == 4 {
		d.ExpiryDate = parts[3]
	}
	return d, nil
}

// since is a duration as it is shown.
func since(d time.Duration) string { return fmt.Sprint(d.Round(time.Millisecond)) }
