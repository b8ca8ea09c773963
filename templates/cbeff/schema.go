package cbeff

import (
	"fmt"

	"immis/templates"
)

// The methods below read one type of the schema each, from behind its start tag up to
// its end.

// mark is the offset of an element as BIR keeps it.
func (p *parser) mark(t *tag) int { return p.base + t.at + 1 }

// bir reads a BIR. field is its path, number counts it among its sisters: "2.1".
func (p *parser) bir(field, number string, t *tag, b *BIR) error {
	if p.birs++; p.birs > MaxBIRs {
		return p.bad(t.at, templates.ReasonOversized, "document with", fmt.Sprintf("more than %d BIRs", MaxBIRs), "fewer")
	}
	b.at = p.mark(t)
	others := func(field string, t *tag) error { return p.others(field, t, b) }
	return p.sequence(field,
		child{"Version", 0, 1, p.version(&b.Version)},
		child{"CBEFFVersion", 0, 1, p.version(&b.CBEFFVersion)},
		child{"BIRInfo", 1, 1, func(field string, _ *tag) error { return p.birInfo(field, &b.Info) }},
		child{"BDBInfo", 0, 1, func(field string, t *tag) error {
			b.BDBInfo, b.infoAt = &BDBInfo{}, p.mark(t)
			return p.bdbInfo(field, b.BDBInfo)
		}},
		child{"SBInfo", 0, 1, func(field string, _ *tag) error {
			b.SBInfo = &SBInfo{}
			return p.sequence(field, p.registry("Format", "Format", &b.SBInfo.Format)...)
		}},
		child{"BIR", 0, many, func(_ string, t *tag) error {
			n := fmt.Sprint(len(b.BIRs) + 1)
			if number != "" {
				n = number + "." + n
			}
			b.BIRs = append(b.BIRs, BIR{})
			return p.bir("BIR "+n, n, t, &b.BIRs[len(b.BIRs)-1])
		}},
		child{"BDB", 0, 1, func(field string, t *tag) error {
			b.bdbAt = p.mark(t)
			return p.base64(&b.BDB)(field, t)
		}},
		child{"SB", 0, 1, p.base64(&b.SB)},
		child{"others", 0, many, others},
		child{"Others", 0, many, others},
	)
}

func (p *parser) version(v **Version) func(string, *tag) error {
	return func(field string, _ *tag) error {
		*v = &Version{}
		return p.sequence(field, child{"Major", 1, 1, p.number(&(*v).Major)}, child{"Minor", 1, 1, p.number(&(*v).Minor)})
	}
}

func (p *parser) birInfo(field string, b *BIRInfo) error {
	return p.sequence(field,
		child{"Creator", 0, 1, p.string(&b.Creator)},
		child{"Index", 0, 1, p.uuid(&b.Index)},
		child{"Payload", 0, 1, p.base64(&b.Payload)},
		child{"Integrity", 1, 1, p.bool(&b.Integrity)},
		child{"CreationDate", 0, 1, p.dateTime(&b.CreationDate)},
		child{"NotValidBefore", 0, 1, p.dateTime(&b.NotValidBefore)},
		child{"NotValidAfter", 0, 1, p.dateTime(&b.NotValidAfter)},
	)
}

func (p *parser) bdbInfo(field string, b *BDBInfo) error {
	children := []child{
		{"ChallengeResponse", 0, 1, p.base64(&b.ChallengeResponse)},
		{"Index", 0, 1, p.uuid(&b.Index)},
	}
	children = append(children, p.registry("Format", "Format", &b.Format)...)
	children = append(children,
		child{"Encryption", 0, 1, func(field string, t *tag) error {
			b.Encryption = new(bool)
			return p.bool(b.Encryption)(field, t)
		}},
		child{"CreationDate", 0, 1, p.dateTime(&b.CreationDate)},
		child{"NotValidBefore", 0, 1, p.dateTime(&b.NotValidBefore)},
		child{"NotValidAfter", 0, 1, p.dateTime(&b.NotValidAfter)},
		child{"Type", 0, 1, p.list(&b.Types, types)},
		child{"Subtype", 0, 1, p.list(&b.Subtypes, subtypes)},
		child{"Level", 0, 1, p.oneOf(&b.Level, levels)},
	)
	children = append(children, p.registry("Product", "Product", &b.Product)...)
	if p.dialect == DialectISO {
		children = append(children, p.registry("CaptureDevice", "", &b.CaptureDevice)...)
		children = append(children, p.registry("FeatureExtractionAlgorithm", "", &b.FeatureExtractionAlgorithm)...)
		children = append(children, p.registry("ComparisonAlgorithm", "", &b.ComparisonAlgorithm)...)
		children = append(children, p.registry("CompressionAlgorithm", "", &b.CompressionAlgorithm)...)
	}
	children = append(children,
		child{"Purpose", 0, 1, p.oneOf(&b.Purpose, purposes)},
		child{"Quality", 0, 1, func(field string, t *tag) error {
			b.Quality = &Quality{}
			return p.quality(field, t, b.Quality)
		}},
	)
	return p.sequence(field, children...)
}

