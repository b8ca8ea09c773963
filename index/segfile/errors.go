package segfile

import (
	"errors"
	"fmt"
)

// The errors a caller tells apart with errors.Is. None of them passes by itself except
// the cause of ErrKey: the file is of no use and is to be removed and written anew. An
// error of the file system is passed on as it is, and a file that is not there is
// fs.ErrNotExist.
var (
	// ErrCorrupt marks bytes that are not those that were written: damaged, cut, moved,
	// or of another file.
	ErrCorrupt = errors.New("corrupt")
	// ErrKey says that the wrapper did not open the file's key: another key or one
	// destroyed, or the wrapper failed; the error has its cause.
	ErrKey = errors.New("sealed under another key")
	// ErrOther marks a whole file of another store, model, dimension or form.
	ErrOther = errors.New("file of other rows")
	// ErrVersion marks a file of a version that this program does not know.
	ErrVersion = errors.New("unknown version")
	// ErrClosed is the answer of a closed file.
	ErrClosed = errors.New("segment file is closed")
)

// Error says what of a file was looked at, what was found and what is wanted. It wraps
// one of the errors above and never holds bytes of rows or keys.
type Error struct {
	Path, What string
	Got, Want  string
	Err        error
}

func (e *Error) Error() string {
	return fmt.Sprintf("segment file %s: %s %s, want %s: %v", e.Path, e.What, e.Got, e.Want, e.Err)
}

// Unwrap returns the kind of the error.
func (e *Error) Unwrap() error { return e.Err }

// bad makes an Error without a path, which the caller of the package's functions adds.
func bad(kind error, what string, got, want any) error {
	return &Error{What: what, Got: fmt.Sprint(got), Want: fmt.Sprint(want), Err: kind}
}

// at names the file in an error; nil stays nil.
func at(path string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) && e.Path == "" {
		e.Path = path
		return err
	}
	return fmt.Errorf("segment file %s: %w", path, err)
}
