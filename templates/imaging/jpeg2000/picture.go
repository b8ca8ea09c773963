package jpeg2000

import "image"

// plane is one component of the image, 8 bits, on its own grid.
type plane struct {
	region
	pix []uint8
}

// inverseTransform undoes the component transform of the first three components,
// Annex G: reversible (RCT) or irreversible (ICT).
func inverseTransform(t []tileComponent) {
	if !t[0].any && !t[1].any && !t[2].any {
		return
	}
	if t[0].coding.reversible {
		a, b, c := t[0].ints, t[1].ints, t[2].ints
		for i, y := range a {
			u, v := b[i], c[i]
			g := y - (u+v)>>2
			a[i], b[i], c[i] = v+g, g, u+g
		}
	} else {
		a, b, c := t[0].floats, t[1].floats, t[2].floats
		for i, y := range a {
			u, v := b[i], c[i]
			a[i] = y + float32(1.402*v)
			b[i] = y - float32(0.344136*u) - float32(0.714136*v)
			c[i] = y + float32(1.772*u)
		}
	}
	for c := range 3 {
		t[c].any = true
	}
}

// store writes the samples of a tile into its place, as 8 bits.
func (p *plane) store(tc *tileComponent, k component) {
	if tc.empty() {
		return
	}
	level, top := int32(1)<<(k.bits-1), int32(1)<<k.bits-1
	w := tc.width()
	var spread [256]uint8
	if k.bits < 8 {
		for i := range int(top) + 1 {
			spread[i] = uint8((i*255 + int(top)/2) / int(top))
		}
	}
	shift := max(0, k.bits-8)
	to8 := func(v int32) uint8 {
		v = min(max(v, 0), top)
		if k.bits < 8 {
			return spread[v&0xff]
		}
		return uint8(v >> shift)
	}
	for y := range tc.height() {
		row := p.pix[(tc.y0-p.y0+y)*p.width()+tc.x0-p.x0:][:w]
		if tc.coding.reversible {
			for x, v := range tc.ints[y*w:][:w] {
				row[x] = to8(min(max(v, -level), level) + level)
			}
			continue
		}
		low, high := float32(-level), float32(level)
		for x, v := range tc.floats[y*w:][:w] {
			// Written so that what is not a number becomes the lowest value.
			if !(v > low) {
				v = low
			} else if v > high {
				v = high
			}
			row[x] = to8(int32(v + high + 0.5))
		}
	}
}

// picture makes the image of the planes.
func (f *file) picture(planes []plane) image.Image {
	r := f.size.image()
	w, h := r.width(), r.height()
	bounds := image.Rect(0, 0, w, h)
	if len(planes) == 1 {
		return &image.Gray{Pix: f.upsampled(planes, 0), Stride: w, Rect: bounds}
	}
	img := image.NewNRGBA(bounds)
	order := [maxComponents]int{0, 1, 2, 3}
	if f.boxed {
		order = f.boxes.order
	}
	for colour := range maxComponents {
		if colour == len(planes) {
			for i := 3; i < len(img.Pix); i += 4 {
				img.Pix[i] = 255
			}
			break
		}
		from := f.upsampled(planes, order[colour])
		to := img.Pix[colour:]
		for i, v := range from {
			to[4*i] = v
		}
	}
	if f.isYCC() {
		fromYCC(img.Pix)
	}
	return img
}

// isYCC tells whether the components are sYCC. Where nothing says so, subsampled
// colours do: red, green and blue are never subsampled.
func (f *file) isYCC() bool {
	if k := f.size.components; f.boxes.space == spaceUnknown && k[0].dx*k[0].dy == 1 {
		return k[1].dx*k[1].dy > 1 && k[2].dx*k[2].dy > 1
	}
	return f.boxes.space == spaceSYCC
}

// upsampled is plane c with a sample for each pixel of the image.
func (f *file) upsampled(planes []plane, c int) []uint8 {
	p, k, r := planes[c], f.size.components[c], f.size.image()
	if k.dx == 1 && k.dy == 1 {
		return p.pix
	}
	w := r.width()
	pix := make([]uint8, w*r.height())
	for y := range r.height() {
		row := p.pix[min(max((r.y0+y)/k.dy-p.y0, 0), p.height()-1)*p.width():]
		for x := range w {
			pix[y*w+x] = row[min(max((r.x0+x)/k.dx-p.x0, 0), p.width()-1)]
		}
	}
	return pix
}

// fromYCC turns sYCC (IEC 61966-2-1, Amendment 1) into sRGB, in place.
func fromYCC(pix []uint8) {
	// Factors scaled by 2^16; the sums are rounded.
	clamp := func(v int) uint8 { return uint8(min(max((v+1<<15)>>16, 0), 255)) }
	for i := 0; i+3 < len(pix); i += 4 {
		y, b, r := int(pix[i])<<16, int(pix[i+1])-128, int(pix[i+2])-128
		pix[i] = clamp(y + 91881*r)
		pix[i+1] = clamp(y - 22554*b - 46802*r)
		pix[i+2] = clamp(y + 116130*b)
	}
}
