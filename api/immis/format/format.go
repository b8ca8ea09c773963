// Package format pairs the sample formats of the API with those of package
// templates, for both ends of a connection: the server that reads samples and
// clients that recognise them. It refuses to look into samples.
package format

import (
	immisv1 "immis/api/immis/v1"
	"immis/templates"
)

// pairs holds each format of the API once. That some of the numbers agree is an accident.
var pairs = [...]struct {
	api  immisv1.Format
	ours templates.Format
}{
	{immisv1.Format_FORMAT_FACE_FLOAT32, templates.FormatFaceFloat32},
	{immisv1.Format_FORMAT_FACE_FLOAT16, templates.FormatFaceFloat16},
	{immisv1.Format_FORMAT_FACE_INT8, templates.FormatFaceInt8},
	{immisv1.Format_FORMAT_ISO_19794_2_2005, templates.FormatISO19794_2_2005},
	{immisv1.Format_FORMAT_PNG, templates.FormatPNG},
	{immisv1.Format_FORMAT_JPEG, templates.FormatJPEG},
	{immisv1.Format_FORMAT_WSQ, templates.FormatWSQ},
	{immisv1.Format_FORMAT_JPEG2000, templates.FormatJP2},
	{immisv1.Format_FORMAT_OTHER, templates.FormatOther},
	{immisv1.Format_FORMAT_ISO_19794_2_2011, templates.FormatISO19794_2_2011},
	{immisv1.Format_FORMAT_ISO_19794_2_CARD_NORMAL, templates.FormatISO19794_2_CardNormal},
	{immisv1.Format_FORMAT_ISO_19794_2_CARD_COMPACT, templates.FormatISO19794_2_CardCompact},
	{immisv1.Format_FORMAT_ANSI_378_2004, templates.FormatANSI378_2004},
	{immisv1.Format_FORMAT_ANSI_378_2007, templates.FormatANSI378_2007},
	{immisv1.Format_FORMAT_ANSI_378_2009, templates.FormatANSI378_2009},
	{immisv1.Format_FORMAT_ANSI_378_2009_AM1, templates.FormatANSI378_2009AM1},
	{immisv1.Format_FORMAT_ISO_19794_4_2005, templates.FormatISO19794_4_2005},
	{immisv1.Format_FORMAT_ISO_19794_4_2011, templates.FormatISO19794_4_2011},
	{immisv1.Format_FORMAT_ISO_19794_5_2005, templates.FormatISO19794_5_2005},
	{immisv1.Format_FORMAT_ISO_19794_5_2011, templates.FormatISO19794_5_2011},
	{immisv1.Format_FORMAT_BMP, templates.FormatBMP},
	{immisv1.Format_FORMAT_TIFF, templates.FormatTIFF},
	{immisv1.Format_FORMAT_CBEFF_XML, templates.FormatCBEFF},
	{immisv1.Format_FORMAT_ANSI_NIST_ITL, templates.FormatANSINIST},
}

// FromAPI is the format that a message names; templates.FormatUnknown for
// FORMAT_UNSPECIFIED and for numbers that the API does not have.
func FromAPI(f immisv1.Format) templates.Format {
	for _, p := range pairs {
		if p.api == f {
			return p.ours
		}
	}
	return templates.FormatUnknown
}

// ToAPI is the inverse of FromAPI; FORMAT_UNSPECIFIED for what is not known.
func ToAPI(f templates.Format) immisv1.Format {
	for _, p := range pairs {
		if p.ours == f {
			return p.api
		}
	}
	return immisv1.Format_FORMAT_UNSPECIFIED
}
