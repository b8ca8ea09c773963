package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// FileKeys seals the keys of files that hold what can be made again from sealed records,
// such as rows of vectors, with a key derived from the key-encryption key of one epoch
// (HKDF-SHA-256, RFC 5869). When the epoch has ended nobody can derive it any more, so
// that no such file and no copy of one opens, whatever became of it: an interruption
// anywhere costs the work of making it again, and no erasure waits for one. It is
// safe for concurrent use.
type FileKeys struct {
	aead  cipher.AEAD
	epoch uint32
	store ID
}

func newFileKeys(secret []byte, h header) (*FileKeys, error) {
	info := binary.BigEndian.AppendUint32(append([]byte("immis file keys 1 "), h.store[:]...), h.epoch)
	raw, err := hkdf.Key(sha256.New, secret, nil, string(info), sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of files: %w", err)
	}
	defer clear(raw)
	aead, err := newGCM(raw)
	if err != nil {
		return nil, fmt.Errorf("derive the key of files: %w", err)
	}
	return &FileKeys{aead: aead, epoch: h.epoch, store: h.store}, nil
}

// Epoch is the key epoch with which these keys end.
func (k *FileKeys) Epoch() uint32 { return k.epoch }

// Wrap seals the key of a file: 12 bytes of nonce, then the sealed key with its tag.
func (k *FileKeys) Wrap(key []byte) ([]byte, error) {
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(key)+k.aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("wrap the key of a file: %w", err)
	}
	return k.aead.Seal(nonce, nonce, key, k.store[:]), nil
}

// Unwrap opens what Wrap made in the same epoch. Error: ErrCorrupt.
func (k *FileKeys) Unwrap(wrapped []byte) ([]byte, error) {
	n := k.aead.NonceSize()
	if len(wrapped) < n+k.aead.Overhead() {
		return nil, corrupt("key of a file", fmt.Sprintf("%d bytes", len(wrapped)), fmt.Sprintf(">= %d", n+k.aead.Overhead()))
	}
	key, err := k.aead.Open(nil, wrapped[:n], wrapped[n:], k.store[:])
	if err != nil {
		return nil, corrupt("key of a file", "one of another epoch or store, or damaged", fmt.Sprintf("one of epoch %d", k.epoch))
	}
	return key, nil
}

// FileKeys are those of the present epoch.
func (t *Table) FileKeys() *FileKeys {
	t.view.RLock()
	defer t.view.RUnlock()
	return t.cur.files
}
