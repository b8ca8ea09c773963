package bench_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"immis/server"
)

// startServer runs the real server with a ledger of its own on loopback until
// the test ends.
func startServer(t testing.TB) *grpc.ClientConn {
	t.Helper()
	folder := t.TempDir()
	s, err := server.New(server.Config{
		Listen: "127.0.0.1:0", Data: filepath.Join(folder, "data"), Keys: filepath.Join(folder, "keys"), MaxStreams: 1024,
	}, server.Dependencies{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-s.Serving():
	case err := <-ended:
		stop()
		t.Fatal("server ended before it served:", err)
	case <-time.After(time.Minute):
		stop()
		t.Fatal("server does not serve after a minute")
	}
	conn, err := grpc.NewClient(s.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error("server:", err)
		}
	})
	return conn
}

// shared is a path below ../shared of the module, where evaluation data lies; the
// test is skipped when it is not there, or when tests have to be short.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: evaluation on real data takes a minute, and tests have to be short")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(root), "shared", "data")); err != nil {
		t.Skip("SKIPPED: evaluation data ../shared/data is not here")
	}
	return filepath.Join(append([]string{filepath.Dir(root), "shared"}, path...)...)
}
