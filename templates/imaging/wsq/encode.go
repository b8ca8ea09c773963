package wsq

// Options of Encode.
type Options struct {
	BitRate float64
	PPI     int
	Comment string
}
