package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
	"immis/internal/telemetry"
)

type statsCmd struct{ client }

// Help implements kong.HelpProvider.
func (*statsCmd) Help() string {
	return `Example:
  immis stats --json`
}

// Run shows what the server holds.
func (c *statsCmd) Run(a *app) error {
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		s, err := immisv1.NewAdminServiceClient(conn).GetStatistics(ctx, &immisv1.GetStatisticsRequest{Context: rc})
		if err != nil {
			return err
		}
		a.printf("subjects          %d\nencounters        %d\ngalleries         %d\n", s.GetSubjects(), s.GetEncounters(), s.GetGalleries())
		for _, m := range s.GetModels() {
			a.printf("searched          %s of %s, %d dimensions: %d rows, %s\n", m.GetModality().String()[len("MODALITY_"):], m.GetModel(), m.GetDimensions(), m.GetRows(), size(m.GetBytes()))
		}
		a.printf("ledger entries    %d\npending checks    %d\nkey epoch         %d\ndisk              %s\nready after       %s\nversion           %s\n",
			s.GetLedgerEntries(), s.GetPendingDuplicateChecks(), s.GetKeyEpoch(), size(s.GetDiskBytes()),
			since(time.Duration(s.GetReadySeconds()*float64(time.Second))), s.GetVersion())
		return a.printJSON(s)
	})
}

// size is a number of bytes as people read it.
func size(n uint64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

type epochCmd struct {
	End epochEndCmd `cmd:"" help:"End the key epoch now." set:"purpose=administration"`
}

type epochEndCmd struct {
	client
}

// Help implements kong.HelpProvider.
func (*epochEndCmd) Help() string {
	return `Makes a new key-encryption key, rewrites the key table and destroys the old one: people erased before are unreadable for good, in backups too. A large table takes minutes: give a longer --timeout.

Example:
  immis epoch end --timeout 10m`
}

// Run ends the key epoch.
func (c *epochEndCmd) Run(a *app) error {
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		out, err := immisv1.NewAdminServiceClient(conn).EndKeyEpoch(ctx, &immisv1.EndKeyEpochRequest{Context: rc})
		if err != nil {
			return err
		}
		a.printf("key epoch %d has begun (ledger entry %d)\n", out.GetKeyEpoch(), out.GetLedgerEntry())
		return a.printJSON(out)
	})
}

type versionCmd struct{}

// Help implements kong.HelpProvider.
func (*versionCmd) Help() string {
	return `Example:
  immis version --json`
}

// Run shows the version.
func (*versionCmd) Run(a *app) error {
	v := map[string]string{"version": telemetry.Version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
	if a.json {
		return a.printValue(v)
	}
	a.printf("immis %s, %s, %s\n", v["version"], v["go"], v["platform"])
	return nil
}
