package exchange

import (
	"immis/templates"
	"immis/templates/cbeff"
)

// openCBEFF lists the data blocks of a document that hold something. An exception
// is a finger that could not be captured; why is not said there.
func openCBEFF(data []byte) (Contents, error) {
	doc, err := cbeff.Decode(data)
	if err != nil {
		return Contents{}, err
	}
	samples, err := doc.Samples()
	if err != nil && !onlyExceptions(samples) {
		return Contents{}, err
	}
	var c Contents
	for i := range samples {
		s := &samples[i]
		if s.Exception {
			for _, p := range s.Positions {
				c.addMissing(p, MissingUnable)
			}
		}
		if !s.Usable() {
			continue // an empty block beside others
		}
		c.Parts = append(c.Parts, Part{
			Where: s.Path, Modality: s.Modality, Position: s.Position, Format: s.Format, Data: s.Data, Model: s.Model,
			Quality: s.Quality.Value, QualityAlgorithm: s.Quality.Algorithm, Captured: s.Captured,
		})
	}
	return c, nil
}

// onlyExceptions tells that the document is about fingers that are not there, and
// nothing else: no data, and no error but that.
func onlyExceptions(samples []cbeff.Sample) bool {
	missing := false
	for i := range samples {
		s := &samples[i]
		if len(s.Data) > 0 {
			return false
		}
		missing = missing || s.Exception && s.Modality == templates.ModalityFinger && len(s.Positions) > 0
	}
	return missing
}