// registry is an identifier: one element called name with two inside, or in
// DialectBIAS two elements whose names begin with prefix.
func (p *parser) registry(name, prefix string, r **Registry) []child {
	at := func() *Registry {
		if *r == nil {
			*r = &Registry{}
		}
		return *r
	}
	if p.dialect == DialectBIAS {
		return []child{
			{prefix + "Owner", 0, 1, func(field string, t *tag) error { return p.positive(&at().Organization)(field, t) }},
			{prefix + "Type", 0, 1, func(field string, t *tag) error { return p.positive(&at().Type)(field, t) }},
		}
	}
	return []child{{name, 0, 1, func(field string, _ *tag) error { return p.identifier(field, at()) }}}
}

func (p *parser) identifier(field string, r *Registry) error {
	return p.sequence(field, child{"Organization", 1, 1, p.string(&r.Organization)}, child{"Type", 1, 1, p.string(&r.Type)})
}

func (p *parser) quality(field string, t *tag, q *Quality) error {
	if p.dialect == DialectBIAS {
		return p.integer(&q.Score, ScoreUnsupported, 100)(field, t)
	}
	scored, failed := false, false
	err := p.sequence(field,
		child{"Algorithm", 1, 1, func(field string, _ *tag) error { return p.identifier(field, &q.Algorithm) }},
		child{"Score", 0, 1, func(field string, t *tag) error { scored = true; return p.integer(&q.Score, 0, 100)(field, t) }},
		child{"QualityCalculationFailed", 0, 1, func(field string, t *tag) error {
			failed, q.Score = true, ScoreFailed
			return p.string(&q.Failed)(field, t)
		}},
	)
	if err == nil && scored == failed {
		return p.bad(t.at, templates.ReasonMalformed, field, "has both or none of Score and QualityCalculationFailed", "one")
	}
	return err
}

// others reads entries in either of the two forms in use:
// <others><entry key="K">V</entry></others> and
// <Others><Key>K</Key><Value>V</Value></Others>.
func (p *parser) others(field string, t *tag, b *BIR) error {
	before := len(b.Others)
	add := func(field string, at int, e Entry) error {
		if len(b.Others) == MaxEntries {
			return p.bad(at, templates.ReasonOversized, field, "is one too many", fmt.Sprintf("<= %d", MaxEntries))
		}
		b.Others = append(b.Others, e)
		return nil
	}
	var err error
	if t.name == "others" {
		err = p.sequence(field, child{"entry", 0, many, func(field string, t *tag) error {
			if len(t.attr) == 0 {
				return p.bad(t.at, templates.ReasonMalformed, field+": key", "is missing", "one")
			}
			e := Entry{Key: t.attr[0].Value}
			if err := p.string(&e.Value)(field, t); err != nil {
				return err
			}
			if t.none && e.Value != "" {
				return p.bad(t.at, templates.ReasonMalformed, field, "is nil but has a value", "no value")
			}
			return add(field, t.at, e)
		}})
	} else {
		need := 1
		if t.none {
			need = 0
		}
		var e Entry
		err = p.sequence(field, child{"Key", need, 1, p.string(&e.Key)}, child{"Value", need, 1, p.string(&e.Value)})
		if err == nil && (!t.none || e != (Entry{})) {
			err = add(field, t.at, e)
		}
	}
	if err == nil && t.none && len(b.Others) > before {
		return p.bad(t.at, templates.ReasonMalformed, field, "is nil but holds entries", "none")
	}
	return err
}
