package seal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// keyScript is a key command over files, the way an operator would write one.
const keyScript = `#!/bin/sh
dir=$1; op=$2; name=$3
case $op in
get) [ -f "$dir/$name" ] || { echo "no $name here" >&2; exit 3; }; cat "$dir/$name" ;;
put) [ ! -e "$dir/$name" ] || exit 4; cat > "$dir/$name" ;;
destroy) rm -f "$dir/$name" ;;
list) ls "$dir" ;;
*) echo "what is $op" >&2; exit 1 ;;
esac
`

func script(t testing.TB, text string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.sh")
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return []string{"/bin/sh", path, t.TempDir()}
}

// sources are all implementations; they pass the same suite.
func sources(t *testing.T) map[string]KeySource {
	return map[string]KeySource{
		"memory":  KeyDir(vfs.NewMem(), "a/secrets"),
		"disk":    KeyDir(vfs.Default, filepath.Join(t.TempDir(), "a", "secrets")),
		"command": KeyCommand(script(t, keyScript)),
	}
}

func TestKeySources(t *testing.T) {
	ctx := context.Background()
	one, two := bytes.Repeat([]byte{1}, KeySize), noise(KeySize, 1)
	for name, src := range sources(t) {
		t.Run(name, func(t *testing.T) {
			if list, err := src.List(ctx); err != nil || len(list) != 0 {
				t.Fatalf("empty source lists %v, %v", list, err)
			}
			if _, err := src.Get(ctx, "kek-1"); !errors.Is(err, ErrNoSecret) || errors.Is(err, ErrCorrupt) {
				t.Fatalf("get of nothing: %v", err)
			}
			if err := src.Destroy(ctx, "kek-1"); err != nil {
				t.Fatalf("destroy of nothing: %v", err)
			}
			for n, s := range map[string][]byte{"kek-2": two, "kek-1": one} {
				if err := src.Put(ctx, n, s); err != nil {
					t.Fatal(err)
				}
			}
			if err := src.Put(ctx, "kek-1", two); !errors.Is(err, ErrExists) {
				t.Fatalf("put over a secret: %v", err)
			}
			for n, want := range map[string][]byte{"kek-2": two, "kek-1": one} {
				if got, err := src.Get(ctx, n); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%s: %v", n, err)
				}
			}
			if list, err := src.List(ctx); err != nil || !slices.Equal(list, []string{"kek-1", "kek-2"}) {
				t.Fatalf("list %v, %v", list, err)
			}
			if err := src.Destroy(ctx, "kek-1"); err != nil {
				t.Fatal(err)
			}
			if _, err := src.Get(ctx, "kek-1"); !errors.Is(err, ErrNoSecret) {
				t.Fatalf("get of a destroyed secret: %v", err)
			}
			for _, bad := range []string{"", "../x", "-rf", "A", "a b", "a/b", ".", strings.Repeat("a", 65)} {
				_, err := src.Get(ctx, bad)
				if err == nil || errors.Is(err, ErrNoSecret) || src.Put(ctx, bad, one) == nil || src.Destroy(ctx, bad) == nil {
					t.Fatalf("name %q is taken: %v", bad, err)
				}
			}
			for _, bad := range [][]byte{nil, one[:31], append(one[:KeySize:KeySize], 1), make([]byte, KeySize)} {
				if err := src.Put(ctx, "x", bad); err == nil {
					t.Fatalf("secret of %d bytes is taken", len(bad))
				}
			}
			stopped, cancel := context.WithCancel(ctx)
			cancel()
			if _, err := src.Get(stopped, "kek-2"); !errors.Is(err, context.Canceled) {
				t.Fatalf("get after cancel: %v", err)
			}
			if err := src.Put(stopped, "kek-3", one); !errors.Is(err, context.Canceled) {
				t.Fatalf("put after cancel: %v", err)
			}
		})
	}
}

// A table works with every source.
func TestTableOverEverySource(t *testing.T) {
	for name, src := range sources(t) {
		t.Run(name, func(t *testing.T) {
			p := newPlace(vfs.Default)
			p.keys, p.opts.Keys, p.opts.Dir = src, src, filepath.Join(t.TempDir(), "keys")
			tab := p.create(t)
			keys := allocate(t, tab, 40)
			if err := tab.Destroy(keys[0].ref); err != nil {
				t.Fatal(err)
			}
			rotate(t, tab)
			tab.Close()
			tab, report := p.open(t)
			defer tab.Close()
			wantLive(t, tab, keys[1])
			wantErased(t, tab, keys[0].ref)
			if report.Found != 0 || report.Epoch != 2 {
				t.Fatalf("report %+v", report)
			}
		})
	}
}

