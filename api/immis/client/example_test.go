package client_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"immis/api/immis/client"
	immisv1 "immis/api/immis/v1"
	"immis/server"
)

// A station enrolls a person and recognises the person when they come back.
func Example_station() {
	dir, _ := os.MkdirTemp("", "immis-example-")
	defer func() { _ = os.RemoveAll(dir) }()
	srv, _ := server.New(server.Config{Listen: "127.0.0.1:0", Data: filepath.Join(dir, "data"), Keys: filepath.Join(dir, "keys")}, server.Dependencies{})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- srv.Run(ctx) }()
	<-srv.Listening()

	c, err := client.Dial(ctx, client.Options{Address: srv.Addr().String(), Purpose: immisv1.Purpose_PURPOSE_TEST})
	fmt.Println("connected", err)
	face := &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FACE, Format: immisv1.Format_FORMAT_FACE_INT8, Model: "camera/1", Data: []byte("a vector of 32 synthetic values.")}
	e, err := c.Enroll(ctx, &immisv1.EnrollRequest{SubjectId: "S-1", Encounter: &immisv1.Encounter{Samples: []*immisv1.Sample{face}}})
	fmt.Println("enrolled", e.GetSubjectId(), err)
	found, err := c.Identify(ctx, &immisv1.IdentifyRequest{Probe: &immisv1.IdentifyRequest_Samples{Samples: &immisv1.Probe{Samples: []*immisv1.Sample{face}}}})
	fmt.Println(found.GetOutcome(), found.GetCandidates()[0].GetSubjectId(), err)

	_ = c.Close()
	stop()
	fmt.Println(<-ended)
	// Output:
	// connected <nil>
	// enrolled S-1 <nil>
	// OUTCOME_MATCH S-1 <nil>
	// <nil>
}
