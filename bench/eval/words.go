package eval

import (
	"fmt"
	"strings"
)

// words are the texts of a report in one language.
type words map[string]string

// Languages of reports.
func wordsOf(lang string) (words, error) {
	switch lang {
	case "en":
		return english(), nil
	case "uk":
		return ukrainian(), nil
	}
	return nil, fmt.Errorf("language %q, want en or uk", lang)
}

func english() words {
	return words{
		"lang": "en", "heading": "Evaluation of biometric performance", "summary": "In short", "origin": "Data", "protocol": "Protocol", "date": "Date",
		"counts": "Counts", "samples": "samples", "persons": "persons", "fingers": "fingers", "mated": "mated", "nonMated": "non-mated", "comparisons": "comparisons",
		"rates": "Error rates", "rate": "figure", "value": "value", "bounds": "95 % bounds", "threshold": "threshold", "behind": "errors / trials", "remark": "remark",
		"det": "Detection error trade-off", "fmr": "false match rate (FMR)", "fnmr": "false non-match rate (FNMR)",
		"scores": "Distribution of scores", "score": "score", "share": "share, each to its own top", "cmc": "Identification by rank (CMC)", "rank": "rank", "found": "mates found",
		"reject": "Error versus reject", "rejected": "rejected, lowest quality first", "open": "Open-set identification", "fpir": "FPIR", "fnir": "FNIR", "reached": "FPIR reached",
		"gallery": "gallery", "searches": "searches", "sets": "By set", "cells": "By group", "set": "set", "sex": "sex", "age": "age", "station": "station", "quality": "quality",
		"suppressed": "fewer than 10 persons, or hidden to protect such a group", "common": "at the common threshold of FMR 0.1 %", "peer": "Beside another system, on the same pairs",
		"ours": "this system", "difference": "difference", "pairs": "pairs", "decided": "bounds of the difference", "better": "better", "worse": "worse", "open2": "not decided by these data",
		"folds": "10-fold accuracy", "mincllr": "minimum Cllr", "cllr": "Cllr", "bits": "bits", "fte": "failure to enroll (FTE)", "exact": "every comparison counted exactly", "sketch": "exact at both ends of the scores; between them thresholds are known within",
		"beyond": "more asked for than the data bear: FMR is shown only to be below", "few": "fewer than 30 errors: not known within 30 %", "coarse": "threshold from the histogram; the value lies in", "how": "How this was computed",
		"bootstrap":            "Bounds: percentile bootstrap over persons, rounds and seed:",
		"none":                 "No bounds: the bootstrap was switched off, or the data do not say whose the comparisons are.",
		"rules":                "A comparison is accepted at a score >= the threshold. EER: mean of FMR and FNMR at the first threshold where FNMR >= FMR, or at the one before if their sum is not larger there. FMR100, FMR1000, FMR10000: lowest FNMR at FMR <= 1 %, 0.1 %, 0.01 %. ZeroFMR: lowest FNMR without a false match in these data. Rule of 3: after no error in n independent trials the rate is below 3/n with 95 % confidence. Rule of 30: a rate is known within 30 % with 90 % confidence after 30 errors. Terms are those of ISO/IEC 19795-1.",
		"notes":                "To be known before anything is concluded",
		"both-orders":          "Some pairs are in the file in both orders and count twice.",
		"duplicates-unchecked": "The file is longer than what is checked for pairs given twice (2,097,152 pairs).",
		"persons-from-labels":  "Persons were made by joining the samples of mated lines; bounds rest on that.",
		"sketch-note":          "There were more comparisons than are kept: the ends of the scores are exact, the rest are counted in a histogram.",
		"pairs-missing":        "Some pairs of the protocol have no score: the test is incomplete.",
		"common-pairs":         "The two systems do not have scores of the same pairs: they are compared on the common ones.",
		"failures-score-zero":  "Samples without a template take part with score 0 in each of their comparisons.",
		"not-operational":      "Results on public collections show how systems compare. They are no prediction for an operation, and no evidence about a legal limit.",
		"all-pairs":            "Every image is compared with every other one; errors in the labels of the collection count as errors of the system.",
		"pooled":               "over all sets, one threshold",
		ProtocolListed:         "Comparisons as the file lists them.",
		ProtocolFVC:            "FVC with all impostors: in each set every pair of impressions once, one threshold for all sets; a finger counts as a person.",
		ProtocolAllPairs:       "Every image with every other one, by the cosine. Identification: gallery of each person's first image, all others as probes, ties against the system; FPIR from the same probes with their mates left out.",
	}
}

