package fault

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Build makes the immis binary in dir from the module the caller is in and
// returns its path. tags may be empty.
func Build(ctx context.Context, dir, tags string) (string, error) {
	path := filepath.Join(dir, "immis")
	args := []string{"build", "-o", path}
	if tags != "" {
		args = append(args, "-tags", tags)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "immis/cmd/immis")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build immis: %w: %s", err, short(string(out)))
	}
	return path, nil
}

// startTimeout bounds the time from the start of the process to its readiness.
const startTimeout = 60 * time.Second

// process is one life of the server.
type process struct {
	cmd  *exec.Cmd
	log  string // file of its standard error
	addr string
	conn *grpc.ClientConn
	// ready gets the address when the server serves, and is closed when the
	// process has closed its standard output.
	ready chan string
	// ended is closed when the process is gone; state says how.
	ended chan struct{}
	err   error
}

// flags of the folders of one store.
func folders(dir string) []string {
	return []string{"--data", filepath.Join(dir, "data"), "--keys", filepath.Join(dir, "keys")}
}

// launch starts the server on the folders below dir and returns at once.
func launch(binary, dir string, env []string) (*process, error) {
	p := &process{log: filepath.Join(dir, "log"), ready: make(chan string, 1), ended: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own
	args := append([]string{"--json", "serve", "--listen", "127.0.0.1:0", "--admin", "-", "--key-epoch=-1s"}, folders(dir)...)
	p.cmd = exec.Command(binary, args...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	go p.follow(out)
	return p, nil
}

// follow reads the one line that tells the address, then waits for the end.
func (p *process) follow(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var said struct {
			Serving string `json:"serving"`
		}
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Serving != "" {
			p.ready <- said.Serving
		}
	}
	close(p.ready)
	p.err = p.cmd.Wait()
	close(p.ended)
}

// errRefused: the server ended by itself instead of serving.
var errRefused = errors.New("server did not start")

// await returns when the server serves.
func (p *process) await(ctx context.Context) error {
	late := time.NewTimer(startTimeout)
	defer late.Stop()
	select {
	case addr, ok := <-p.ready:
		if !ok {
			<-p.ended
			return fmt.Errorf("%w: %w: %s", errRefused, p.err, p.tail())
		}
		p.addr = addr
	case <-late.C:
		p.kill()
		return fmt.Errorf("%w: not serving after %v: %s", errRefused, startTimeout, p.tail())
	case <-ctx.Done():
		p.kill()
		return ctx.Err()
	}
	var err error
	if p.conn, err = grpc.NewClient(p.addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20))); err != nil {
		p.kill()
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// kill sends SIGKILL and waits until the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.ended
	p.hangUp()
}

// stop asks the process to end and reports when it did not end well.
func (p *process) stop() error {
	defer p.hangUp()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop server: %w", err)
	}
	select {
	case <-p.ended:
	case <-time.After(startTimeout):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("stop server: still there after %v: %s", startTimeout, p.tail())
	}
	if p.err != nil {
		return fmt.Errorf("stop server: %w: %s", p.err, p.tail())
	}
	return nil
}

func (p *process) hangUp() {
	if p.conn != nil {
		_ = p.conn.Close() // nothing is under way
		p.conn = nil
	}
}

// crashed tells whether the process has ended without being killed.
func (p *process) crashed() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// tail is the end of the server's log.
func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return short(string(b[max(0, len(b)-400):]))
}

// saveHead keeps the newest signed head outside the data folder.
func (p *process) saveHead(ctx context.Context, binary, file string) error {
	for _, f := range []string{file, file + ".key"} {
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("save head: %w", err)
		}
	}
	_, err := command(ctx, binary, "audit", "head", "--server", p.addr, "--purpose", "audit", "-o", file)
	return err
}

// verifyHead proves the ledger of a server that is down against a saved head and
// returns how many entries there are.
func verifyHead(ctx context.Context, binary, dir, file string) (uint64, error) {
	out, err := command(ctx, binary, "audit", "verify", "--json", "--data", filepath.Join(dir, "data"), "--head", file)
	if err != nil {
		return 0, err
	}
	var said struct {
		Entries uint64 `json:"entries"`
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		return 0, fmt.Errorf("immis audit verify: answer %s: %w", short(out), err)
	}
	return said.Entries, nil
}

// checkStore reads everything in the folders of a server that is down.
func checkStore(ctx context.Context, binary, dir string) error {
	_, err := command(ctx, binary, append([]string{"store", "check"}, folders(dir)...)...)
	return err
}

func command(ctx context.Context, binary string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("immis %s: %w: %s", strings.Join(args[:2], " "), err, short(said.String()+" "+out.String()))
	}
	return out.String(), nil
}
