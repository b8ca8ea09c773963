// Command immis is the one binary of IMMIS: the server, its clients and its
// tools. It is thin: it reads flags, calls the server or the packages below,
// and prints. It refuses to hold business rules and to touch the files of a
// ledger that a server has open.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"immis/internal/config"
)

// Exit codes, for scripts.
const (
	exitOK       = 0 // done; for verify and identify: match
	exitFailure  = 1 // it failed; for check and verify of stores and audits: findings
	exitUsage    = 2 // the command line or the input was refused
	exitNotFound = 3 // unknown, or not open to this principal
	exitNonMatch = 4 // verify, identify: non-match
	exitRefer    = 5 // verify, identify: a person has to look
	exitBusy     = 6 // not now: starting, overloaded, unreachable or out of time
)

const description = `Open biometric matching and identity resolution for migration authorities.

Every flag can be given in the environment as IMMIS_NAME (--max-message is IMMIS_MAX_MESSAGE), or in a JSON file named by --config, {"max-message": 1048576}. A flag wins over the environment, the environment over the file, the file over the default.

Exit codes: 0 done (verify, identify: match), 1 failure or findings, 2 command line or input refused, 3 not found, 4 non-match, 5 refer to a person, 6 try again later.`

// cli is the tree of commands.
type cli struct {
	Config string `help:"JSON file with values for flags." placeholder:"FILE" env:"IMMIS_CONFIG"`
	JSON   bool   `name:"json" help:"Print JSON: one object (or one per line, where there are many) on standard output, errors on standard error."`

	Serve     serveCmd     `cmd:"" help:"Run the server."`
	Demo      demoCmd      `cmd:"" help:"Enroll and search synthetic people, beside an exact brute-force search."`
	Enroll    enrollCmd    `cmd:"" help:"Enroll an encounter of a person."`
	Identify  identifyCmd  `cmd:"" help:"Search: who is this?"`
	Verify    verifyCmd    `cmd:"" help:"Compare: is this the person?"`
	Get       getCmd       `cmd:"" help:"Show a subject."`
	Delete    deleteCmd    `cmd:"" help:"Withdraw a subject, or one encounter, from every search."`
	Erase     eraseCmd     `cmd:"" help:"Delete a subject and destroy its key."`
	Galleries galleriesCmd `cmd:"" help:"Create, list, fill galleries."`
	Import    importCmd    `cmd:"" help:"Enroll many people from files."`
	Export    exportCmd    `cmd:"" help:"Write subjects to a folder."`
	Inspect   inspectCmd   `cmd:"" help:"Show what a sample holds, without a server."`
	Stats     statsCmd     `cmd:"" help:"Show what the server holds." set:"purpose=administration"`
	Store     storeCmd     `cmd:"" help:"Check and copy a ledger."`
	Audit     auditCmd     `cmd:"" help:"Read and prove the ledger."`
	Epoch     epochCmd     `cmd:"" help:"End key epochs."`
	Bench     benchCmd     `cmd:"" help:"Measure on this machine, with synthetic people."`
	Eval      evalCmd      `cmd:"" help:"Error rates from labeled comparisons, with a report."`
	Synth     synthCmd     `cmd:"" help:"Make data of people who do not exist, with the truth."`
	Version   versionCmd   `cmd:"" help:"Show the version."`
}

// app is what commands get: the process's streams and how to print.
type app struct {
	ctx      context.Context
	in       io.Reader
	out, err io.Writer
	json     bool
}

// exitError ends a command with a certain code; an empty text prints nothing,
// because the command has printed its answer already.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

func usage(format string, args ...any) error {
	return &exitError{code: exitUsage, text: fmt.Sprintf(format, args...)}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the command line args; it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var c cli
	a := &app{ctx: ctx, in: in, out: out, err: errOut}
	p, err := config.New(&c, "immis", description, config.Streams{Out: out, Err: errOut}, kong.Bind(a))
	if err != nil {
		return a.fail(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, done, err := p.Parse(args)
	a.json = c.JSON
	if err != nil {
		return a.fail(usage("%v\n  next: immis %s", err, helpFor(args, p.Commands())))
	}
	if done {
		return exitOK
	}
	if err := k.Run(a); err != nil {
		return a.fail(err)
	}
	return exitOK
}

// helpFor names the help of the command that args begin with.
func helpFor(args []string, known map[string]bool) string {
	path := ""
	for _, a := range args {
		next := strings.TrimPrefix(path+" "+a, " ")
		if !known[next] {
			break
		}
		path = next
	}
	return strings.TrimPrefix(path+" --help", " ")
}

// fail prints an error and returns its exit code.
func (a *app) fail(err error) int {
	r := explain(err)
	if r.Message != "" {
		a.printError(r)
	}
	var e *exitError
	if errors.As(err, &e) {
		return e.code
	}
	return r.exit
}
