package eval

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// SampleInfo is what is known of a sample beside its scores. Empty and negative values are
// unknown.
type SampleInfo struct {
	Person  string
	Sex     string
	Age     float64 // years
	Station string
	Quality float64 // 0..100
}

// cells names the groups the sample belongs to, as "dimension=value".
func (s SampleInfo) cells() []string {
	var out []string
	if s.Sex != "" {
		out = append(out, "sex="+s.Sex)
	}
	if s.Age >= 0 {
		band, upper := "65+", []int{11, 17, 34, 49, 64}
		for i, low := range []int{0, 12, 18, 35, 50} {
			if s.Age < float64(upper[i]+1) {
				band = fmt.Sprintf("%d-%d", low, upper[i])
				break
			}
		}
		out = append(out, "age="+band)
	}
	if s.Station != "" {
		out = append(out, "station="+s.Station)
	}
	if s.Quality >= 0 {
		low := min(int(s.Quality)/20*20, 80)
		out = append(out, fmt.Sprintf("quality=%d-%d", low, min(low+19+low/80, 100)))
	}
	return out
}

// ReadSamples reads what is known of samples: comma-separated values with a heading
// that names id and person (or, as lists of vectors do, row and identity_id) and may
// name sex, age (years), station and quality (0..100). An identifier given twice is a
// *LabelError.
func ReadSamples(r io.Reader) (ids []string, info map[string]SampleInfo, err error) {
	records, err := csv.NewReader(r).ReadAll()
	if err != nil {
		line := 0
		if p := new(csv.ParseError); errors.As(err, &p) {
			line = p.Line
		}
		return nil, nil, &FormatError{Line: line, What: "list of samples", Err: err}
	}
	if len(records) < 2 {
		return nil, nil, &FormatError{Line: 1, What: "list of samples without samples"}
	}
	column := map[string]int{}
	for i, name := range records[0] {
		column[strings.TrimPrefix(name, "\ufeff")] = i + 1
	}
	id, person := column["id"]+column["row"], column["person"]+column["identity_id"]
	if id == 0 || person == 0 || id > len(records[0]) || person > len(records[0]) {
		return nil, nil, &FormatError{Line: 1, What: "heading " + strconv.Quote(strings.Join(records[0], ",")) + ", want id and person, or row and identity_id"}
	}
	info = make(map[string]SampleInfo, len(records))
	for i, f := range records[1:] {
		get := func(name string) string {
			if k := column[name]; k > 0 {
				return strings.TrimSpace(f[k-1])
			}
			return ""
		}
		number := func(name string, most float64) (float64, error) {
			v := get(name)
			if v == "" {
				return -1, nil
			}
			x, err := strconv.ParseFloat(v, 64)
			if err != nil || !(x >= 0 && x <= most) {
				return 0, &FormatError{Line: i + 2, What: fmt.Sprintf("%s %q, want 0..%.0f", name, v, most)}
			}
			return x, nil
		}
		s := SampleInfo{Person: f[person-1], Sex: get("sex"), Station: get("station")}
		if s.Age, err = number("age", 150); err != nil {
			return nil, nil, err
		}
		if s.Quality, err = number("quality", 100); err != nil {
			return nil, nil, err
		}
		if s.Person == "" || f[id-1] == "" {
			return nil, nil, &UnknownError{Line: i + 2, ID: f[id-1], Want: "a sample and its person"}
		}
		if _, twice := info[f[id-1]]; twice {
			return nil, nil, &LabelError{Line: i + 2, What: fmt.Sprintf("sample %q is listed twice", f[id-1])}
		}
		info[f[id-1]] = s
		ids = append(ids, f[id-1])
	}
	return ids, info, nil
}
