package exchange

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"immis/templates"
)

// words turns the name of a field into words: "ResolutionX" becomes "resolution x".
func words(name string) string {
	var b strings.Builder
	switch name {
	case "Number":
		return "view number"
	case "Endings":
		return "ridge endings lie"
	case "BIRs":
		return "records"
	case "Others":
		return "other entries"
	case "Short":
		return "minutiae without quality"
	}
	r := []rune(name)
	for i, c := range r {
		if i > 0 && unicode.IsUpper(c) && (unicode.IsLower(r[i-1]) || i+1 < len(r) && unicode.IsLower(r[i+1])) {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	out := strings.Fields(b.String())
	for i, w := range out {
		if len(w) == 1 || !isUpper(w) {
			out[i] = strings.ToLower(w)
		}
	}
	return strings.Join(out, " ")
}

func isUpper(w string) bool { return strings.ToUpper(w) == w }

func singular(name string) string {
	switch {
	case name == "minutiae":
		return "minutia"
	case strings.HasSuffix(name, "ies"):
		return strings.TrimSuffix(name, "ies") + "y"
	case strings.HasSuffix(name, "s"):
		return strings.TrimSuffix(name, "s")
	}
	return name
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(n) + " " + what + "s"
}

// grouped is a number with commas between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// worded is a number of a field with its word or unit.
func worded(owner, name string, n uint64) string {
	switch name {
	case "Position", "PositionCode", "Code", "Positions", "Codes":
		if owner == "Landmark" || owner == "Finger2011" {
			break
		}
		return positionWord(n)
	case "Impression":
		return code(n, impressionWord(n))
	case "Width", "Height", "Left", "Right", "Top", "Bottom":
		return fmt.Sprintf("%d pixels", n)
	case "ResolutionX", "ResolutionY", "ScanX", "ScanY":
		if owner == "Scale" {
			return fmt.Sprint(n)
		}
		return fmt.Sprintf("%d pixels per cm (%.4g ppi)", n, float64(n)*2.54)
	case "Scan":
		return code(n, word(n, "least resolution of the standard", "native resolution of the scanner"))
	case "Units":
		return code(n, word(n, "", "per inch", "per cm"))
	case "BitDepth":
		return fmt.Sprintf("%d bits", n)
	case "BodyHeight":
		if n == 0 {
			return "not stated"
		}
		return fmt.Sprintf("%d cm", n)
	case "Quality", "Score":
		return qualityWord(n)
	case "Certification", "Device", "Vendor", "Algorithm", "QualityVendor", "QualityAlgorithm", "Technology", "Acquisition", "Owner", "Product":
		if n == 0 {
			return "not stated"
		}
	case "Gender":
		if n == 255 {
			return "not known (255)"
		}
		return code(n, word(n, "not stated", "male", "female"))
	case "EyeColor":
		return code(n, word(n, "not stated", "black", "blue", "brown", "gray", "green", "several", "pink"))
	case "HairColor":
		return code(n, word(n, "not stated", "bald", "black", "blond", "brown", "gray", "white", "red"))
	case "ColorSpace":
		return code(n, word(n, "not stated", "RGB, 24 bits", "YUV 4:2:2", "gray, 8 bits"))
	case "Source":
		return code(n, word(n, "not stated", "photograph", "photograph of a digital camera", "scanned photograph", "video frame", "frame of an analog video camera", "frame of a digital video camera"))
	case "Compression", "DataType":
		return code(n, compressionWord(owner, n))
	case "Type":
		switch owner {
		case "Face2005Image":
			return code(n, word(n, "basic", "full frontal", "token", "other"))
		case "Face2011Image":
			return code(n, word(n, "", "basic", "full frontal", "token", "post-processed"))
		case "Landmark":
			return code(n, word(n, "", "MPEG-4", "anthropometric"))
		case "Block":
			return code(n, word(n, "", "segmentation", "annotation", "comment"))
		}
	}
	return fmt.Sprint(n)
}

// code is a word with the number it stands for.
func code(n uint64, word string) string {
	if word == "" {
		return fmt.Sprintf("code %d", n)
	}
	return fmt.Sprintf("%s (%d)", word, n)
}

func word(n uint64, words ...string) string {
	if n < uint64(len(words)) {
		return words[n]
	}
	return ""
}

func compressionWord(owner string, n uint64) string {
	switch owner {
	case "Face2005Image":
		return word(n, "JPEG", "JPEG 2000")
	case "Face2011Image":
		return word(n, "JPEG", "JPEG 2000 with loss", "JPEG 2000 without loss", "PNG")
	case "Finger2005":
		return word(n, "none", "none, bits packed", "WSQ", "JPEG", "JPEG 2000", "PNG")
	case "Header":
		return word(n, "none", "WSQ", "JPEG", "JPEG without loss", "JPEG 2000", "JPEG 2000 without loss", "PNG")
	}
	return word(n, "none", "none, bits packed", "WSQ", "JPEG", "JPEG 2000 with loss", "JPEG 2000 without loss", "PNG")
}

// positionWord is a friction ridge position (ISO/IEC 19794-2 table 2, 19794-4 table 6,
// ANSI/NIST-ITL 1-2011 table 8).
func positionWord(n uint64) string {
	w := word(n, "unknown finger", "right thumb", "right index", "right middle", "right ring", "right little", "left thumb", "left index", "left middle", "left ring", "left little",
		"right thumb, plain", "left thumb, plain", "right four fingers", "left four fingers", "both thumbs", "right extra digit", "left extra digit", "unknown friction ridge", "tip or joint",
		"unknown palm", "right full palm", "right writer's palm", "left full palm", "left writer's palm", "right lower palm", "right upper palm", "left lower palm", "left upper palm", "right palm, other", "left palm, other",
		"right interdigital", "right thenar", "right hypothenar", "left interdigital", "left thenar", "left hypothenar", "right grasp", "left grasp")
	switch {
	case w != "":
	case n >= 40 && n <= 50:
		w = "several fingers"
	case n >= 60 && n <= 79:
		w = "sole or toes"
	}
	return code(n, w)
}

// impressionWord is an impression type (ANSI/NIST-ITL 1-2011 table 7, with which the
// codes of ISO/IEC 19794 and ANSI INCITS 378 agree).
func impressionWord(n uint64) string {
	if w := word(n, "live-scan plain", "live-scan rolled", "nonlive-scan plain", "nonlive-scan rolled", "latent impression", "latent tracing", "latent photo", "latent lift", "live-scan swipe", "live-scan vertical roll",
		"live-scan palm", "nonlive-scan palm", "latent palm impression", "latent palm tracing", "latent palm photo", "latent palm lift"); w != "" {
		return w
	}
	if n >= 20 {
		return word(n-20, "live-scan optical contact plain", "live-scan optical contact rolled", "live-scan other contact plain", "live-scan other contact rolled",
			"live-scan optical contactless plain", "live-scan optical contactless rolled", "live-scan other contactless plain", "live-scan other contactless rolled", "other", "unknown")
	}
	return ""
}

func minutiaWord(t templates.MinutiaType) string {
	switch t {
	case templates.MinutiaEnding:
		return "ending"
	case templates.MinutiaBifurcation:
		return "bifurcation"
	}
	return "other"
}

// minutiaQuality is the quality of a minutia where it is stated.
func minutiaQuality(f templates.Format, q uint8) string {
	old := f == templates.FormatISO19794_2_2005 || f == templates.FormatANSI378_2004
	switch {
	case old && q == 0, q == 254:
		return ""
	case q == 255:
		return ", quality failed"
	}
	return fmt.Sprintf(", quality %d", q)
}

func qualityWord(n uint64) string {
	switch {
	case n <= 100:
		return fmt.Sprint(n)
	case n == 254:
		return "not stated"
	case n == 255:
		return "could not be computed"
	}
	return code(n, "")
}

// recordWord is a record type of ANSI/NIST-ITL.
func recordWord(t int) string {
	switch t {
	case 1:
		return "transaction information"
	case 2:
		return "user-defined text"
	case 3:
		return "low-resolution gray fingerprint"
	case 4:
		return "high-resolution gray fingerprint"
	case 5:
		return "low-resolution binary fingerprint"
	case 6:
		return "high-resolution binary fingerprint"
	case 7:
		return "user-defined image"
	case 8:
		return "signature"
	case 9:
		return "minutiae"
	case 10:
		return "face, scar, mark or tattoo image"
	case 13:
		return "latent friction ridge image"
	case 14:
		return "fingerprint image"
	case 15:
		return "palm print image"
	case 16:
		return "user-defined test image"
	case 17:
		return "iris image"
	case 18:
		return "DNA"
	case 19:
		return "plantar image"
	case 20:
		return "source representation"
	case 21:
		return "associated context"
	case 22:
		return "non-photographic image"
	case 98:
		return "information assurance"
	case 99:
		return "CBEFF biometric data"
	}
	return "other data"
}

// fieldWord is the name of a common field of ANSI/NIST-ITL.
func fieldWord(record, number int) string {
	switch {
	case number == 1:
		return "length"
	case number == 2 && record != 1:
		return "IDC"
	case number == 999:
		return "image"
	case record == 1:
		return word(uint64(number), "", "length", "version", "content", "type of transaction", "date", "priority", "destination agency", "originating agency", "control number",
			"control reference", "native scanning resolution (pixels per mm)", "nominal resolution (pixels per mm)", "domain", "time (UTC)", "character encoding", "application profiles", "agency names", "geographic names")
	case record >= 10 && record <= 17 && number == 4:
		return "source agency"
	case record >= 10 && record <= 17 && number == 5:
		return "date of capture"
	case record >= 10 && record <= 17 && number >= 6 && number <= 12:
		w := []string{"width (pixels)", "height (pixels)", "unit of scale (1 per inch, 2 per cm)", "pixels per unit, horizontal", "pixels per unit, vertical", "compression", "bits per pixel"}[number-6]
		if number == 12 && record == 10 {
			w = "color space"
		}
		return w
	case (record == 13 || record == 14 || record == 15) && number == 3:
		return "impression type"
	case (record == 13 || record == 14 || record == 15) && number == 13:
		return "position"
	case record == 14:
		switch number {
		case 18:
			return "missing fingers"
		case 20:
			return "comment"
		case 21:
			return "segments (position, left, right, top, bottom)"
		case 22:
			return "NFIQ quality"
		case 23:
			return "segmentation quality"
		case 24:
			return "finger quality"
		}
	case record == 10 && number == 3:
		return "image type"
	case record == 10 && number == 20:
		return "pose"
	case record == 9 && number >= 3 && number <= 12:
		return []string{"impression type", "minutiae format", "originator", "position", "pattern", "cores", "deltas", "number of minutiae", "ridge counts stated", "minutiae"}[number-3]
	}
	return ""
}
