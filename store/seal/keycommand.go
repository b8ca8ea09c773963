package seal

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const (
	// commandTimeout bounds one call of the command.
	commandTimeout = 30 * time.Second
	// commandGrace is how long a command that was told to stop may keep its pipes.
	commandGrace = 2 * time.Second
	// commandOutput bounds what is kept of the output, in bytes.
	commandOutput = 1 << 20
	// commandStderr bounds what of the command's complaint goes into an error.
	commandStderr = 1 << 10

	// ExitNoSecret and ExitExists are the exit codes by which the command of
	// KeyCommand answers "no such secret" and "already exists".
	ExitNoSecret = 3
	ExitExists   = 4
)

// keyCommand is a KeySource behind an external command.
type keyCommand struct {
	argv    []string
	timeout time.Duration
}

// KeyCommand keeps secrets where an external command keeps them (a hardware
// module, a vault). It runs argv with one of these appended, at most 30 s each:
//
//	get NAME      writes the secret to standard output
//	put NAME      reads the secret from standard input
//	destroy NAME  makes it unreadable for ever; success if there is none
//	list          writes one name per line
//
// A secret is base64 (standard alphabet, padded) of 32 bytes and a newline; it is
// never an argument, because others can see arguments. Exit codes: 0 done, 3 no such
// secret, 4 already exists, anything else failed. What the command writes to standard
// error goes into the error.
func KeyCommand(argv []string) KeySource {
	return &keyCommand{argv: slices.Clone(argv), timeout: commandTimeout}
}

// run calls the command once.
func (c *keyCommand) run(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	if len(c.argv) == 0 {
		return nil, errors.New("key command: no command given")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	all := append(slices.Clone(c.argv[1:]), args...)
	cmd := exec.CommandContext(ctx, c.argv[0], all...)
	cmd.WaitDelay = commandGrace
	cmd.Stdin = bytes.NewReader(stdin)
	stdout, stderr := bounded{limit: commandOutput}, bounded{limit: commandStderr}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		if stdout.over {
			return nil, fmt.Errorf("key command: output longer than %d bytes", commandOutput)
		}
		return stdout.kept.Bytes(), nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("key command: stopped: %w", context.Cause(ctx))
	}
	complaint := strings.TrimSpace(strings.ToValidUTF8(stderr.kept.String(), "?"))
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		switch exit.ExitCode() {
		case ExitNoSecret:
			err = ErrNoSecret
		case ExitExists:
			err = ErrExists
		}
	}
	return nil, fmt.Errorf("key command: %w: %q", err, complaint)
}

// Get implements KeySource.
func (c *keyCommand) Get(ctx context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	out, err := c.run(ctx, nil, "get", name)
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(string(out), "\n"))
	if err != nil || len(secret) != KeySize {
		return nil, fmt.Errorf("read secret %s: %w", name,
			corrupt("key command: answer of", fmt.Sprintf("%d bytes", len(out)), fmt.Sprintf("base64 of %d bytes and a newline", KeySize)))
	}
	return secret, nil
}

// Put implements KeySource.
func (c *keyCommand) Put(ctx context.Context, name string, secret []byte) error {
	if err := checkSecret(name, secret); err != nil {
		return fmt.Errorf("write secret: %w", err)
	}
	text := append(base64.StdEncoding.AppendEncode(nil, secret), '\n')
	if _, err := c.run(ctx, text, "put", name); err != nil {
		return fmt.Errorf("write secret %s: %w", name, err)
	}
	return nil
}

// Destroy implements KeySource.
func (c *keyCommand) Destroy(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return fmt.Errorf("destroy secret: %w", err)
	}
	if _, err := c.run(ctx, nil, "destroy", name); err != nil && !errors.Is(err, ErrNoSecret) {
		return fmt.Errorf("destroy secret %s: %w", name, err)
	}
	return nil
}

// List implements KeySource. A line that is no name is an error: a source that
// prints something else than it was asked for is not understood.
func (c *keyCommand) List(ctx context.Context) ([]string, error) {
	out, err := c.run(ctx, nil, "list")
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		name := strings.TrimSuffix(line, "\n")
		if err := checkName(name); err != nil {
			return nil, fmt.Errorf("list secrets: %w", err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// bounded keeps the first limit bytes and takes the rest without keeping it, so
// that a command that talks too much neither blocks nor fills the memory. The buffer
// is not embedded: its ReadFrom would go around the limit.
type bounded struct {
	kept  bytes.Buffer
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), b.limit-b.kept.Len())
	b.over = b.over || keep < len(p)
	b.kept.Write(p[:keep])
	return len(p), nil
}
