package codectest

import "testing"

// TestWalk: every kind of difference is found, and values are counted.
func TestWalk(t *testing.T) {
	for _, c := range []struct {
		want, got           string
		values, differences int
	}{
		{`{"a":[1,"x",null],"b":{"c":true}}`, `{"b":{"c":true},"a":[1,"x",null]}`, 4, 0},
		{`{"a":1}`, `{"a":2}`, 1, 1},
		{`{"a":1}`, `{"a":"1"}`, 1, 1},
		{`{"a":1}`, `{"b":1}`, 0, 1},
		{`{"a":1}`, `{"a":1,"b":1}`, 0, 1},
		{`{"a":1,"b":2}`, `{"a":1}`, 0, 1},
		{`{"a":[1]}`, `{"a":[1,2]}`, 0, 1},
		{`{"a":[1]}`, `{"a":1}`, 0, 1},
		{`{"a":{}}`, `{"a":[]}`, 0, 1},
		{`[1,2,3]`, `[3,2,1]`, 3, 2},
		{`null`, `0`, 1, 1},
	} {
		want, err := tree([]byte(c.want))
		if err != nil {
			t.Fatal(err)
		}
		got, err := tree([]byte(c.got))
		if err != nil {
			t.Fatal(err)
		}
		values, differences := walk("", want, got, nil)
		if values != c.values || len(differences) != c.differences {
			t.Errorf("%s and %s: %d values, %q", c.want, c.got, values, differences)
		}
	}
}
