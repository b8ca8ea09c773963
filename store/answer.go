package store

import (
	"fmt"

	"immis/store/seal"
)

// OpenAnswer opens the sealed answer of a request that was committed before.
// Errors: ErrNotFound for an unknown request, ErrErased when the key of the
// subject it belongs to was destroyed, ErrCorrupt.
func (s *Store) OpenAnswer(request ID) ([]byte, error) {
	v, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer s.releaseView(v)
	raw, ok, err := dbReader{v.snap}.get(idKey(prefixRequest, request))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("request: %w", ErrNotFound)
	}
	q, err := decodeRequest(raw)
	if err != nil {
		return nil, err
	}
	if len(q.answer) == 0 {
		return nil, nil
	}
	key := s.StoreKey()
	if q.subject != (ID{}) {
		if key, err = s.SubjectKey(q.subject); err != nil {
			return nil, fmt.Errorf("answer of a request: %w", err)
		}
	}
	// The subject may have been erased and enrolled anew since, under another key.
	ref, err := seal.SealedRef(q.answer)
	if err != nil {
		return nil, fmt.Errorf("answer of a request: %w", err)
	}
	if ref != key.Ref() && s.table.Erased(ref) {
		return nil, fmt.Errorf("answer of a request: %w", ErrErased)
	}
	plain, err := key.Open(s.Context(AnswerRow(request, q.subject)), q.answer)
	if err != nil {
		return nil, fmt.Errorf("answer of a request: %w", err)
	}
	return plain, nil
}
