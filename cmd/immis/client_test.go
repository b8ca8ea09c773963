package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"immis/server"
	"immis/store"
	"immis/store/seal"
)

// A command that is typed right after the server waits for it to be up.
func TestCommandsWaitForTheServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(context.Background(), []string{"stats", "--server", address, "--wait-server", "30s"}, nil, &out, &errOut)
	}()
	time.Sleep(300 * time.Millisecond)
	select {
	case c := <-code:
		t.Fatalf("ended with %d before there was a server: %s", c, errOut.String())
	default:
	}
	a := &app{ctx: context.Background(), out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	srv, err := a.startLocal("", "", "immis-test-", server.Config{Listen: address})
	if err != nil {
		t.Fatal(err)
	}
	if c := <-code; c != exitOK {
		t.Errorf("ended with %d, want %d: %s", c, exitOK, errOut.String())
	}
	if err := srv.close(); err != nil {
		t.Error(err)
	}
}

// Errors of a data folder have reasons that stay, whatever wraps them.
func TestReasonsOfStoreErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{store.ErrLocked, "DATA_LOCKED"}, {store.ErrReadOnly, "DATA_READ_ONLY"}, {store.ErrNewerFormat, "NEWER_FORMAT"},
		{store.ErrOlderThanAnchor, "OLDER_THAN_ANCHOR"}, {store.ErrDamaged, "DAMAGED"}, {store.ErrCorrupt, "DAMAGED"},
		{store.ErrDiskFull, "DISK_FULL"}, {syscall.ENOSPC, "DISK_FULL"}, {store.ErrErased, "ERASED"},
		{seal.ErrNoSecret, "NO_SECRET"}, {seal.ErrExposed, "KEYS_EXPOSED"}, {store.ErrStopped, "LEDGER_STOPPED"},
		{errors.New("something else"), ""},
	} {
		r := explain(fmt.Errorf("open store data: %w", c.err))
		if r.Reason != c.want || (r.Next == "") != (c.want == "") || r.exit != exitFailure {
			t.Errorf("%v: reason %q, next %q, exit %d; want %q and what to do", c.err, r.Reason, r.Next, r.exit, c.want)
		}
	}
	if _, next := explainStore(store.ErrLocked); !strings.Contains(next, "audit entries") {
		t.Errorf("next of a locked folder: %q, want the way to audit beside the server", next)
	}
}
