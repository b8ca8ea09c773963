package exchange

import (
	"fmt"

	"immis/templates"
	"immis/templates/ansi378"
	"immis/templates/iso19794"
)

func isoTolerance(o Options) iso19794.Tolerance {
	if o.AllowPadding {
		return iso19794.TolerateOverstatedExtension | iso19794.TolerateZeroPadding
	}
	return iso19794.TolerateOverstatedExtension
}

// ansiTolerance accepts what changes no minutia. An angle that is none stays refused.
func ansiTolerance(o Options) ansi378.Tolerance {
	allow := ansi378.TolerateOverstatedExtension | ansi378.TolerateUnderstatedLength | ansi378.TolerateVersionDigits | ansi378.TolerateUnderstatedExtension
	if o.AllowPadding {
		allow |= ansi378.TolerateZeroPadding
	}
	return allow
}

// minutiaeRecord is a decoded record of any standard and version.
type minutiaeRecord interface {
	Fingers() ([]templates.Finger, error)
}

// fingersOf gives each view of a record as a template, at the stated position.
func fingersOf[R minutiaeRecord](r R, err error) func(Options) (Decoded, error) {
	return func(o Options) (Decoded, error) {
		if err != nil {
			return Decoded{}, err
		}
		fingers, err := r.Fingers()
		if err != nil {
			return Decoded{}, err
		}
		d := Decoded{Position: o.Position}
		for i := range fingers {
			f := &fingers[i]
			if f.Position, err = settle(fmt.Sprintf("finger view %d", i+1), templates.NoOffset, f.Position, o.Position); err != nil {
				return Decoded{}, err
			}
			d.Templates = append(d.Templates, templates.Template{Finger: f})
		}
		if len(fingers) == 1 {
			d.Position = fingers[0].Position
		}
		return d, nil
	}
}

// settle joins the position that a view has with the stated one: they may not
// contradict each other.
func settle(view string, offset int, has, stated templates.Position) (templates.Position, error) {
	switch {
	case stated == templates.PositionUnknown || has == stated:
		return has, nil
	case has == templates.PositionUnknown:
		return stated, nil
	}
	return 0, templates.BadAt(offset, templates.ReasonPosition, view+": finger position", has, fmt.Sprintf("%d as stated", stated))
}
