package main

import (
	"context"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
)

type deleteCmd struct {
	client
	Subject   string `arg:"" help:"Identifier of the person."`
	Encounter string `placeholder:"ID" help:"Only this encounter."`
	RequestID string `placeholder:"ID" help:"Makes the request repeatable."`
}

// Help implements kong.HelpProvider.
func (*deleteCmd) Help() string {
	return `Searches no longer see the person when the answer comes. The key stays, backups stay readable: see immis erase.

Example:
  immis delete --purpose permit S-1`
}

// Run deletes.
func (c *deleteCmd) Run(a *app) error {
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		api := immisv1.NewEnrollmentServiceClient(conn)
		if c.Encounter != "" {
			out, err := api.DeleteEncounter(ctx, &immisv1.DeleteEncounterRequest{Context: rc, RequestId: c.RequestID, SubjectId: c.Subject, EncounterId: c.Encounter})
			if err != nil {
				return err
			}
			a.printf("deleted encounter %s of %s (ledger entry %d)\n", c.Encounter, c.Subject, out.GetLedgerEntry())
			return a.printJSON(out)
		}
		out, err := api.DeleteSubject(ctx, &immisv1.DeleteSubjectRequest{Context: rc, RequestId: c.RequestID, SubjectId: c.Subject})
		if err != nil {
			return err
		}
		a.printf("deleted %s (ledger entry %d)\n", c.Subject, out.GetLedgerEntry())
		return a.printJSON(out)
	})
}

type eraseCmd struct {
	client
	Subject   string `arg:"" help:"Identifier of the person."`
	RequestID string `placeholder:"ID" help:"Makes the request repeatable."`
}

// Help implements kong.HelpProvider.
func (*eraseCmd) Help() string {
	return `Deletes the person and destroys the key of everything stored about them. Final, in backups too, when the named key epoch has ended: by the clock, or at once with immis epoch end.

Example:
  immis erase --purpose data-subject-request --case DSR-2026-17 S-1`
}

// Run erases.
func (c *eraseCmd) Run(a *app) error {
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		out, err := immisv1.NewEnrollmentServiceClient(conn).EraseSubject(ctx, &immisv1.EraseSubjectRequest{Context: rc, RequestId: c.RequestID, SubjectId: c.Subject})
		if err != nil {
			return err
		}
		a.printf("erased %s (ledger entry %d); final when key epoch %d has ended\n", c.Subject, out.GetLedgerEntry(), out.GetKeyEpoch())
		return a.printJSON(out)
	})
}
