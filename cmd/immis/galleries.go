package main

import (
	"context"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
)

type galleriesCmd struct {
	Create galleryCreateCmd `cmd:"" help:"Create a gallery." set:"purpose=administration"`
	List   galleryListCmd   `cmd:"" help:"List galleries." set:"purpose=administration"`
	Put    galleryPutCmd    `cmd:"" help:"Put a subject into a gallery."`
	Take   galleryTakeCmd   `cmd:"" help:"Take a subject out of a gallery."`
}

type galleryCreateCmd struct {
	client
	Gallery     string   `arg:"" help:"Identifier: 1-64 characters of A-Z a-z 0-9 . _ : / -"`
	Description string   `help:"What it is for."`
	Reader      []string `placeholder:"PRINCIPAL" help:"Who may see and search its people; default: everyone."`
	RequestID   string   `placeholder:"ID" help:"Makes the request repeatable."`
}

// Help implements kong.HelpProvider.
func (*galleryCreateCmd) Help() string {
	return `Example:
  immis galleries create asylum --description "asylum seekers" --reader spiffe://immis/office`
}

// Run creates a gallery.
func (c *galleryCreateCmd) Run(a *app) error {
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		out, err := immisv1.NewGalleryServiceClient(conn).CreateGallery(ctx, &immisv1.CreateGalleryRequest{
			Context: rc, RequestId: c.RequestID, Gallery: &immisv1.Gallery{GalleryId: c.Gallery, Description: c.Description, Readers: c.Reader},
		})
		if err != nil {
			return err
		}
		a.printf("created gallery %s (ledger entry %d)\n", c.Gallery, out.GetLedgerEntry())
		return a.printJSON(out)
	})
}

type galleryListCmd struct{ client }

// Help implements kong.HelpProvider.
func (*galleryListCmd) Help() string {
	return `Example:
  immis galleries list`
}

// Run lists galleries.
func (c *galleryListCmd) Run(a *app) error {
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		out, err := immisv1.NewGalleryServiceClient(conn).ListGalleries(ctx, &immisv1.ListGalleriesRequest{Context: rc})
		if err != nil {
			return err
		}
		for _, g := range out.GetGalleries() {
			a.printf("%-24s %8d  %s\n", g.GetGalleryId(), g.GetSubjects(), g.GetDescription())
		}
		return a.printJSON(out)
	})
}

type galleryPutCmd struct {
	client
	Gallery   string `arg:"" help:"Identifier of the gallery."`
	Subject   string `arg:"" help:"Identifier of the person."`
	RequestID string `placeholder:"ID" help:"Makes the request repeatable."`
}

// Help implements kong.HelpProvider.
func (*galleryPutCmd) Help() string {
	return `Example:
  immis galleries put --purpose asylum asylum S-1`
}

// Run puts a subject into a gallery.
func (c *galleryPutCmd) Run(a *app) error {
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		out, err := immisv1.NewGalleryServiceClient(conn).PutInGallery(ctx, &immisv1.PutInGalleryRequest{
			Context: rc, RequestId: c.RequestID, GalleryId: c.Gallery, SubjectId: c.Subject,
		})
		if err != nil {
			return err
		}
		a.printf("put %s into %s (ledger entry %d)\n", c.Subject, c.Gallery, out.GetLedgerEntry())
		return a.printJSON(out)
	})
}

type galleryTakeCmd struct {
	client
	Gallery   string `arg:"" help:"Identifier of the gallery."`
	Subject   string `arg:"" help:"Identifier of the person."`
	RequestID string `placeholder:"ID" help:"Makes the request repeatable."`
}

// Help implements kong.HelpProvider.
func (*galleryTakeCmd) Help() string {
	return `Example:
  immis galleries take --purpose asylum asylum S-1`
}

// Run takes a subject out of a gallery.
func (c *galleryTakeCmd) Run(a *app) error {
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		out, err := immisv1.NewGalleryServiceClient(conn).TakeFromGallery(ctx, &immisv1.TakeFromGalleryRequest{
			Context: rc, RequestId: c.RequestID, GalleryId: c.Gallery, SubjectId: c.Subject,
		})
		if err != nil {
			return err
		}
		a.printf("took %s out of %s (ledger entry %d)\n", c.Subject, c.Gallery, out.GetLedgerEntry())
		return a.printJSON(out)
	})
}
