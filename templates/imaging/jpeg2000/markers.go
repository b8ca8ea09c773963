package jpeg2000

// Markers of ISO/IEC 15444-1, Table A.2.
const (
	socMarker = 0xff4f
	capMarker = 0xff50
	sizMarker = 0xff51
	codMarker = 0xff52
	cocMarker = 0xff53
	tlmMarker = 0xff55
	plmMarker = 0xff57
	pltMarker = 0xff58
	qcdMarker = 0xff5c
	qccMarker = 0xff5d
	rgnMarker = 0xff5e
	pocMarker = 0xff5f
	ppmMarker = 0xff60
	pptMarker = 0xff61
	crgMarker = 0xff63
	comMarker = 0xff64
	sotMarker = 0xff90
	sopMarker = 0xff91
	ephMarker = 0xff92
	sodMarker = 0xff93
	eocMarker = 0xffd9
)

// markerName is the name of a marker segment in errors.
func markerName(m int) string {
	switch m {
	case capMarker:
		return "CAP"
	case sizMarker:
		return "SIZ"
	case codMarker:
		return "COD"
	case cocMarker:
		return "COC"
	case tlmMarker:
		return "TLM"
	case plmMarker:
		return "PLM"
	case pltMarker:
		return "PLT"
	case qcdMarker:
		return "QCD"
	case qccMarker:
		return "QCC"
	case rgnMarker:
		return "RGN"
	case pocMarker:
		return "POC"
	case ppmMarker:
		return "PPM"
	case pptMarker:
		return "PPT"
	case crgMarker:
		return "CRG"
	case comMarker:
		return "COM"
	case sotMarker:
		return "SOT"
	}
	return "marker segment"
}
