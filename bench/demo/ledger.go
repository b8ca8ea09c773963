package demo

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	immisv1 "immis/api/immis/v1"
)

// proveLedger gets the newest signed head, checks its signature, and computes
// its root once more from the headers of all entries.
func (p *play) proveLedger(ctx context.Context, res *Result) error {
	ctx, cancel := request(ctx)
	defer cancel()
	head, err := p.ledger.GetHead(ctx, &immisv1.GetHeadRequest{Context: purpose("")})
	if err != nil {
		return err
	}
	text, root, err := openHead(head)
	if err != nil {
		return err
	}
	res.Ledger = LedgerResult{Entries: head.GetSize(), Head: string(head.GetNote()), Signed: text != ""}
	leaves := make([]tlog.Hash, 0, head.GetSize())
	for uint64(len(leaves)) < head.GetSize() {
		p.Progress.Tell(PhaseLedger, len(leaves), int(head.GetSize()))
		page, err := p.ledger.ListEntries(ctx, &immisv1.ListEntriesRequest{Context: purpose(""), From: uint64(len(leaves)), PageSize: 1000})
		if err != nil {
			return err
		}
		if len(page.GetEntries()) == 0 {
			return fmt.Errorf("entry %d of %d is not given", len(leaves), head.GetSize())
		}
		for _, e := range page.GetEntries() {
			if e.GetNumber() != uint64(len(leaves)) {
				return fmt.Errorf("entry %d where %d should stand", e.GetNumber(), len(leaves))
			}
			if uint64(len(leaves)) == head.GetSize() {
				break
			}
			leaves = append(leaves, tlog.RecordHash(e.GetHeader()))
		}
	}
	res.Ledger.Proved = treeRoot(leaves) == root
	return nil
}

// openHead checks the signature of a head and reads its root. text is empty when
// the signature is not good.
func openHead(head *immisv1.GetHeadResponse) (text string, root tlog.Hash, err error) {
	verifier, err := note.NewVerifier(head.GetVerifierKey())
	if err != nil {
		return "", root, fmt.Errorf("key of the head: %w", err)
	}
	n, err := note.Open(head.GetNote(), note.VerifierList(verifier))
	if err != nil {
		var unverified *note.UnverifiedNoteError
		var invalid *note.InvalidSignatureError
		if errors.As(err, &unverified) || errors.As(err, &invalid) {
			return "", root, nil
		}
		return "", root, fmt.Errorf("head: %w", err)
	}
	// C2SP tlog-checkpoint: origin, size, root in base64, one line each.
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[1] != strconv.FormatUint(head.GetSize(), 10) {
		return "", root, fmt.Errorf("head of %d lines, want origin, size %d, root", len(lines), head.GetSize())
	}
	raw, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		return "", root, fmt.Errorf("root of the head: %w", err)
	}
	if len(raw) != len(root) {
		return "", root, fmt.Errorf("root of the head has %d bytes, want %d", len(raw), len(root))
	}
	copy(root[:], raw)
	return n.Text, root, nil
}

// treeRoot is the root of the Merkle tree over leaves, straight from RFC 6962,
// section 2.1: split at the largest power of two below the size.
func treeRoot(leaves []tlog.Hash) tlog.Hash {
	switch len(leaves) {
	case 0:
		root, err := tlog.TreeHash(0, nil)
		if err != nil {
			panic(fmt.Sprintf("root of an empty tree: %v", err))
		}
		return root
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return tlog.NodeHash(treeRoot(leaves[:k]), treeRoot(leaves[k:]))
}