func TestKeyDirModes(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "secrets")
	src := KeyDir(vfs.Default, dir)
	if err := src.Put(ctx, "head", noise(KeySize, 2)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "head")
	for p, want := range map[string]os.FileMode{dir: 0o700, path: 0o600} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Fatalf("%s: %v, %v, want %v", p, info.Mode(), err, want)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := src.Get(ctx, "head"); !errors.Is(err, ErrExposed) {
			t.Fatalf("file mode %o: %v, want ErrExposed", mode, err)
		}
	}
	if err := errors.Join(os.Chmod(path, 0o400), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Get(ctx, "head"); err != nil {
		t.Fatalf("readable directory: %v", err)
	}
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Get(ctx, "head"); !errors.Is(err, ErrExposed) {
		t.Fatalf("directory that others write: %v, want ErrExposed", err)
	}
	if err := src.Put(ctx, "other", noise(KeySize, 3)); !errors.Is(err, ErrExposed) {
		t.Fatalf("put into a directory that others write: %v, want ErrExposed", err)
	}
}

// Destroy overwrites before it removes; what a put leaves half done is wiped.
func TestKeyDirOverwrites(t *testing.T) {
	ctx := context.Background()
	mem := vfs.NewMem()
	tapped := &tap{FS: mem}
	src := KeyDir(tapped, "secrets")
	var trace []string
	tapped.set(func(c change) error {
		trace = append(trace, c.kind+" "+c.path)
		if c.kind == "remove" && !allZeroBytes(readFile(t, mem, c.path)) {
			t.Errorf("%s is removed with its content", c.path)
		}
		return nil
	})
	if err := src.Put(ctx, "head", noise(KeySize, 2)); err != nil {
		t.Fatal(err)
	}
	if err := src.Destroy(ctx, "head"); err != nil {
		t.Fatal(err)
	}
	want := []string{"write secrets/head", "sync secrets/head", "remove secrets/head", "sync secrets", "sync secrets"}
	if got := trace[len(trace)-len(want):]; !slices.Equal(got, want) {
		t.Fatalf("destroy did %q, want %q", got, want)
	}
	tapped.set(func(c change) error {
		if c.kind == "rename" {
			return errInjected
		}
		return nil
	})
	if err := src.Put(ctx, "head", noise(KeySize, 2)); !errors.Is(err, errInjected) {
		t.Fatal(err)
	}
	if got := names(t, mem, "secrets"); len(got) != 0 {
		t.Fatalf("a failed put left %v", got)
	}
}

func allZeroBytes(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func TestSecretFileForm(t *testing.T) {
	secret := noise(KeySize, 5)
	good := encodeSecret(secret)
	if got, err := decodeSecret(good); err != nil || !bytes.Equal(got, secret) {
		t.Fatal(err)
	}
	for bit := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeSecret(bad); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %v, want ErrCorrupt", bit, err)
		}
	}
	for _, bad := range [][]byte{nil, good[:48], append(bytes.Clone(good), '\n'), make([]byte, secretFile)} {
		if _, err := decodeSecret(bad); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d characters: %v, want ErrCorrupt", len(bad), err)
		}
	}
}

func TestKeyCommandFailures(t *testing.T) {
	ctx := context.Background()
	one := noise(KeySize, 6)
	fails := KeyCommand(script(t, "echo 'token expired' >&2; exit 1"))
	if _, err := fails.Get(ctx, "head"); err == nil || !strings.Contains(err.Error(), "token expired") || errors.Is(err, ErrNoSecret) || errors.Is(err, ErrCorrupt) {
		t.Fatalf("failing command: %v", err)
	}
	for _, answer := range []string{"", "hello", "AAAA\n", strings.Repeat("A", 60)} {
		if _, err := KeyCommand(script(t, "printf '"+answer+"'")).Get(ctx, "head"); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("answer %q: %v, want ErrCorrupt", answer, err)
		}
	}
	if _, err := KeyCommand(script(t, "echo 'not a name!'")).List(ctx); err == nil {
		t.Fatal("a list of no names is taken")
	}
	if _, err := KeyCommand(script(t, "yes kek-1 | head -c 3000000")).List(ctx); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Fatalf("endless list: %v", err)
	}
	if _, err := KeyCommand(script(t, "yes x | head -c 3000000 >&2; exit 1")).List(ctx); err == nil || len(err.Error()) > 4*commandStderr {
		t.Fatalf("endless complaint: %d characters", len(err.Error()))
	}
	if _, err := KeyCommand(nil).List(ctx); err == nil {
		t.Fatal("no command ran")
	}
	if _, err := KeyCommand([]string{"/does/not/exist"}).List(ctx); err == nil {
		t.Fatal("a command that does not exist ran")
	}
	slow := &keyCommand{argv: script(t, "sleep 60"), timeout: 50 * time.Millisecond}
	begin := time.Now()
	if _, err := slow.Get(ctx, "head"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 20*time.Second {
		t.Fatalf("slow command: %v after %v", err, time.Since(begin))
	}
	// Secrets go by standard input: the arguments of a put name it and nothing else.
	argv := script(t, `printf '%s\n' "$@" > "$1/argv"; cat > "$1/stdin"`)
	if err := KeyCommand(argv).Put(ctx, "head", one); err != nil {
		t.Fatal(err)
	}
	args, err := os.ReadFile(filepath.Join(argv[2], "argv"))
	if want := argv[2] + "\nput\nhead\n"; err != nil || string(args) != want {
		t.Fatalf("arguments %q, want %q", args, want)
	}
}
