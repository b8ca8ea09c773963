// Package config turns flags, environment and one file into the options of a
// command. It is the only reader of configuration files and of the environment,
// and the only place that knows which of them wins: a flag before the
// environment (IMMIS_*), the environment before the file, the file before the
// default. It refuses unknown and repeated keys in the file, because a
// misspelled limit that is silently ignored is found too late.
package config

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// EnvPrefix begins the environment variable of every flag: --max-message is
// IMMIS_MAX_MESSAGE. Unknown IMMIS_* variables are not refused: Kubernetes sets
// such variables for any service that is called immis.
const EnvPrefix = "IMMIS"

// FileFlag names the flag that names the file.
const FileFlag = "config"

// Parser parses command lines of one command tree.
type Parser struct {
	kong *kong.Kong
	file *file
	env  func(string) (string, bool)
}

// Streams are where help and usage errors go.
type Streams struct{ Out, Err io.Writer }

// exited carries the exit status that kong asks for (after --help) up to Parse.
type exited struct{ code int }

// New makes a parser for the command tree cli (a pointer to a struct with
// kong's tags). The tree must have a string flag named FileFlag.
func New(cli any, name, description string, io Streams, options ...kong.Option) (*Parser, error) {
	p := &Parser{file: &file{}, env: os.LookupEnv}
	options = append([]kong.Option{
		kong.Name(name),
		kong.Description(description),
		kong.Writers(io.Out, io.Err),
		kong.DefaultEnvars(EnvPrefix),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Exit(func(code int) { panic(exited{code}) }),
		kong.Resolvers(p.file.resolver(p.envSet)),
	}, options...)
	k, err := kong.New(cli, options...)
	if err != nil {
		return nil, fmt.Errorf("command tree: %w", err)
	}
	p.kong = k
	return p, nil
}

// Parse reads a command line. done is set when there is nothing left to do, as
// after --help. Errors are mistakes of the caller.
func (p *Parser) Parse(args []string) (ctx *kong.Context, done bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(exited)
			if !ok {
				panic(v)
			}
			if e.code != 0 {
				err = fmt.Errorf("exit status %d", e.code)
			}
			done = true
		}
	}()
	path, err := p.filePath(args)
	if err != nil {
		return nil, false, err
	}
	if path != "" {
		if err := p.file.load(path, p.flags()); err != nil {
			return nil, false, err
		}
	}
	ctx, err = p.kong.Parse(args)
	return ctx, false, err
}

// filePath finds the file before the rest is parsed: its values have to be
// known when kong resolves flags.
func (p *Parser) filePath(args []string) (string, error) {
	for i, a := range args {
		if a == "--" {
			break
		}
		if v, ok := strings.CutPrefix(a, "--"+FileFlag+"="); ok {
			return v, nil
		}
		if a == "--"+FileFlag {
			if i+1 == len(args) {
				return "", fmt.Errorf("--%s names no file", FileFlag)
			}
			return args[i+1], nil
		}
	}
	v, _ := p.env(EnvPrefix + "_" + strings.ToUpper(FileFlag))
	return v, nil
}

// flags are the names of all flags of all commands.
func (p *Parser) flags() map[string]bool {
	names := map[string]bool{}
	_ = kong.Visit(p.kong.Model, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			names[f.Name] = true
		}
		return next(nil)
	})
	delete(names, FileFlag)
	delete(names, "help")
	return names
}

// Commands are the paths of all commands, words joined by a space.
func (p *Parser) Commands() map[string]bool {
	paths := map[string]bool{}
	_ = kong.Visit(p.kong.Model, func(node kong.Visitable, next kong.Next) error {
		if n, ok := node.(*kong.Node); ok && n.Type == kong.CommandNode {
			paths[strings.TrimPrefix(commandPath(n), " ")] = true
		}
		return next(nil)
	})
	return paths
}

func commandPath(n *kong.Node) string {
	if n == nil || n.Type != kong.CommandNode {
		return ""
	}
	return commandPath(n.Parent) + " " + n.Name
}

// envSet tells whether a flag has its value from the environment.
func (p *Parser) envSet(f *kong.Flag) bool {
	for _, name := range f.Envs {
		if _, ok := p.env(name); ok {
			return true
		}
	}
	return false
}
