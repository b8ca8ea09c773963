package synth_test

import (
	"fmt"

	"immis/bench/synth"
	"immis/templates"
)

// A person is enrolled and comes back under another name.
func Example() {
	w, err := synth.New(synth.Config{Seed: 1, People: 2000, AliasShare: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for number := range 2 {
		v := w.Visit(7, number)
		fmt.Println(v.Surname, v.Given, v.Patronymic, "/", v.SurnameLatin, v.GivenLatin, v.Sex, v.BirthDate, v.Nationality, v.Document)
		fmt.Println("truth: person", v.Person, "changes:", v.Changes)
		face := w.Face(v.Person, v.Number)
		thumb := w.Finger(v.Person, templates.RightThumb, v.Number)
		fmt.Println(w.FaceModel(), len(face), "values,", len(thumb.Minutiae), "minutiae")
	}
	// Output:
	// Шевченко Квітослава Андріївна / Shevchenko Kvitoslava F 1943-12-01 SYR XUJ474537
	// truth: person 7 changes: none
	// synth-512-f0.25 512 values, 42 minutiae
	// Омелець Квітослава Андріївна / Omelets Kvitoslava F 1943-12-01 SYR XUQ843324
	// truth: person 7 changes: surname
	// synth-512-f0.25 512 values, 37 minutiae
}
