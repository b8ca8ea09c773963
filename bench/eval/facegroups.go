package eval

// Groups numbers the persons of samples from 0 up in the order in which they come, and the
// groups the samples belong to: those of sample i are groups[i], their names names. groups
// is nil where none is known.
func Groups(ids []string, info map[string]SampleInfo) (persons []int32, groups [][]int32, names []string) {
	people, known := map[string]int32{}, map[string]int32{}
	groups = make([][]int32, len(ids))
	for i, id := range ids {
		s := info[id]
		p, ok := people[s.Person]
		if !ok {
			p = int32(len(people))
			people[s.Person] = p
		}
		persons = append(persons, p)
		for _, name := range s.cells() {
			k, ok := known[name]
			if !ok {
				k = int32(len(names))
				known[name] = k
				names = append(names, name)
			}
			groups[i] = append(groups[i], k)
		}
	}
	if len(names) == 0 {
		groups = nil
	}
	return persons, groups, names
}

// Cells names the groups of AllPairs.
func Cells(names []string, samples []*Sample) map[string]*Cell {
	out := map[string]*Cell{}
	for i, name := range names {
		c := &Cell{Sample: samples[i], persons: map[int32]bool{}}
		for p, n := range samples[i].Images {
			if n > 0 {
				c.persons[int32(p)] = true
			}
		}
		out[name] = c
	}
	return out
}