func ukrainian() words {
	return words{
		"lang": "uk", "heading": "Оцінювання біометричної точності", "summary": "Коротко", "origin": "Дані", "protocol": "Протокол", "date": "Дата",
		"counts": "Кількість", "samples": "зразків", "persons": "осіб", "fingers": "пальців", "mated": "спільного походження", "nonMated": "різного походження", "comparisons": "порівнянь",
		"rates": "Частоти помилок", "rate": "показник", "value": "значення", "bounds": "межі 95 %", "threshold": "поріг", "behind": "помилок / спроб", "remark": "примітка",
		"det": "Крива компромісу помилок (DET)", "fmr": "частота хибних збігів (FMR)", "fnmr": "частота хибних незбігів (FNMR)",
		"scores": "Розподіл оцінок подібності", "score": "оцінка", "share": "частка, кожна до свого максимуму", "cmc": "Ідентифікація за рангом (CMC)", "rank": "ранг", "found": "знайдено",
		"reject": "Помилка залежно від відсіву", "rejected": "відсіяно, починаючи з найнижчої якості", "open": "Ідентифікація на відкритій множині", "fpir": "FPIR", "fnir": "FNIR", "reached": "досягнуто FPIR",
		"gallery": "галерея", "searches": "пошуків", "sets": "За наборами", "cells": "За групами", "set": "набір", "sex": "стать", "age": "вік", "station": "станція", "quality": "якість",
		"suppressed": "менше 10 осіб або приховано, щоб захистити таку групу", "common": "за спільного порога з FMR 0,1 %", "peer": "Поряд з іншою системою, на тих самих парах",
		"ours": "ця система", "difference": "різниця", "pairs": "пар", "decided": "межі різниці", "better": "краще", "worse": "гірше", "open2": "ці дані не дають відповіді",
		"folds": "точність за 10 частинами", "mincllr": "мінімальна Cllr", "cllr": "Cllr", "bits": "біт", "fte": "частота невдалих реєстрацій (FTE)", "exact": "кожне порівняння враховано точно", "sketch": "точно на обох кінцях шкали оцінок; між ними пороги відомі з точністю",
		"beyond": "запитано більше, ніж дозволяють дані: показано лише, що FMR нижча за", "few": "менше 30 помилок: похибка понад 30 %", "coarse": "поріг з гістограми; значення лежить у межах", "how": "Як це обчислено",
		"bootstrap":            "Межі: перцентильний бутстреп за особами; кількість повторів і зерно:",
		"none":                 "Без меж: бутстреп вимкнено, або дані не кажуть, чиї це порівняння.",
		"rules":                "Порівняння приймається за оцінки >= порога. EER: середнє FMR і FNMR на першому порозі, де FNMR >= FMR, або на попередньому, якщо сума там не більша. FMR100, FMR1000, FMR10000: найменша FNMR за FMR <= 1 %, 0,1 %, 0,01 %. ZeroFMR: найменша FNMR без жодного хибного збігу в цих даних. Правило трьох: якщо в n незалежних спробах помилок не було, частота з довірою 95 % нижча за 3/n. Правило тридцяти: після 30 помилок частота відома в межах 30 % з довірою 90 %. Терміни: ISO/IEC 19795-1.",
		"notes":                "Що треба знати перед висновками",
		"both-orders":          "Деякі пари записано в обох порядках; вони враховані двічі.",
		"duplicates-unchecked": "Файл довший, ніж перевіряється на повтори пар (2 097 152 пари).",
		"persons-from-labels":  "Осіб утворено об’єднанням зразків із рядків спільного походження; межі спираються на це.",
		"sketch-note":          "Порівнянь більше, ніж зберігається: кінці шкали точні, решту враховано в гістограмі.",
		"pairs-missing":        "Деякі пари протоколу не мають оцінки: випробування неповне.",
		"common-pairs":         "Системи мають оцінки різних пар: порівняно лише спільні.",
		"failures-score-zero":  "Зразки без шаблону беруть участь з оцінкою 0 у кожному порівнянні.",
		"not-operational":      "Результати на публічних збірках показують, як системи співвідносяться між собою. Вони не є прогнозом для роботи установи і не доводять дотримання законних меж.",
		"all-pairs":            "Кожне зображення порівняно з кожним іншим; помилки в мітках збірки рахуються як помилки системи.",
		"pooled":               "усі набори, один поріг",
		ProtocolListed:         "Порівняння в тому вигляді, як їх наведено у файлі.",
		ProtocolFVC:            "FVC з усіма сторонніми: у кожному наборі кожна пара відбитків по одному разу, один поріг для всіх наборів; палець рахується за особу.",
		ProtocolAllPairs:       "Кожне зображення з кожним іншим, за косинусом. Ідентифікація: у галереї перше зображення кожної особи, решта — проби, рівні оцінки — не на користь системи; FPIR — за тими самими пробами без власних зображень.",
	}
}

// number has a way to write numbers write them as the language does.
func (w words) number(f func(float64) string) func(float64) string {
	if w["lang"] != "uk" {
		return f
	}
	return func(v float64) string { return strings.ReplaceAll(f(v), ".", ",") }
}

// percent is a share with two decimals.
func (w words) percent(v float64) string {
	return w.number(func(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) })(v)
}

// note spells out a code.
func (w words) note(code string) string {
	if code == noteSketch {
		code = "sketch-note"
	}
	if t, ok := w[code]; ok {
		return t
	}
	return code
}

// Note spells out a note or a protocol of a report in English.
func Note(code string) string { return english().note(code) }
